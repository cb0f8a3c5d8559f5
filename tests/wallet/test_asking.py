"""What is asked at a terminal, and what no answer or a no comes to."""

from __future__ import annotations

import io
import sys

import pytest

from wallet.cli.asking import ask, consent
from wallet.cli.console import UsageError


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("typed", ["y\n", "yes\n", " Y \n"])
def test_a_yes_is_taken(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ask("Sign it? ", "nothing was signed")


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yess\n"])
@pytest.mark.parametrize("otherwise", ["nothing was signed", ""])
def test_all_else_is_a_no_that_says_what_was_not_done(
    monkeypatch: pytest.MonkeyPatch, typed: str, otherwise: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    with pytest.raises(UsageError, match=f"^{otherwise or 'nothing was paid'}$"):
        ask("Sign it? ", otherwise)


def test_where_nobody_can_be_asked_it_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="nothing was paid"):
        ask("Pay? ")


def test_nothing_is_signed_where_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(UsageError, match="--yes"):
        consent("Sign it?", "nothing was signed", yes=False)
    consent("Sign it?", "nothing was signed", yes=True)
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    with pytest.raises(UsageError, match="^nothing was signed$"):
        consent("Sign it?", "nothing was signed", yes=False)
