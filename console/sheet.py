"""Rows for people: a table where the terminal has room for it, else a block of lines for each row.

An amount is never cut, and never broken over two lines: a row that is too wide becomes a block, and
sentences are broken between words.
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
"""Columns that a terminal has at least."""

MAX_WIDTH = 100
"""Columns beyond which sentences get no longer."""

_GAP = "  "
Row = Sequence[str]


def sheet(head: Row, rows: Sequence[Row], *, right: Sequence[int] = ()) -> str:
    """Rows under a head, or, where they do not fit, a block for each.

    Args:
        head: what stands in each column.
        rows: plain text, as many in each row as in the head.
        right: numbers of the columns that stand at their right edge: amounts.
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
    """Of the terminal, or as COLUMNS says."""
    return max(MIN_WIDTH, shutil.get_terminal_size((80, 24)).columns)


def clock(time_ms: int) -> str:
    """``2026-11-26 18:16``, in the zone of this machine."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(time_ms / 1_000))


def zone() -> str:
    """The zone of this machine, such as ``UTC+08:00``."""
    offset = datetime.now().astimezone().strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}"


def _line(row: Row, widths: Sequence[int], right: Sequence[int]) -> str:
    cells = []
    for number, (text, width) in enumerate(zip(row, widths, strict=True)):
        room = " " * (width - cell_len(text))
        cells.append(room + text if number in right else text + room)
    return _GAP.join(cells).rstrip()


def _block(head: Row, row: Row) -> Iterator[str]:
    """The first cell alone, then a line for each that says something."""
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
