"""Replays a journal row: the rule decides it again and must come to the answers in the row."""

from __future__ import annotations

import numpy as np

from settlement.journal import Entry
from settlement.records import Result
from settlement.state import State


def replay(state: State, entry: Entry) -> str:
    """Applies a row to the state before it, and changes the state.

    Returns:
        "" when the rule's answers are those in the row, else a sentence that names the row.
    """
    results, details = state.apply(entry.records)
    different = np.flatnonzero((results != entry.results) | (details != entry.details))
    if not len(different):
        return ""
    first = int(different[0])
    return (
        f"table journal, row seq={entry.seq}: its answers are not the rule's: the record at"
        f" position {entry.first_position + first} has {_named(entry.results[first])}"
        f" {entry.details[first]}, the rule says {_named(results[first])} {details[first]}"
    )


def _named(result: np.uint8) -> str:
    try:
        return Result(int(result)).name
    except ValueError:
        return f"result {result}"
