"""Shows a recovery phrase, once, and reads one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from language import _
from wallet.cli.asking import answer
from wallet.cli.console import UsageError

if TYPE_CHECKING:
    from runtime.randomness import Randomness
    from wallet.app import App
    from wallet.cli.console import Output

_ASKED_BACK, _TRIES = 2, 3
_LONGEST = 1_000


def phrase_for(app: App, output: Output, bank: str, *, wanted: bool) -> bytes:
    """The recovery key that is named to a bank; b"" for none.

    A new phrase is shown to who sits at the terminal, who has to repeat two of its words, or given
    to a program, as `phrase`. Where neither is, nobody could write it down, and none is made. A
    phrase that was shown before, and that the bank may not have heard of, is taken again.

    Raises:
        UsageError: the words were not repeated right.
    """
    kept = app.home.recovery_key(bank)
    if output.as_json and (wanted or kept):
        output.besides["phrase"] = None
    if kept:
        output.say(_("The recovery phrase that was shown before is the one that counts."))
        return kept
    if not wanted or not (output.as_json or sys.stdin.isatty()):
        return b""
    from wallet.recovery.phrase import made, recovery_key

    words = made(app.randomness)
    if output.as_json:
        output.besides["phrase"] = words
    else:
        _show(words.split(), app.randomness)
    key = bytes(recovery_key(words, bank).verify_key)
    app.home.keep_recovery_key(bank, key)
    return key


def read() -> str:
    """The phrase that the holder types, or that a program writes on a line. Raises PhraseError."""
    from wallet.recovery.phrase import typed

    if sys.stdin.isatty():
        return typed(answer(_("The 12 words of the recovery phrase: ")))
    return typed(sys.stdin.readline(_LONGEST))


def _show(words: list[str], randomness: Randomness) -> None:
    """Shows a phrase on the terminal, and has two of its words repeated. Raises UsageError."""
    for again in range(_TRIES):
        lines = [
            "  ".join(f"{place + 1:>2}. {words[place]:<8}" for place in range(row, row + 4))
            for row in range(0, len(words), 4)
        ]
        said = _(
            "This is the wallet's recovery phrase. Write it down on paper, and keep it where "
            "nobody finds it: it gives you the wallet back when this home is lost, and it gives "
            "it to whoever else has it. It is not kept, and not shown again."
        )
        sys.stderr.write("\n".join(("", said, "", *lines, "", "")))
        if all(_knows(words, place) for place in _places(len(words), randomness)):
            return
        if again < _TRIES - 1:
            sys.stderr.write(_("That is another word. Look at what you have written down.") + "\n")
    raise UsageError(_("the phrase was not written down right; nothing was done"))


def _knows(words: list[str], place: int) -> bool:
    return answer(_("Word {place}: ").format(place=place + 1)).lower() == words[place]


def _places(count: int, randomness: Randomness) -> list[int]:
    """Two of so many places, in order."""
    left = list(range(count))
    drawn = [left.pop(byte % len(left)) for byte in randomness.bytes(_ASKED_BACK)]
    return sorted(drawn)
