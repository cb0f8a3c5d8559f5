"""Long sequences, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

STATEMENT_VALUES = 500
"""Of a list, so many that one SQL statement takes them on every database."""
T = TypeVar("T")


def parts(values: Sequence[T], size: int = STATEMENT_VALUES) -> Iterator[Sequence[T]]:
    """The values in order, up to `size` at once."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
