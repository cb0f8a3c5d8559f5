"""Checks that orders which came late and were taken as new had not been taken before.

The core remembers an account's newest sequences. An older one it looks up, and marks the record as
new when it finds nothing. The rule believes that mark, so somebody who can write into a database
could replay an old order with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.signatures.orders import Line, lines
from settlement.journal import Journal, Tip
from settlement.records import RecordFlag


class Late:
    """Remembers the late records, and reads the journal once more if there are any."""

    def __init__(self) -> None:
        self._identities: set[tuple[int, int]] = set()

    def note(self, line: Line) -> None:
        """Takes the journal's next record."""
        if line.flags & RecordFlag.KNOWN_NEW and line.accepted:
            self._identities.add((line.origin, line.sequence))

    def repeated(self, journal: Journal, until_seq: int) -> Iterator[tuple[Line, int, int]]:
        """(record, its journal row, position of the first) of each that was accepted again."""
        if not self._identities:
            return
        seen: dict[tuple[int, int], int] = {}
        for entry, _ in journal.rows(Tip(), until_seq=until_seq):
            for line in lines(entry):
                identity = line.origin, line.sequence
                if not line.sequence or not line.accepted or identity not in self._identities:
                    continue
                if identity in seen:
                    yield line, entry.seq, seen[identity]
                seen.setdefault(identity, line.position)
