"""Asks the holder at the terminal; what is asked goes to standard error."""

from __future__ import annotations

import sys

from language import _
from wallet.cli.console import UsageError


def answer(question: str) -> str:
    """What the holder types in answer to a question; "" if there is nobody to ask."""
    if not sys.stdin.isatty():
        return ""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def ask(question: str) -> None:
    """Raises UsageError unless the holder says yes."""
    if answer(question).lower() not in ("y", "yes"):
        raise UsageError(_("nothing was paid"))
