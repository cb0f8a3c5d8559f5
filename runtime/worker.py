"""Runs a step again and again in a thread of its own, with growing pauses after errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from runtime.database import is_away
from runtime.errors import NoAnswer, Refusal
from runtime.logs import logger

FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
DATABASE_PATIENCE_S = 300.0


class Worker:
    """Calls `step` again and again until stopped.

    A step returns True when it did something and should be called again at once. When it raises
    NoAnswer or Refusal, it is called again after a pause that grows up to a bound. The same happens
    for up to DATABASE_PATIENCE_S while its database's server is away, for maintenance for example.
    Any other error ends the worker: `on_fatal_error` is called with it, once.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], bool],
        *,
        idle_s: float,
        on_fatal_error: Callable[[BaseException], None],
    ) -> None:
        self._name = name
        self._step = step
        self._idle_s = idle_s
        self._on_fatal_error = on_fatal_error
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._log = logger(name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Says that there is work, so that the next step does not wait."""
        self._wake.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Begins no other step, and waits up to `timeout_s` for the running one to end."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        away_since: float | None = None
        while True:
            # Clear first, then look: else a `stop` in between would be missed while waiting.
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                busy = self._step()
                pause, away_since = FIRST_PAUSE_S, None
                if not busy:
                    self._wake.wait(self._idle_s)
            except (NoAnswer, Refusal) as error:
                self._log.warning("will try again", error=str(error), pause_s=pause)
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            except Exception as error:
                now = time.monotonic()
                away_since = now if away_since is None else away_since
                if is_away(error) and now - away_since < DATABASE_PATIENCE_S:
                    self._log.warning("the database does not answer", pause_s=pause)
                    self._stop.wait(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_S)
                    continue
                self._log.exception("stopped by a fatal error")
                self._on_fatal_error(error)
                return
