"""Looks after a stack: a service that ends by itself is started again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from deployment.another_stack import AnotherStack
from deployment.processes import Running
from language import _
from runtime.output import reason_of
from sandbox.limits import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, WATCH_POLL_S
from sandbox.stack.supervisor import Stack
from sandbox.stack.watch import Watch


def look_after(stack: Stack, ended: threading.Event, say: Callable[[str], None]) -> None:
    """Waits for `ended`; a service that ends by itself is started again, after a pause.

    The others go on. The pause doubles up to a bound, and is short again for a service that has
    run for a while. Whoever started a service: of several processes that look after one stack, one
    starts it again, and the others see it.

    Args:
        stack: as this process sees it.
        ended: set once nothing is to be looked after any more.
        say: prints or logs a sentence.
    """
    care = Care(stack, say)
    try:
        while not ended.wait(WATCH_POLL_S):
            care.look()
    finally:
        care.watch.end()


class Care:
    """Restarts the services of a stack that one process looks after."""

    def __init__(self, stack: Stack, say: Callable[[str], None]) -> None:
        self.watch = Watch(stack.plan.logs)
        self._stack = stack
        self._say = say
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._tried: dict[str, float] = {}
        self._left: set[str] = set()
        """Services that are down and that another command has the right to start."""

    def look(self) -> None:
        """Looks at each service once."""
        for name in self._stack.attach():
            self._settled(name)
            self._say(_("{name} was started by another command").format(name=name))
        for name, process in list(self._stack.running.items()):
            mine = self.watch.has(name)
            if not process.alive():
                self._is_down(name, process, mine)

    def _is_down(self, name: str, process: Running, mine: bool) -> None:
        if self._stack.was_stopped(name):
            self._stack.forget(name)
            self._settled(name)
            self._say(_("{name} was stopped").format(name=name))
        elif not mine:
            # It stays known: who has the right may end before it starts it.
            if name not in self._left:
                self._left.add(name)
                said = _("{name} ended; another `dcep up` starts it again")
                self._say(said.format(name=name))
        elif name not in self._due:
            pause = self._pause(name)
            last = "\n".join(process.log_tail().splitlines()[-1:])
            self._say(
                _("{name} ended; it is started again in {pause:.0f} s. {last}").format(
                    name=name, pause=pause, last=last
                )
            )
        elif time.monotonic() >= self._due[name]:
            self._start(name)

    def _start(self, name: str) -> None:
        self._tried[name] = time.monotonic()
        theirs = name not in self._stack.started
        try:
            self._stack.start(name)
        except (AnotherStack, OSError) as cause:
            pause = self._pause(name)
            self._say(
                _("{name} is not started; it is tried again in {pause:.0f} s. {cause}").format(
                    name=name, pause=pause, cause=reason_of(cause)
                )
            )
            return
        self._settled(name)
        if name not in self._stack.started:
            self._say(_("{name} was started by another command").format(name=name))
            return
        if theirs:
            self._stack.leave_running(name)
        self._say(_("{name} is started again").format(name=name))

    def _pause(self, name: str) -> float:
        """The pause before a service's next start: short, but longer if the last was just now."""
        now = time.monotonic()
        steady = name not in self._tried or now - self._tried[name] > STEADY_S
        pause = FIRST_PAUSE_S if steady else min(2 * self._pauses[name], LONGEST_PAUSE_S)
        self._pauses[name], self._due[name] = pause, now + pause
        return pause

    def _settled(self, name: str) -> None:
        self._due.pop(name, None)
        self._left.discard(name)
