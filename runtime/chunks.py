"""Cuts long sequences into chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

STATEMENT_VALUES = 500
"""So many values of a list fit into one SQL statement on every database."""
T = TypeVar("T")


def chunks(values: Sequence[T], size: int = STATEMENT_VALUES) -> Iterator[Sequence[T]]:
    """The values in order, in chunks of up to `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def chunks_by_owner(
    items: Sequence[T], owner_of: Callable[[T], int], most: int
) -> Iterator[Sequence[T]]:
    """The items in order, in chunks where no owner has more than `most`; owner 0 may have any."""
    begin = 0
    seen: dict[int, int] = {}
    for index, item in enumerate(items):
        owner = owner_of(item)
        count = seen.get(owner, 0)
        if count == most and owner:
            yield items[begin:index]
            begin, count, seen = index, 0, {}
        seen[owner] = count + 1
    if begin < len(items):
        yield items[begin:] if begin else items
