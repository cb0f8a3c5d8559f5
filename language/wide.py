"""Lays out text in columns of a terminal, where a Chinese character takes two."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable

MIN_WIDTH = 40
"""The fewest columns that a terminal is taken to have."""

_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60"
_OPENING = "（《「『【"
_CLOSING = "，。；：！？、）》」』】"
# What is never broken: a word, an amount, or a Chinese character with the marks that belong to it.
_PART = re.compile(rf"[{_OPENING}]*(?:[^\s{_WIDE}]+|[{_WIDE}])?[{_CLOSING}]*\s*")

# The same for Rich, whose parts have at least one character, and spaces on either side.
_RICH_PART = re.compile(rf"\s*[{_OPENING}]*(?:[^\s{_WIDE}]+|[{_WIDE}])[{_CLOSING}]*\s*")


def teach_rich() -> None:
    """Makes Rich break Chinese sentences between characters.

    Rich breaks only at spaces. So it cuts off a sentence without spaces that is wider than its
    column, and a page of help loses the end of many sentences. It also takes a space at the end of
    a full line for something to be cut off, because it counts characters there and not columns.
    """
    from rich import _wrap
    from rich.text import Text

    def rstrip_end(line: Text, size: int) -> None:
        if line.cell_len > size:
            line.rstrip()

    _wrap.re_word = _RICH_PART
    setattr(Text, "rstrip_end", rstrip_end)  # noqa: B010


def terminal() -> int:
    """Columns of the terminal; the variable COLUMNS counts first."""
    return max(MIN_WIDTH, shutil.get_terminal_size((80, 24)).columns)


def columns_of(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, width: int) -> str:
    """Text followed by spaces, up to so many columns."""
    return text + " " * (width - columns_of(text))


def labelled(rows: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Lines with labels and their texts side by side.

    Args:
        rows: (label, text) of each.
        width: columns of the labels; the longest label may take more. Text that has no room beside
            them continues on the next line.
    """
    found = list(rows)
    widest = max([width, *(columns_of(label) for label, _text in found)])
    lines: list[str] = []
    for label, text in found:
        first, *others = broken(text, terminal() - widest - 1)
        lines.append(f"{padded(label, widest)} {first}")
        lines += (" " * (widest + 1) + each for each in others)
    return lines


def broken(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` columns, broken where a reader would break them.

    A word is broken only if it is wider than a line.

    Args:
        text: what to break.
        width: columns of a line.
        indent: what each line but the first begins with.
    """
    lines: list[str] = []
    line = ""
    for part in _PART.findall(text):
        room = width - (len(indent) if lines else 0)
        if line and columns_of(line + part.rstrip()) > room:
            lines.append(line)
            line, room = "", width - len(indent)
        if columns_of(part.rstrip()) > room:
            from rich.cells import chop_cells

            *whole, part = chop_cells(part, room)
            lines += whole
        line += part
    lines.append(line)
    first, *others = (each.rstrip() for each in lines)
    return [first, *(indent + each for each in others)]
