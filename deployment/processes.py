"""Starts processes of the stack in groups of their own, finds them by id, and ends them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployment.limits import LOG_TAIL_LINES, LOOK_TIMEOUT_S, STOP_TIMEOUT_S
from language import _
from runtime.private import close_to_others, make_private

_ERROR = re.compile(r'"level": ?"(?:error|critical)"')


class ProcessFailed(Exception):
    """A process ended, or did not become healthy, when it should have been serving."""


@dataclass(frozen=True)
class ServiceCommand:
    """What to run: a Python module with arguments, and where its output goes.

    The module has its full name, for one of ours the one that `own` gives.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    log: Path
    logs_of_parts: tuple[Path, ...] = ()
    """Logs of processes that it starts itself."""

    @property
    def argv(self) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", self.module, *self.arguments]


class Running:
    """A process that was started here, or found by its id."""

    def __init__(
        self,
        command: ServiceCommand,
        pid: int,
        child: subprocess.Popen[bytes] | None,
        logged_before: Mapping[Path, int] | None = None,
    ) -> None:
        """Takes a running process.

        Args:
            command: what it runs.
            pid: its process id, which is also its group's.
            child: the process, if it was started here.
            logged_before: how many bytes each of its logs had before it started.
        """
        self.command = command
        self.pid = pid
        self._child = child
        self._logged_before = logged_before or {}

    @classmethod
    def start(cls, command: ServiceCommand, environment: dict[str, str] | None = None) -> Running:
        """Starts ``command`` as the leader of a new process group."""
        make_private(command.log.parent)
        with command.log.open("ab") as out:
            close_to_others(command.log)
            logged_before = {log: _size(log) for log in (command.log, *command.logs_of_parts)}
            child = subprocess.Popen(
                command.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=_environment({"DCEP_LOG_FILE": str(command.log), **(environment or {})}),
            )
        _await_arguments(child)
        return cls(command, child.pid, child, logged_before)

    @classmethod
    def find(cls, command: ServiceCommand, pid: int) -> Running | None:
        """The process ``pid`` if it still runs this very command, else None.

        The system uses process ids again, so the command line is compared before anybody sends a
        signal.
        """
        wanted = [command.module, *command.arguments]
        return cls(command, pid, None) if _arguments_of(pid)[-len(wanted) :] == wanted else None

    def alive(self) -> bool:
        """Whether the process still runs."""
        if self._child is not None:
            return self._child.poll() is None
        return Running.find(self.command, self.pid) is not None

    def terminate(self) -> None:
        """Asks it to drain and end (SIGTERM)."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once, as a power cut would (SIGKILL), and waits until it is gone."""
        self._send(signal.SIGKILL)
        self._wait(STOP_TIMEOUT_S)

    def stop(self) -> None:
        """Sends SIGTERM and waits; then SIGKILL for what is left of its group."""
        self.terminate()
        if not self._wait(STOP_TIMEOUT_S):
            self._send(signal.SIGKILL)
            self._wait(STOP_TIMEOUT_S)

    def ended(self) -> str:
        """A sentence that it ended by itself, with the end of its log."""
        return _("{name} ended:\n{last_words}").format(
            name=self.command.name, last_words=self._last_words()
        )

    def late(self, timeout_s: float) -> str:
        """A sentence that it does not serve yet after so long, with the end of its log."""
        return _("{name} is not healthy after {timeout_s:.0f} s:\n{last_words}").format(
            name=self.command.name, timeout_s=timeout_s, last_words=self._last_words()
        )

    def log_tail(self) -> str:
        """The last lines of its log that are for people, or else the last lines, all since it
        started.

        Errors are for people, even where they are logged as JSON.
        """
        logs = (self.command.log, *self.command.logs_of_parts)
        lines = [line for log in logs for line in self._own_lines(log)]
        told = [line for line in lines if not line.startswith("{") or _ERROR.search(line)]
        return "\n".join((told or lines)[-LOG_TAIL_LINES:])

    def _last_words(self) -> str:
        log = self.command.log
        said = self.log_tail()
        if not said:
            return _("it has said nothing yet; what it says goes into {log}").format(log=log)
        return _("{said}\n(the end of {log})").format(said=said, log=log)

    def _own_lines(self, log: Path) -> list[str]:
        logged = log.read_bytes() if log.exists() else b""
        # A log that is shorter now was begun anew meanwhile.
        own = logged[self._logged_before.get(log, 0) :] or logged
        return own.decode(errors="replace").splitlines()

    def _send(self, number: signal.Signals) -> None:
        if not self.alive():
            return
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return  # it ended between the look and the signal, which is what we wanted

    def _wait(self, timeout_s: float) -> bool:
        if self._child is not None:
            try:
                self._child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return False
            return True
        ends_at = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > ends_at:
                return False
            time.sleep(0.02)
        return True


@contextmanager
def interrupted_later() -> Iterator[None]:
    """A context that delays Ctrl-C and SIGTERM, so that everything started in it becomes known
    first.
    """
    if threading.current_thread() is not threading.main_thread():  # only that gets signals
        yield
        return
    came: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda got, _: came.append(got)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for got in came:
            signal.raise_signal(got)


def stop_all(processes: Sequence[Running]) -> None:
    """Asks all of them to end at once, and then waits for each."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.stop()


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """This process's environment, in which the child can import the same modules, with changes."""
    found = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, "PYTHONPATH": found, **extra}


def _arguments_of(pid: int) -> list[str]:
    """The command line of a process; empty if there is no such process, or it is a zombie."""
    proc = Path(f"/proc/{pid}/cmdline")
    if proc.parent.parent.joinpath("self").exists():
        try:
            return proc.read_bytes().decode(errors="replace").split("\0")[:-1]
        except (FileNotFoundError, ProcessLookupError):
            return []
    listed = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.split()


def _await_arguments(child: subprocess.Popen[bytes]) -> None:
    """Waits until the system shows a new process's command line, by which others find it."""
    ends_at = time.monotonic() + LOOK_TIMEOUT_S
    while child.poll() is None and not _arguments_of(child.pid) and time.monotonic() < ends_at:
        time.sleep(0.001)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
