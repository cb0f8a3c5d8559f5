"""The journal: one row for each commit, in a hash chain, written before anyone is answered."""

from __future__ import annotations

import hashlib
import struct
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, select

from settlement.limits import MAX_COMMIT_RECORDS, READ_BYTES, RECENT_BYTES, RECENT_RECORDS
from settlement.packing import unpack
from settlement.records import Records
from settlement.tables import JournalTables
from settlement.writing import Writing

GENESIS_HASH = bytes(32)
_FETCHED = 4
"""How many rows are fetched from the database at once."""

_NOTE_BYTES = 48
"""The memory that Python needs for a note besides its bytes."""

_HAS_TIP = "journal has its tip"

_CHAIN = struct.Struct("<QQI")


class JournalBroken(Exception):
    """The journal's rows do not follow from each other. The message names the row."""


@dataclass(frozen=True)
class Tip:
    """Where the journal ends: number of the last row, records so far, hash of the last row."""

    seq: int = 0
    position: int = 0
    hash: bytes = GENESIS_HASH


@dataclass(frozen=True)
class Entry:
    """One journal row, unpacked. Record i has position first_position + i."""

    seq: int
    first_position: int
    records: Records
    results: NDArray[np.uint8]
    details: NDArray[np.uint64]
    notes: list[bytes] | None
    signatures: list[bytes] | None = None
    """None when nobody signed, or when the reader did not ask for them."""

    @property
    def last_position(self) -> int:
        """Position of the last record."""
        return self.first_position + len(self.records) - 1

    def note(self, index: int) -> bytes:
        """The note of record `index`, empty when it has none."""
        return self.notes[index] if self.notes is not None else b""

    def size_bytes(self) -> int:
        """About how much memory it takes."""
        fixed = self.records.nbytes + self.results.nbytes + self.details.nbytes
        if self.notes is None:
            return int(fixed)
        return int(fixed) + sum(map(len, self.notes)) + _NOTE_BYTES * len(self.notes)

    def signature(self, index: int) -> bytes:
        """The signature of record `index`, 64 bytes; empty when it has none."""
        return self.signatures[index] if self.signatures is not None else b""


def together(entries: Sequence[Entry]) -> Entry:
    """Joins entries that follow each other into one, without signatures; `seq` is the last one's.

    Args:
        entries: at least one, in order. A single one is returned as it is.
    """
    if len(entries) == 1:
        return entries[0]
    notes: list[bytes] | None = None
    if any(entry.notes is not None for entry in entries):
        notes = []
        for entry in entries:
            notes += entry.notes if entry.notes is not None else [b""] * len(entry.records)
    return Entry(
        seq=entries[-1].seq,
        first_position=entries[0].first_position,
        records=np.concatenate([entry.records for entry in entries]),
        results=np.concatenate([entry.results for entry in entries]),
        details=np.concatenate([entry.details for entry in entries]),
        notes=notes,
    )


def chain_hash(previous: bytes, seq: int, first_position: int, count: int, body: bytes) -> bytes:
    """SHA-256 over the hash of the row before and this row's content."""
    digest = hashlib.sha256(previous)
    digest.update(_CHAIN.pack(seq, first_position, count))
    digest.update(body)
    return digest.digest()


