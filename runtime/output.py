"""Prints a command's result, whatever the terminal, pipe or file behind it can take.

A command whose result cannot be printed may still have done what it should. So an error of standard
output has an exception of its own, and a character that its encoding lacks is written as its
number.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TextIO, cast

import language
from language import N_, _
from runtime.begin import EXIT_INTERRUPTED
from runtime.limits import MAX_ERROR_CHARACTERS

_COMMON = (
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("Operation not permitted"),
    N_("No space left on device"),
    N_("Read-only file system"),
    N_("File exists"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("Directory not empty"),
    N_("File name too long"),
    N_("Too many open files"),
    N_("Input/output error"),
    N_("Broken pipe"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Address already in use"),
    N_("Cannot assign requested address"),
    N_("Disk quota exceeded"),
    N_("File too large"),
    N_("Cannot allocate memory"),
    N_("Invalid argument"),
    N_("Resource temporarily unavailable"),
    N_("Connection timed out"),
    N_("No such device or address"),
    N_("Too many levels of symbolic links"),
    N_("timed out"),
)

_SAMPLE = N_("Interrupted.")
"""A text to try whether standard output can print the language's letters."""

NOTHING_ORDERED = N_("Nothing was ordered; ask again.")

EXIT_USAGE = 2
EXIT_UNHEARD = 3
"""The result is not known, or was not printed. No answer has the same code: one does the same."""


def harmless(text: str) -> str:
    """A peer's words, made safe for a terminal or a log: shortened, control characters escaped.

    The contract bounds the fields of messages, but not the words of an error.
    """
    shown = text[:MAX_ERROR_CHARACTERS]
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in shown)


def quoted(text: str) -> str:
    """Somebody's own words in quotation marks, which they cannot close; safe for a terminal."""
    words = " ".join(harmless(text).split()).replace("”", "'")
    return f"“{words}”" if words else ""


def of_this_machine(error: Exception) -> str:
    """Says what went wrong with a file, disk or database of this machine; "" for other errors.

    For a database it is the driver's own message: what SQLAlchemy adds, which may have values in
    it, is left out.
    """
    if isinstance(error, OSError):
        what = reason_of(error)
        return f"{error.filename}: {what}" if error.filename else what
    original = getattr(error, "orig", None)  # of SQLAlchemy's errors, which cost much to import
    if isinstance(original, Exception):
        return _("the database: {error}").format(error=original)
    return ""


def reason_of(error: Exception) -> str:
    """Why a file or a connection failed; common reasons are in the reader's language."""
    if isinstance(error, UnicodeError):
        return _("it is no text in UTF-8")
    if isinstance(error, EOFError):
        return _("it ends in the middle")
    return _(getattr(error, "strerror", None) or str(error))


_only_asks = False


class Unprintable(Exception):
    """Something could not be printed to standard output; the message says why."""

    @property
    def reader_left(self) -> bool:
        """Whether it was a pipe whose reader has closed it."""
        return str(self) == _("Broken pipe")


class _Stream:
    """A text stream over another one, which reports an error by calling `on_error`.

    Attributes:
        used: whether anything was written to it.
    """

    def __init__(self, stream: TextIO | None, on_error: Callable[[str], None]) -> None:
        self._stream = stream if stream is not None else io.StringIO()
        self._why = _("it is closed") if stream is None else ""
        self._on_error = on_error
        self.used = False

    def write(self, text: str) -> int:
        """Writes a text, or reports why not."""
        self.used = True
        if self._why:
            self._on_error(self._why)
            return len(text)
        try:
            return self._stream.write(text)
        except (OSError, ValueError) as error:
            self._broken(error)
            return len(text)

    def flush(self) -> None:
        """Flushes what was written, or reports why not."""
        if self._why:
            return  # it was reported when it broke; Python flushes once more at its end
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._broken(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _broken(self, error: OSError | ValueError) -> None:
        self._why = reason_of(error) if isinstance(error, OSError) else str(error)
        _let_go(self._stream)
        self._on_error(self._why)


def guard_output() -> None:
    """From now on standard output raises Unprintable, and standard error drops its errors."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = cast(TextIO, _Stream(sys.stdout, _unprintable))
    # There is nowhere left to report that standard error is broken.
    sys.stderr = cast(TextIO, _Stream(sys.stderr, lambda _: None))


def only_asks() -> None:
    """To be called by a command that only asks: nothing is left open when its answer is lost."""
    global _only_asks
    _only_asks = True


def asks_only() -> bool:
    """Whether the running command only asks and orders nothing."""
    return _only_asks


def run_command(command: Callable[[], object], following: str) -> None:
    """Runs a command line, and gives every failure an exit code that no refusal has.

    Args:
        command: the command line; it may end the process by SystemExit itself.
        following: what a person can do when it is not known what was done; in English.

    Raises:
        SystemExit: EXIT_INTERRUPTED after an interrupt; EXIT_UNHEARD after a fault of the program,
            or when the result could not be printed.
    """
    global _only_asks
    _only_asks = False
    guard_output()
    _choose_language()
    try:
        try:
            command()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        _end(EXIT_INTERRUPTED, "INTERRUPTED", _("Interrupted."), following)
    except Unprintable as error:
        if _only_asks and error.reader_left:
            raise SystemExit(EXIT_UNHEARD) from None  # as `head` does when it has seen enough
        said = _("The result could not be printed: {error}.").format(error=error)
        _end(EXIT_UNHEARD, "UNPRINTABLE", said, following)
    except Exception:
        sys.stderr.write(traceback.format_exc())
        said = _("This is a fault of the program, and what it did is not known.")
        _end(EXIT_UNHEARD, "FAULT", said, following)


def json_ascii() -> bool:
    """Whether JSON must be in ASCII, because standard output has no Unicode encoding."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return not encoding.lower().replace("-", "").startswith("utf")


def can_print(text: str) -> bool:
    """Whether standard output can encode all characters of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def asked_for_json() -> bool:
    """Whether ``--json`` was typed; for errors before the command is known."""
    return any(word == "--json" or word.startswith("--json=") for word in sys.argv[1:])


def _choose_language() -> None:
    """Chooses the reader's language, but English for JSON, which programs read.

    It is English too where standard output cannot print the language's letters.
    """
    if not asked_for_json() and language.choose(os.environ) and not can_print(_(_SAMPLE)):
        language.choose({})


def _end(code: int, reason: str, what: str, following: str) -> NoReturn:
    """Says how the command ended, as JSON if that was asked for and none is out yet, and exits."""
    following = _(NOTHING_ORDERED) if _only_asks else _(following)
    if asked_for_json() and reason != "UNPRINTABLE" and not getattr(sys.stdout, "used", True):
        fields = {"ok": False, "reason": reason, "message": what, "next": following}
        with suppress(Unprintable):
            sys.stdout.write(json.dumps(fields, ensure_ascii=json_ascii()) + "\n")
            sys.stdout.flush()
    else:
        sys.stderr.write(f"{what}\n{following}\n")
        sys.stderr.flush()
    raise SystemExit(code)


def _unprintable(why: str) -> NoReturn:
    raise Unprintable(why)


def _let_go(stream: TextIO) -> None:
    """Sends what the stream still holds to nowhere; else Python would fail when it ends."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return  # it is no file, so nothing is left to be written
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
