"""Writes structured logs: JSON for machines, colours on a terminal. Never pass a secret here.

A line that cannot be written is dropped and counted: no call fails because a disk is full or nobody
reads the other end of a pipe. A log file is bounded, and so is what peers can put into one line.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import structlog

from runtime.limits import LOG_FILES, MAX_LOG_BYTES, MAX_LOG_EXCEPTION, MAX_LOG_TEXT
from runtime.private import PRIVATE_FILE, make_private

_ERRORS = (OSError, ValueError)
"""The errors of a failed write; ValueError is for a closed file."""


def configure_logs(service: str, file: str | Path = "") -> None:
    """Sets up the process's logging; a main calls it once, before it opens anything.

    Where a standard stream is closed, what it reads or writes is nothing from then on: otherwise
    the next file or connection would get its number, and with it what is printed.

    Args:
        service: its name, in every line.
        file: where the lines go, with everything else that the process prints; it is kept to
            LOG_FILES files of MAX_LOG_BYTES. "", or one that cannot be opened: to standard error.
    """
    _open_standard_streams()
    terminal = not file and sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    lines, why_not = _lines(file)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _bounded,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _Writes(lines),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    if why_not:
        logger("logs").warning("the log goes to standard error", file=str(file), error=why_not)


def _open_standard_streams() -> None:
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one; a process started from here has it too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            stream = open(number, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def say(sentence: str) -> None:
    """Prints a sentence for people on standard error; one that cannot be written is dropped."""
    with suppress(*_ERRORS):
        print(sentence, file=sys.stderr, flush=True)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose lines carry `name` as their `part`."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(part=name)
    return bound


class Lines:
    """Where lines go: a file that is rotated when it is full, or standard error.

    Attributes:
        lost: how many lines could not be written.
    """

    def __init__(
        self, path: Path | None, *, max_bytes: int = MAX_LOG_BYTES, files: int = LOG_FILES
    ) -> None:
        self.lost = 0
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._lock = threading.Lock()
        self._out: TextIO = sys.stderr
        if path is not None:
            self._open(path)

    def write(self, line: str) -> None:
        """Writes a line; one that cannot be written is dropped and counted in `lost`."""
        with self._lock:
            try:
                if self._path is not None and self._out.tell() + len(line) >= self._max_bytes:
                    self._exchange(self._path)
                self._out.write(line + "\n")
                self._out.flush()
            except _ERRORS:
                self.lost += 1

    def _open(self, path: Path) -> None:
        make_private(path.parent)
        out = open(path, "a", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        os.chmod(path, PRIVATE_FILE)
        # What libraries print, and what a process prints as it dies, belong there too.
        for printed in (1, 2):
            os.dup2(out.fileno(), printed)
        self._out = out

    def _exchange(self, path: Path) -> None:
        # It is missing where the one before could not be followed by another: that one goes on.
        for number in range(self._files - 1, 0, -1) if path.exists() else ():
            older = _numbered(path, number - 1)
            if older.exists():
                os.replace(older, _numbered(path, number))
        full = self._out
        self._open(path)
        full.close()


def _lines(file: str | Path) -> tuple[Lines, str]:
    """Where lines go, and why not into the file, if they do not."""
    if not file:
        return Lines(None), ""
    try:
        return Lines(Path(file)), ""
    except OSError as error:
        return Lines(None), str(error)


class _Writes:
    """The logger that structlog gives its rendered lines to."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def msg(self, line: str) -> None:
        self._lines.write(line)

    debug = info = warning = warn = error = critical = exception = fatal = failure = log = msg


def _numbered(path: Path, number: int) -> Path:
    return path if number == 0 else path.with_name(f"{path.name}.{number}")


def _bounded(_: object, __: str, event: Any) -> Any:
    """Bounds each text's length, and escapes what would begin a line or control a terminal."""
    for name, value in event.items():
        if not isinstance(value, str):
            continue
        if name == "exception":
            event[name] = value[-MAX_LOG_EXCEPTION:]
        elif len(value) > MAX_LOG_TEXT or not value.isprintable():
            short = value[:MAX_LOG_TEXT]
            event[name] = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)
    return event
