"""Masks the name of a payee: enough for somebody who knows them, and nothing for others."""

from __future__ import annotations

from unicodedata import name as name_of

_MOST_WORDS = 3


def masked(name: str) -> str:
    """A name as a payer is shown it: "李*", "A. K***"; "" for no name.

    How long a name is does not show.
    """
    words = name.split()[:_MOST_WORDS]
    if not words:
        return ""
    first = words[0][0]
    if len(words) == 1 and "CJK" in name_of(first, ""):
        return f"{first}*"
    return " ".join([f"{word[0]}." for word in words[:-1]] + [f"{words[-1][0]}***"])
