"""What a command prints, whatever the terminal, pipe or file behind it can take.

A command whose result cannot be printed has not failed at what it did. So what goes wrong with
standard output is an exception of its own, and a character that the other side has no code for is
written as its number.
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
"""Letters of the language."""

NOTHING_ORDERED = N_("Nothing was ordered; ask again.")

EXIT_USAGE = 2
EXIT_UNHEARD = 3
"""Nobody heard what came of it: the same code as for no answer, since the same is to be done."""


def harmless(text: str) -> str:
    """A peer's words for a terminal or a log: what steers one is written as its number.

    The contract bounds fields of messages, not the words of an error.
    """
    shown = text[:MAX_ERROR_CHARACTERS]
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in shown)


def of_this_machine(error: Exception) -> str:
    """What files, disks or databases of this machine would not do, as a sentence; "" for others.

    The message of a database names no values: what SQLAlchemy adds to it is left out.
    """
    if isinstance(error, OSError):
        what = reason_of(error)
        return f"{error.filename}: {what}" if error.filename else what
    original = getattr(error, "orig", None)  # of SQLAlchemy's errors, which cost much to import
    if isinstance(original, Exception):
        return _("the database: {error}").format(error=original)
    return ""


def reason_of(error: Exception) -> str:
    """Why a file or a connection failed, in the reader's language where that is common."""
    if isinstance(error, UnicodeError):
        return _("it is no text in UTF-8")
    if isinstance(error, EOFError):
        return _("it ends in the middle")
    return _(getattr(error, "strerror", None) or str(error))


_only_asks = False


class Unprintable(Exception):
    """Standard output did not take what was printed; the message says why."""

    @property
    def reader_left(self) -> bool:
        """Whether it was a pipe whose reader wants no more."""
        return str(self) == _("Broken pipe")


class _Stream:
    """A text stream over another one; what it cannot do is told by `on_error`.

    Attributes:
        used: whether anything was written.
    """

    def __init__(self, stream: TextIO | None, on_error: Callable[[str], None]) -> None:
        self._stream = stream if stream is not None else io.StringIO()
        self._why = _("it is closed") if stream is None else ""
        self._on_error = on_error
        self.used = False

    def write(self, text: str) -> int:
        """Writes, or tells why not."""
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
        """Has what was written go out, or tells why it does not."""
        if self._why:
            return  # it was told when it broke; Python flushes once more at its end
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
    """Standard output raises Unprintable from now on; standard error keeps a command going."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = cast(TextIO, _Stream(sys.stdout, _unprintable))
    # There is no place left to say that there is no place.
    sys.stderr = cast(TextIO, _Stream(sys.stderr, lambda _: None))


def only_asks() -> None:
    """The command that runs orders nothing: nothing is left open when its answer is lost."""
    global _only_asks
    _only_asks = True


def asks_only() -> bool:
    """Whether the command that runs orders nothing."""
    return _only_asks


def run_command(command: Callable[[], object], following: str) -> None:
    """Runs a command line to its exit code; never the code of a refusal for what is none.

    Args:
        command: the command line; it ends the process with SystemExit as it likes.
        following: what a person can do when it is not known what was done; in English.
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
    """Whether JSON has to keep to ASCII, because standard output is not in a Unicode encoding."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return not encoding.lower().replace("-", "").startswith("utf")


def can_print(text: str) -> bool:
    """Whether standard output has codes for all characters of a text."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def asked_for_json() -> bool:
    """Whether ``--json`` was typed: for what goes wrong before a command is known."""
    return any(word == "--json" or word.startswith("--json=") for word in sys.argv[1:])


def _choose_language() -> None:
    """The reader's, for people; programs read the same whoever runs them.

    Where standard output has no codes for a language, English is more use than their numbers.
    """
    if not asked_for_json() and language.choose(os.environ) and not can_print(_(_SAMPLE)):
        language.choose({})


def _end(code: int, reason: str, what: str, following: str) -> NoReturn:
    """Says how it ended: to people, or to a program that has got no object yet."""
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
    """Has what the stream still holds go nowhere, or Python would fail over it at its end."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return  # it is no file: nothing is held for one
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
