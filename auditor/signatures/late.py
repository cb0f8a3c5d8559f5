"""Orders that were taken as new though they came late: none may have been taken before.

The core remembers the last few sequences of an account; what lies further back it looks up, and
marks as new when it finds nothing. A record with that mark is accepted whatever came before, so
who can write into a database could replay an old order under it.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.signatures.orders import Line, lines
from settlement.journal import Journal, Tip
from settlement.records import RecordFlag


class Late:
    """Remembers the late ones, and goes through the journal once more if there are any."""

    def __init__(self) -> None:
        self._identities: set[tuple[int, int]] = set()

    def note(self, line: Line) -> None:
        """Takes a record as it goes by."""
        if line.flags & RecordFlag.KNOWN_NEW and line.accepted:
            self._identities.add((line.origin, line.sequence))

    def repeated(self, journal: Journal, until_seq: int) -> Iterator[tuple[Line, int, int]]:
        """(record, its journal row, the position where it was accepted first), one for each."""
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