class Journal:
    """Appends rows in the caller's transaction, and reads them back.

    The newest rows are kept in memory as well, for readers that follow closely, the projection
    above all.
    """

    def __init__(self, engine: Engine, tables: JournalTables) -> None:
        self._engine = engine
        self._table = tables.journal
        self.writing = Writing(engine)
        """Begins every transaction of this core that writes."""
        columns = "seq, first_position, previous_hash, hash, count, body"
        mark = "?" if engine.dialect.paramstyle == "qmark" else "%s"
        marks = ", ".join([mark] * 6)
        self._append = f"INSERT INTO {self._table.name} ({columns}) VALUES ({marks})"
        self._recent: deque[Entry] = deque()
        self._recent_records = self._recent_bytes = 0
        self._lock = threading.Lock()
        self._newest = self.tip().position

    def committed(self, entry: Entry) -> None:
        """To be called when an appended row is durable; keeps it in memory without signatures."""
        entry = replace(entry, signatures=None)
        with self._lock:
            self._newest = entry.last_position
            if self._recent and self._recent[-1].seq + 1 != entry.seq:
                self._recent.clear()
                self._recent_records = self._recent_bytes = 0
            self._recent.append(entry)
            self._recent_records += len(entry.records)
            self._recent_bytes += entry.size_bytes()
            while self._is_too_much() and len(self._recent) > 1:
                oldest = self._recent.popleft()
                self._recent_records -= len(oldest.records)
                self._recent_bytes -= oldest.size_bytes()

    def _is_too_much(self) -> bool:
        return self._recent_records > RECENT_RECORDS or self._recent_bytes > RECENT_BYTES

    def newest(self) -> int:
        """The last position that is known to be durable, without asking the database."""
        return self._newest

    def append(self, connection: Connection, tip: Tip, count: int, body: bytes) -> Tip:
        """Writes the row after `tip`; it is durable once the caller's transaction has committed.

        Args:
            connection: in the caller's transaction.
            tip: the row before.
            count: records in the row.
            body: from `settlement.packing.pack`.

        Returns:
            The new tip.

        Raises:
            JournalBroken: the database does not have the row of `tip`. It is not the one that the
                state in memory was read from: a standby that had not got everything, or a copy.
        """
        # A connection does not outlive the database that it is to, so each is looked at once.
        if tip.seq and not connection.info.get(_HAS_TIP):
            if not self._holds(connection, tip):
                raise JournalBroken(f"row seq={tip.seq} is no longer in the database")
            connection.info[_HAS_TIP] = True
        seq, first = tip.seq + 1, tip.position + 1
        digest = chain_hash(tip.hash, seq, first, count, body)
        values = (seq, first, tip.hash, digest, count, body)
        connection.exec_driver_sql(self._append, values)
        return Tip(seq, tip.position + count, digest)

    def rows(
        self, after: Tip, *, until_seq: int | None = None, signed: bool = False
    ) -> Iterator[tuple[Entry, Tip]]:
        """Reads the rows after a tip from the database, in order, and checks the chain.

        Args:
            after: where to begin.
            until_seq: the last row wanted; None: to the end.
            signed: whether the signatures are wanted too.

        Yields:
            Each row, and the tip of a journal that ends with it.

        Raises:
            JournalBroken: a row is missing, was changed, or cannot be read.
        """
        tip = after
        table = self._table
        while True:
            query = select(table).where(table.c.seq > tip.seq).order_by(table.c.seq).limit(16)
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            for row in rows:
                if until_seq is not None and row.seq > until_seq:
                    return
                entry = _checked(row, tip, signed=signed)
                tip = Tip(row.seq, entry.last_position, bytes(row.hash))
                yield entry, tip

    def read(
        self, after_position: int, limit_rows: int = 64, *, within: int = MAX_COMMIT_RECORDS
    ) -> list[Entry]:
        """The next rows that hold positions after `after_position`, without signatures.

        The chain is not checked. From the database it reads little more than READ_BYTES at once,
        whatever the rows' size.

        Args:
            after_position: where to begin, exclusive; it may lie inside the first row.
            limit_rows: how many rows at most.
            within: only rows that begin within so many records from there.

        Raises:
            JournalBroken: a row cannot be read.
        """
        recent = self._read_recent(after_position, limit_rows, within)
        if recent is not None:
            return recent
        table = self._table
        holding = (
            select(table.c.seq)
            .where(table.c.first_position <= after_position + 1)
            .order_by(table.c.first_position.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(table)
            .where(table.c.seq >= holding, table.c.first_position <= after_position + within)
            .order_by(table.c.seq)
            .limit(limit_rows + 1)
        )
        entries: list[Entry] = []
        size = 0
        with self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=_FETCHED).execute(query):
                entries.append(_entry(row))
                size += len(row.body)
                if size > READ_BYTES and entries[-1].last_position > after_position:
                    break
        return [entry for entry in entries if entry.last_position > after_position][:limit_rows]

    def _read_recent(self, after: int, limit_rows: int, within: int) -> list[Entry] | None:
        """As `read`, from memory; None when memory does not reach back so far."""
        with self._lock:
            if not self._recent or self._recent[0].first_position > after + 1:
                return None
            found: list[Entry] = []
            for entry in reversed(self._recent):
                if entry.last_position <= after:
                    break
                found.append(entry)
        chosen = [entry for entry in reversed(found) if entry.first_position <= after + within]
        return chosen[:limit_rows]

    def is_whole(self) -> bool:
        """Whether the journal still has its first row, or is empty."""
        table = self._table
        with self._engine.connect() as connection:
            query = select(table.c.seq).order_by(table.c.seq).limit(1)
            return connection.execute(query).scalar() in (None, 1)

    def holds(self, tip: Tip) -> bool:
        """Whether the journal in the database has this row, with this hash."""
        with self._engine.connect() as connection:
            return self._holds(connection, tip)

    def _holds(self, connection: Connection, tip: Tip) -> bool:
        of = self._table.c
        found = connection.execute(select(of.hash).where(of.seq == tip.seq)).scalar()
        return found is not None and bytes(found) == tip.hash

    def tip(self) -> Tip:
        """Where the journal in the database ends."""
        table = self._table
        query = select(table.c.seq, table.c.first_position, table.c.count, table.c.hash)
        with self._engine.connect() as connection:
            row = connection.execute(query.order_by(table.c.seq.desc()).limit(1)).first()
        if row is None:
            return Tip()
        return Tip(row.seq, row.first_position + row.count - 1, bytes(row.hash))


def _entry(row: object, *, signed: bool = False) -> Entry:
    try:
        unpacked = unpack(bytes(row.body), signed=signed)  # type: ignore[attr-defined]
    except ValueError as error:
        raise JournalBroken(f"table journal, row seq={row.seq}: {error}") from error  # type: ignore[attr-defined]
    return Entry(row.seq, row.first_position, *unpacked)  # type: ignore[attr-defined]


def _checked(row: object, tip: Tip, *, signed: bool) -> Entry:
    seq = row.seq  # type: ignore[attr-defined]
    where = f"table journal, row seq={seq}"
    if seq != tip.seq + 1:
        raise JournalBroken(f"table journal, row seq={tip.seq + 1} is missing")
    if row.first_position != tip.position + 1:  # type: ignore[attr-defined]
        raise JournalBroken(f"{where}: starts at a wrong position")
    if bytes(row.previous_hash) != tip.hash:  # type: ignore[attr-defined]
        raise JournalBroken(f"{where}: previous_hash is not the hash of the row before")
    body = bytes(row.body)  # type: ignore[attr-defined]
    expected = chain_hash(tip.hash, seq, row.first_position, row.count, body)  # type: ignore[attr-defined]
    if expected != bytes(row.hash):  # type: ignore[attr-defined]
        raise JournalBroken(f"{where}: the hash does not fit the content")
    entry = _entry(row, signed=signed)
    if len(entry.records) != row.count:  # type: ignore[attr-defined]
        raise JournalBroken(f"{where}: count does not fit the body")
    return entry
