"""Lays rows out for people: as a table if the terminal is wide enough, else a block for each row.

An amount is never cut or broken over two lines. When a row is too wide every row becomes a block,
and sentences are broken between words.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

MIN_WIDTH = 40
"""The fewest columns that a terminal is taken to have."""

MAX_WIDTH = 100
"""The most columns that a sentence takes."""

_GAP = "  "
Row = Sequence[str]


def sheet(head: Row, rows: Sequence[Row], *, right: Sequence[int] = ()) -> str:
    """Rows under a head or, when they do not fit, a block for each row.

    Args:
        head: the columns' titles.
        rows: plain texts, as many in each row as in the head.
        right: the indices of the columns to align right, such as amounts.
    """
    widths = [max(map(cell_len, column)) for column in zip(head, *rows, strict=True)]
    if sum(widths) + len(_GAP) * (len(widths) - 1) <= columns():
        return "\n".join(_line(row, widths, right) for row in (head, *rows))
    return "\n\n".join("\n".join(_block(head, row)) for row in rows)


def wrapped(text: str, indent: int = 0) -> str:
    """A sentence in lines that fit, broken between words."""
    width = min(columns(), MAX_WIDTH) - indent
    lines = Text(text).wrap(Console(width=width), width)
    return "\n".join(" " * indent + line.plain.rstrip() for line in lines)


def columns() -> int:
    """How many columns the terminal has, or the environment's COLUMNS says; at least MIN_WIDTH."""
    return max(MIN_WIDTH, shutil.get_terminal_size((80, 24)).columns)


def clock(time_ms: int) -> str:
    """A time such as ``2026-11-26 18:16``, in this machine's time zone."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(time_ms / 1_000))


def zone() -> str:
    """This machine's time zone, such as ``UTC+08:00``."""
    offset = datetime.now().astimezone().strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}"


def _line(row: Row, widths: Sequence[int], right: Sequence[int]) -> str:
    cells = []
    for number, (text, width) in enumerate(zip(row, widths, strict=True)):
        room = " " * (width - cell_len(text))
        cells.append(room + text if number in right else text + room)
    return _GAP.join(cells).rstrip()


def _block(head: Row, row: Row) -> Iterator[str]:
    """The first cell on a line of its own, then a line for each other cell that is not empty."""
    yield row[0]
    longest = max(map(cell_len, head[1:]), default=0)
    for name, text in zip(head[1:], row[1:], strict=True):
        if not text:
            continue
        label = f"{_GAP}{name}{' ' * (longest - cell_len(name))}{_GAP}"
        if cell_len(label) + cell_len(text) <= columns():
            yield label + text
        else:
            yield _GAP + name
            yield from wrapped(text, 4).splitlines()
