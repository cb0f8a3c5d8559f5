"""Asks the holder at the terminal; what is asked goes to standard error."""

from __future__ import annotations

import sys

from language import _
from wallet.cli.console import Output, UsageError


def answer(question: str) -> str:
    """What the holder types in answer to a question; "" if there is nobody to ask."""
    if not sys.stdin.isatty():
        return ""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def ask(question: str, otherwise: str = "") -> None:
    """Raises UsageError unless the holder says yes; `otherwise`: what it says, not "unpaid"."""
    if answer(question).lower() not in ("y", "yes"):
        raise UsageError(otherwise or _("nothing was paid"))


def agree(pays: str, *, sure: bool, otherwise: str, output: Output) -> None:
    """Tells the holder what is paid and to whom, and asks whether that is right if it has to.

    Args:
        pays: that, in a sentence's words.
        sure: they need not be asked.
        otherwise: what is said when there is nobody to ask.
        output: of the command.

    Raises:
        UsageError: the holder does not say yes, or nobody can be asked.
    """
    if sure:
        output.say(_("Paying {pays}.").format(pays=pays))
    elif sys.stdin.isatty():
        ask(_("Pay {pays}. Is that right? [y/N] ").format(pays=pays))
    else:
        raise UsageError(otherwise)


def consent(question: str, otherwise: str, *, yes: bool) -> None:
    """Asks the holder before something is signed, unless they have said yes in advance.

    Args:
        question: what is asked.
        otherwise: what is said when the holder does not say yes.
        yes: they have.

    Raises:
        UsageError: the holder does not say yes, or nobody can be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(_("nobody can be asked here; look at it, and say --yes"))
    ask(f"{question} ", otherwise)
