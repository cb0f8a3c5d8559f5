"""Cleans names, memos and causes as people type and paste them."""

from __future__ import annotations

from unicodedata import category


def typed(text: str) -> str:
    """The text that a person typed, in printable characters, as every bank takes it.

    A space of any width, such as the wide one of Chinese input methods, becomes a plain one. Marks
    that show nothing are left out: joiners of emoji, byte order marks, soft hyphens, marks of
    direction. Control characters stay; whoever takes the text refuses them.
    """
    kept = (" " if category(one) == "Zs" else one for one in text if category(one) != "Cf")
    return "".join(kept)
