"""The core: decides, writes down, and only then answers. One thread at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from settlement.journal import Entry, Journal
from settlement.limits import MAX_BATCH_RECORDS, MAX_NOTE_BYTES, SNAPSHOT_EVERY_RECORDS
from settlement.packing import pack
from settlement.records import RECORD, Accounts, RecordFlag, Records, Result
from settlement.snapshot import Snapshots
from settlement.tables import JournalTables

Identity = tuple[int, int]
"""(origin, sequence)."""


class CoreStopped(Exception):
    """The core could not write and answers nothing any more; a restart recovers it."""


@dataclass(frozen=True)
class Answers:
    """What became of a batch; each array (N,).

    `positions` is 0 where nothing was journaled (a reused id). `accounts` are the rows
    that the batch asked to read, None when it asked for none.
    """

    results: NDArray[np.uint8]
    details: NDArray[np.uint64]
    repeated: NDArray[np.bool_]
    positions: NDArray[np.uint64]
    accounts: Accounts | None = None

    def result(self, index: int) -> Result:
        """The answer for record `index`."""
        return Result(int(self.results[index]))


@dataclass(frozen=True)
class Batch:
    """Records to decide together, in order.

    Attributes:
        records: (N,) RECORD, N at most MAX_BATCH_RECORDS.
        notes: None, or N byte strings kept durably beside the records.
        also: further SQL for the same transaction as the journal row, given the
            batch's answers. It must
            not fail for a reason that the caller could have checked before.
        read: accounts whose rows as of the commit are wanted with the answers.
    """

    records: Records
    notes: Sequence[bytes] | None = None
    also: Callable[[Connection, Answers], None] | None = None
    read: Sequence[int] = ()

    def __post_init__(self) -> None:
        if self.records.dtype != RECORD:
            raise TypeError("records must have the dtype RECORD")
        if not 0 < len(self.records) <= MAX_BATCH_RECORDS:
            raise ValueError(f"a batch has 1 to {MAX_BATCH_RECORDS} records")
        if self.records[-1]["flags"] & RecordFlag.LINKED:
            raise ValueError("the last record of a batch cannot be linked to a next one")
        if self.notes is not None:
            if len(self.notes) != len(self.records):
                raise ValueError("notes and records differ in number")
            if max(map(len, self.notes)) > MAX_NOTE_BYTES:
                raise ValueError(f"a note has at most {MAX_NOTE_BYTES} bytes")


@dataclass(frozen=True)
class Found:
    """A journaled record, found by its identity."""

    record: np.void
    result: int
    detail: int
    position: int


class Finder(Protocol):
    """Looks records up that have been journaled."""

    def find_many(self, identities: Sequence[Identity]) -> dict[Identity, Found]:
        """Those of these (origin, sequence) that have been journaled."""
        ...


@dataclass
class _Pass:
    """One run of the rule, and what of it goes to the journal."""

    records: Records
    results: NDArray[np.uint8]
    details: NDArray[np.uint64]
    keep: NDArray[np.bool_]
    sources: NDArray[np.int64]


class Core:
    """State, rule and journal together."""

    def __init__(
        self,
        engine: Engine,
        tables: JournalTables,
        journal: Journal,
        finder: Finder,
        *,
        snapshot_every: int = SNAPSHOT_EVERY_RECORDS,
        aside: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        """Recovers the state.

        Args:
            engine: the database.
            tables: of this core in it.
            journal: in the same tables.
            finder: looks for records that were journaled before.
            snapshot_every: records between two snapshots.
            aside: runs the writing of a snapshot; at once, or in a thread meanwhile.
        """
        self._engine = engine
        # On SQLite the engine's owner begins these transactions as writers from the start.
        self._writing = engine.execution_options(writes=True)
        self._snapshots = Snapshots(engine, tables)
        self._aside = aside
        self._journal = journal
        self._finder = finder
        self._snapshot_every = snapshot_every
        self._stopped: BaseException | None = None
        self._state, self._tip = self._snapshots.newest()
        self._snapshot_position = self._tip.position
        for entry, tip in journal.rows(self._tip):
            self._state.apply(entry.records)
            self._tip = tip

    @property
    def position(self) -> int:
        """Records journaled so far."""
        return self._tip.position

    def read(self, accounts: Sequence[int]) -> Accounts:
        """Copies of account rows as of the last commit."""
        self._check()
        return self._state.copy_accounts(accounts)

    def policies(self) -> NDArray[np.int64]:
        """A copy of the policy table (MAX_POLICIES, 4), fen."""
        self._check()
        return self._state.policies.copy()

    def process(self, batches: Sequence[Batch]) -> list[Answers]:
        """Decides all batches in order, in one durable commit.

        Raises:
            CoreStopped: the commit failed, now or earlier. What was asked is then
                unknown until a restart has read the journal.
        """
        self._check()
        records = _joined([batch.records for batch in batches])
        try:
            answers, passes = self._decide(records)
            parts = self._commit(batches, passes, answers)
            return [
                replace(part, accounts=self._state.copy_accounts(batch.read))
                if batch.read
                else part
                for batch, part in zip(batches, parts, strict=True)
            ]
        except BaseException as error:
            # The state in memory may be ahead of the journal: nothing more is answered from it.
            self._stopped = error
            raise CoreStopped(f"the journal could not be written: {error}") from error

    def _check(self) -> None:
        if self._stopped is not None:
            raise CoreStopped(f"stopped earlier: {self._stopped}")

    def _decide(self, records: Records) -> tuple[Answers, list[_Pass]]:
        results, details = self._state.apply(records)
        count = len(records)
        answers = Answers(results, details, np.zeros(count, np.bool_), np.zeros(count, np.uint64))
        again = (results == Result.REPEATED) | (results == Result.SEQUENCE_STALE)
        if not again.any():
            everything = np.ones(count, np.bool_)
            return answers, [_Pass(records, results, details, everything, np.arange(count))]
        return self._decide_again(records, answers, again)

    def _decide_again(
        self, records: Records, answers: Answers, again: NDArray[np.bool_]
    ) -> tuple[Answers, list[_Pass]]:
        """The slow path: identities that were seen before, or are too old to say."""
        results, details = answers.results, answers.details
        keep = ~again
        heads = np.flatnonzero(again).tolist()
        for head in heads:
            keep[_chain_of(records, head)] = False
        here = _identities(records, keep, records["origin"][again])
        unknown = {_identity(records[head]) for head in heads} - set(here)
        before = self._finder.find_many(list(unknown)) if unknown else {}
        late: list[int] = []
        taken_late: dict[Identity, int] = {}
        for head in heads:
            key = _identity(records[head])
            known = key in here or key in before or key in taken_late
            if results[head] == Result.SEQUENCE_STALE and not known:
                taken_late[key] = head
                late.extend(_chain_of(records, head))
        first = _Pass(records, results.copy(), details.copy(), keep, np.arange(len(records)))
        passes = [first]
        if late:
            taken = records[late].copy()
            taken["flags"] |= np.uint8(RecordFlag.KNOWN_NEW)
            late_results, late_details = self._state.apply(taken)
            results[late], details[late] = late_results, late_details
            everything = np.ones(len(late), np.bool_)
            passes.append(
                _Pass(taken, late_results, late_details, everything, np.array(late, np.int64))
            )
        here.update(taken_late)
        for head in heads:
            key = _identity(records[head])
            if taken_late.get(key) != head:
                _answer_repeat(records, answers, head, here.get(key, before.get(key)))
        return answers, passes

    def _commit(
        self, batches: Sequence[Batch], passes: list[_Pass], answers: Answers
    ) -> list[Answers]:
        notes = _joined_notes(batches)
        tip = self._tip
        rows: list[tuple[Entry, bytes]] = []
        for run in passes:
            kept = np.flatnonzero(run.keep)
            if not len(kept):
                continue
            whole = len(kept) == len(run.records)
            chosen = run.records if whole else run.records[kept]
            sources = run.sources[kept]
            run_notes = None if notes is None else [notes[i] for i in sources.tolist()]
            entry = Entry(
                seq=tip.seq + 1 + len(rows),
                first_position=tip.position + 1 + sum(len(e.records) for e, _ in rows),
                records=chosen,
                results=run.results if whole else run.results[kept],
                details=run.details if whole else run.details[kept],
                notes=run_notes,
            )
            answers.positions[sources] = np.arange(
                entry.first_position, entry.last_position + 1, dtype=np.uint64
            )
            rows.append((entry, pack(chosen, entry.results, entry.details, run_notes)))
        _point_to_first(answers)
        parts = _split(answers, batches)
        alsos = [(batch.also, part) for batch, part in zip(batches, parts, strict=True)]
        if not rows and not any(also for also, _ in alsos):
            return parts
        with self._writing.begin() as connection:
            for entry, body in rows:
                tip = self._journal.append(connection, tip, len(entry.records), body)
            for also, part in alsos:
                if also is not None:
                    also(connection, part)
        self._tip = tip
        for entry, _ in rows:
            self._journal.committed(entry)
        if tip.position - self._snapshot_position >= self._snapshot_every:
            self.snapshot()
        return parts

    def snapshot(self) -> None:
        """Writes a snapshot of the state as of the last commit."""
        self._check()
        tip, state = self._tip, self._state.copy()
        self._snapshot_position = tip.position

        def save() -> None:
            try:
                self._snapshots.save(tip, state)
            except SQLAlchemyError as error:
                # A database that takes no snapshot may not take payments either.
                self._stopped = error

        self._aside(save)


def _identity(record: np.void) -> Identity:
    return int(record["origin"]), int(record["sequence"])


def _identities(
    records: Records, chosen: NDArray[np.bool_], origins: NDArray[np.uint32]
) -> dict[Identity, int]:
    """Identity → index, of chosen records with one of these origins."""
    indices = np.flatnonzero(chosen & np.isin(records["origin"], origins)).tolist()
    return {_identity(records[index]): index for index in reversed(indices)}


def _answer_repeat(
    records: Records, answers: Answers, head: int, found: int | Found | None
) -> None:
    """Answers a record as its first one was: an index into this commit, or one journaled before."""
    record = records[head]
    members = _chain_of(records, head)
    if found is None:
        raise LookupError(
            f"({record['origin']}, {record['sequence']}) was seen but is in no journal row"
        )
    first = records[found] if isinstance(found, int) else found.record
    if not _same_content(first, record):
        answers.results[members] = Result.LINKED_FAILED
        answers.results[head] = Result.ID_REUSED
        return
    answers.repeated[members] = True
    if isinstance(found, int):
        same = _chain_of(records, found)
        answers.results[members] = answers.results[same]
        answers.details[members] = answers.details[same]
        answers.positions[members] = np.array(same, np.uint64) + np.uint64(1 << 63)
    else:
        answers.results[members] = found.result
        answers.details[members] = found.detail
        answers.positions[members] = found.position


def _chain_of(records: Records, head: int) -> list[int]:
    """Indices of the record at `head` and of what is linked to it."""
    last = head
    while last < len(records) - 1 and records[last]["flags"] & RecordFlag.LINKED:
        last += 1
    return list(range(head, last + 1))


def _same_content(one: np.void, two: np.void) -> bool:
    names = ("kind", "debit", "credit", "amount_fen", "expires_ms", "ref", "digest")
    return all(one[name] == two[name] for name in names)


def _point_to_first(answers: Answers) -> None:
    """Repeats within one commit were pointed at an index; now the position is known."""
    marked = answers.positions >> np.uint64(63) == 1
    if marked.any():
        index = (answers.positions[marked] & np.uint64((1 << 63) - 1)).astype(np.int64)
        answers.positions[marked] = answers.positions[index]


def _joined(arrays: list[Records]) -> Records:
    """One array of the core's own, which nobody else can change later."""
    joined = np.empty(sum(map(len, arrays)), RECORD)
    start = 0
    for array in arrays:  # np.concatenate compares the fields' names, which takes longer
        joined[start : start + len(array)] = array
        start += len(array)
    return joined


def _joined_notes(batches: Sequence[Batch]) -> list[bytes] | None:
    if all(batch.notes is None for batch in batches):
        return None
    notes: list[bytes] = []
    for batch in batches:
        notes.extend(batch.notes if batch.notes is not None else [b""] * len(batch.records))
    return notes


def _split(answers: Answers, batches: Sequence[Batch]) -> list[Answers]:
    if len(batches) == 1:
        return [answers]
    parts: list[Answers] = []
    start = 0
    for batch in batches:
        part = slice(start, start + len(batch.records))
        parts.append(
            Answers(
                answers.results[part],
                answers.details[part],
                answers.repeated[part],
                answers.positions[part],
            )
        )
        start += len(batch.records)
    return parts
