"""The core: decides records, journals them, and only then answers. One thread at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from settlement.errors import CoreStopped as CoreStopped
from settlement.errors import Overloaded, Undone, is_busy, is_of_the_database, was_given_up
from settlement.journal import Entry, Journal, JournalBroken
from settlement.limits import (
    MAX_BATCH_RECORDS,
    MAX_NOTE_BYTES,
    SIGNATURE_BYTES,
    SNAPSHOT_EVERY_RECORDS,
)
from settlement.packing import pack
from settlement.records import RECORD, Accounts, RecordFlag, Records, Result, content_of
from settlement.replay import replay
from settlement.rule import MAX_CHAIN
from settlement.snapshot import Snapshots, SnapshotUnusable
from settlement.tables import JournalTables

_log = logging.getLogger(__name__)

Identity = tuple[int, int]
"""(origin, sequence)."""


@dataclass(frozen=True)
class Answers:
    """What became of a batch of N records; each array is (N,).

    Attributes:
        results: Result values.
        details: of a HOLD the reference, else 0.
        repeated: True where a record repeats an earlier one and has got that one's answer.
        positions: in the journal; 0 where nothing was journaled (a reused id).
        accounts: the rows that the batch asked to read; None when it asked for none.
        made: the batch that these are the answers to, if it was made anew; else None.
    """

    results: NDArray[np.uint8]
    details: NDArray[np.uint64]
    repeated: NDArray[np.bool_]
    positions: NDArray[np.uint64]
    accounts: Accounts | None = None
    made: Batch | None = None

    def result(self, index: int) -> Result:
        """The answer for record `index`."""
        return Result(int(self.results[index]))

    def refused_now(self) -> list[int]:
        """Indices of the records that this batch journaled as refused, without repeats."""
        refused = self.results >= Result.MALFORMED
        if not refused.any():  # nearly always so, and payments wait for this
            return []
        found: list[int] = np.flatnonzero(refused & ~self.repeated & (self.positions > 0)).tolist()
        return found


@dataclass(frozen=True)
class Failed:
    """A batch that was rolled back: nothing was written, and nothing has changed.

    Attributes:
        error: what its `in_transaction` raised, or Overloaded.
    """

    error: Exception


@dataclass(frozen=True)
class Batch:
    """Records to decide together, in order.

    Attributes:
        records: (N,) RECORD, N at most MAX_BATCH_RECORDS.
        notes: None, or N byte strings kept durably beside the records.
        in_transaction: more SQL for the transaction of the journal row; it gets the batch's
            answers. When it raises, the batch is rolled back and the caller gets the error. It
            may run more than once, so it must do nothing but SQL.
        read: accounts whose rows, as of the commit, come with the answers.
        signatures: None, or N signatures of 64 bytes, kept in the journal only; empty for a
            record that nobody signed.
        urgent: taken even when the disk is nearly full: what has already happened elsewhere, an
            officer's order, or what a service writes when it starts.
        anew: for records that depend on balances: makes the batch that is decided in place of this
            one, from the rows of `read` as they are when its turn has come. It runs in the
            writer's thread, perhaps more than once, and only computes.

    Raises:
        TypeError: the records have another dtype.
        ValueError: too many or no records, a chain that is too long or has no end, or notes or
            signatures that do not fit the records.
    """

    records: Records
    notes: Sequence[bytes] | None = None
    in_transaction: Callable[[Connection, Answers], None] | None = None
    read: Sequence[int] = ()
    signatures: Sequence[bytes] | None = None
    urgent: bool = False
    anew: Callable[[Accounts], Batch] | None = None

    @cached_property
    def size_bytes(self) -> int:
        """Bytes of the records with their notes and signatures."""
        beside = (part for part in (self.notes, self.signatures) if part is not None)
        return int(self.records.nbytes) + sum(sum(map(len, part)) for part in beside)

    def bytes_of(self, place: int) -> int:
        """Bytes of the record at one place with its note and signature."""
        beside = (part for part in (self.notes, self.signatures) if part is not None)
        return RECORD.itemsize + sum(len(part[place]) for part in beside)

    def __post_init__(self) -> None:
        if self.records.dtype != RECORD:
            raise TypeError("records must have the dtype RECORD")
        if not 0 < len(self.records) <= MAX_BATCH_RECORDS:
            raise ValueError(f"a batch has 1 to {MAX_BATCH_RECORDS} records")
        if self.records[-1]["flags"] & RecordFlag.LINKED:
            raise ValueError("the last record of a batch cannot be linked to a next one")
        if _longest_chain(self.records) > MAX_CHAIN:
            raise ValueError(f"a chain has at most {MAX_CHAIN} records")
        if self.notes is not None:
            if len(self.notes) != len(self.records):
                raise ValueError("notes and records differ in number")
            if max(map(len, self.notes)) > MAX_NOTE_BYTES:
                raise ValueError(f"a note has at most {MAX_NOTE_BYTES} bytes")
        if self.signatures is not None:
            if len(self.signatures) != len(self.records):
                raise ValueError("signatures and records differ in number")
            if not {0, SIGNATURE_BYTES}.issuperset(map(len, self.signatures)):
                raise ValueError(f"a signature has {SIGNATURE_BYTES} bytes")


@dataclass(frozen=True)
class Found:
    """A journaled record, found by its identity, and the records linked to it, in order."""

    record: np.void
    result: int
    detail: int
    position: int
    following: tuple[Found, ...] = ()


class Finder(Protocol):
    """Looks up journaled records in bounded time."""

    def find_many(self, identities: Sequence[Identity]) -> dict[Identity, Found]:
        """The records with these identities, as far as they have been journaled.

        Raises:
            Overloaded: it `is_behind`.
        """
        ...

    def is_behind(self) -> bool:
        """Whether it would have to read more of the journal than it may; then it finds nothing."""
        ...


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
        background: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        """Recovers the state from the newest snapshot, by deciding the journal after it again.

        Args:
            engine: the database.
            tables: this core's tables in it.
            journal: over the same tables.
            finder: looks for records that were journaled before.
            snapshot_every: records between two snapshots.
            background: runs the function that writes a snapshot, at once or in another thread.

        Raises:
            JournalBroken: the chain does not hold, or the rule does not come to the answers in
                the journal.
        """
        self._engine = engine
        self._writing = journal.writing
        self._snapshots = Snapshots(engine, tables, journal.writing)
        self._background = background
        self._journal = journal
        self._finder = finder
        self._snapshot_every = snapshot_every
        self._stopped: BaseException | None = None
        self._saving = False
        self._state, self._tip = self._snapshots.newest(journal)
        self._snapshot_position = self._tip.position
        for entry, tip in journal.rows(self._tip):
            if problem := replay(self._state, entry):
                raise JournalBroken(problem)
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
        """A copy of the table of limit sets, (MAX_LIMIT_SETS, 4) int64 fen; a column is a Limit."""
        self._check()
        return self._state.policies.copy()

    def process(self, batches: Sequence[Batch]) -> list[Answers | Failed]:
        """Decides the batches in order, in one durable commit.

        When some of them have to be rolled back, the others are committed in several. One that is
        made anew begins a commit of its own, so that it is made from what is journaled by then.

        Returns:
            One for each batch, in order.

        Raises:
            CoreStopped: the commit failed, now or earlier. What became of the batches is
                unknown until a restart has read the journal.
        """
        self._check()
        try:
            answers: list[Answers | Failed] = []
            for group in _groups(batches):
                answers += self._process_group(group)
            return answers
        except BaseException as error:
            # The state in memory may be ahead of the journal: nothing more is answered from it.
            self._stopped = error
            raise CoreStopped(f"the journal could not be written: {error}") from error

    def _process_group(self, batches: Sequence[Batch]) -> list[Answers | Failed]:
        """As `_process`; the first may be one that is made anew."""
        first = batches[0]
        if first.anew is None:
            return self._process(batches)
        try:
            made = first.anew(self._state.copy_accounts(first.read))
        except Exception as error:  # whoever gave it is to blame, and nothing was decided
            rest = batches[1:]
            return [Failed(error), *(self._process(rest) if rest else ())]
        answers = self._process([made, *batches[1:]])
        if isinstance(answers[0], Answers):
            answers[0] = replace(answers[0], made=made)
        return answers

    def _process(self, batches: Sequence[Batch]) -> list[Answers | Failed]:
        records = _joined([batch.records for batch in batches])
        may_fail = self._finder.is_behind() or any(
            batch.in_transaction is not None for batch in batches
        )
        undo = self._state.saved(records) if may_fail else None
        try:
            answers, new = self._decide(records)
            parts = self._commit(batches, records, new, answers)
        except Undone as undone:
            if undo is None:
                raise
            self._state.restore(undo)
            if len(batches) == 1:
                return [Failed(undone.error)]
            # Halving finds the batch that is to blame; a record is decided again a few times only.
            half = len(batches) // 2
            return self._process(batches[:half]) + self._process(batches[half:])
        return [
            replace(part, accounts=self._state.copy_accounts(batch.read)) if batch.read else part
            for batch, part in zip(batches, parts, strict=True)
        ]

    def wait_no_longer(self) -> None:
        """The service ends: from now on it does not wait for a lock that somebody else holds."""
        self._writing.wait_no_longer()

    def _check(self) -> None:
        if self._stopped is not None:
            raise CoreStopped(f"stopped earlier: {self._stopped}") from self._stopped

    def _decide(self, records: Records) -> tuple[Answers, NDArray[np.bool_]]:
        """Returns the answers, and which records are new and go to the journal, (N,)."""
        count = len(records)
        results, details = self._state.begin(records)
        before: dict[Identity, Found | None] = {}
        at = 0
        while (at := self._state.decide(records, results, details, at, halt=True)) < count:
            at = self._straggler(records, results, before, at)
        again = (results == Result.REPEATED) | (results == Result.SEQUENCE_STALE)
        new = ~again
        heads = np.flatnonzero(again).tolist()
        for head in heads:
            new[_chain_of(records, head)] = False
        positions = (self._tip.position + np.cumsum(new, dtype=np.uint64)) * new
        answers = Answers(results, details, np.zeros(count, np.bool_), positions)
        if heads:
            self._answer_repeats(records, answers, new, heads, before)
        return answers, new

    def _straggler(
        self,
        records: Records,
        results: NDArray[np.uint8],
        before: dict[Identity, Found | None],
        at: int,
    ) -> int:
        """Looks up a record whose sequence is too old for the state to say whether it is new.

        Returns:
            The index to go on from: its own when it is new, else the one after its chain.
        """
        key = _identity(records[at])
        if key not in before:
            rest = records[at:]
            self._look_up(
                {key, *(_identity(one) for one in rest[self._state.may_be_too_old(rest)])}, before
            )
        if before[key] is None:
            earlier = records[:at]
            same = (earlier["origin"] == key[0]) & (earlier["sequence"] == key[1])
            if not (same & (results[:at] != Result.LINKED_FAILED)).any():
                records["flags"][at] |= np.uint8(RecordFlag.KNOWN_NEW)
                return at
        chain = _chain_of(records, at)
        results[chain] = Result.LINKED_FAILED
        results[at] = Result.SEQUENCE_STALE
        return chain[-1] + 1

    def _look_up(self, wanted: set[Identity], before: dict[Identity, Found | None]) -> None:
        """Adds to `before` what was journaled with some identities, None where nothing was."""
        missing = [key for key in wanted if key not in before]
        if missing:
            try:
                found = self._finder.find_many(missing)
            except Overloaded as error:
                raise Undone(error) from error
            before.update(dict.fromkeys(missing))
            before.update(found)

    def _answer_repeats(
        self,
        records: Records,
        answers: Answers,
        new: NDArray[np.bool_],
        heads: list[int],
        before: dict[Identity, Found | None],
    ) -> None:
        """Gives each repeat the answer of its original, from this commit or an earlier one."""
        # A later member of a chain that failed has no identity, whatever it carries.
        first_ones = new & (answers.results != Result.LINKED_FAILED)
        here = _identities(records, first_ones, records["origin"][heads])
        self._look_up({_identity(records[head]) for head in heads} - set(here), before)
        for head in heads:
            key = _identity(records[head])
            if key in here:
                first = [_found(records, answers, k) for k in _chain_of(records, here[key])]
            elif (found := before[key]) is not None:
                first = [found, *found.following]
            else:
                raise LookupError(f"{key} was seen but is in no journal row")
            _answer_repeat(records, answers, _chain_of(records, head), first)

    def _commit(
        self,
        batches: Sequence[Batch],
        records: Records,
        new: NDArray[np.bool_],
        answers: Answers,
    ) -> list[Answers]:
        parts = _split(answers, batches)
        within = [(batch.in_transaction, part) for batch, part in zip(batches, parts, strict=True)]
        entry = self._entry(batches, records, new, answers)
        if entry is None and not any(in_transaction for in_transaction, _ in within):
            return parts
        tip, body = self._tip, b""
        if entry is not None:
            body = pack(entry.records, entry.results, entry.details, entry.notes, entry.signatures)
        with self._writing.begin() as connection:
            if entry is not None:
                tip = self._journal.append(connection, tip, len(entry.records), body)
            for in_transaction, part in within:
                if in_transaction is not None:
                    _run(in_transaction, connection, part)
        self._tip = tip
        if entry is not None:
            self._journal.committed(entry)
        if tip.position - self._snapshot_position >= self._snapshot_every:
            self.snapshot()
        return parts

    def _entry(
        self,
        batches: Sequence[Batch],
        records: Records,
        new: NDArray[np.bool_],
        answers: Answers,
    ) -> Entry | None:
        """What goes to the journal; None when nothing is new."""
        if not new.any():
            return None
        seq, first = self._tip.seq + 1, self._tip.position + 1
        results, details = answers.results, answers.details
        beside = [
            _joined_bytes(batches, [batch.notes for batch in batches]),
            _joined_bytes(batches, [batch.signatures for batch in batches]),
        ]
        if not new.all():
            records, results, details = records[new], results[new], details[new]
            kept = np.flatnonzero(new).tolist()
            beside = [given and [given[index] for index in kept] for given in beside]
        notes, signatures = beside
        return Entry(seq, first, records, results, details, notes, signatures)

    def snapshot(self) -> None:
        """Writes a snapshot of the state as of the last commit, unless there is one already.

        While one is being written none is begun; the next commit tries again.

        Raises:
            CoreStopped: the core has stopped earlier.
        """
        self._check()
        if self._saving or self._tip.position == self._snapshot_position:
            return
        tip, state = self._tip, self._state.copy()
        self._snapshot_position, self._saving = tip.position, True

        def save() -> None:
            try:
                self._snapshots.save(tip, state)
            except SnapshotUnusable:
                _log.exception("a snapshot was not completed")
            except SQLAlchemyError as error:
                # A database that takes no snapshot may not take payments either.
                if not is_busy(error):
                    self._stopped = error
            finally:
                self._saving = False

        self._background(save)


def _groups(batches: Sequence[Batch]) -> list[list[Batch]]:
    """The batches in order, in parts each of which begins with the first or one to make anew."""
    groups: list[list[Batch]] = []
    for batch in batches:
        if not groups or batch.anew is not None:
            groups.append([])
        groups[-1].append(batch)
    return groups


def _run(
    in_transaction: Callable[[Connection, Answers], None], connection: Connection, answers: Answers
) -> None:
    """Runs a batch's own SQL; raises Undone when the batch is to blame and not the database."""
    try:
        in_transaction(connection, answers)
    except Exception as error:
        if was_given_up(error):
            raise Undone(Overloaded("the database gave up on it; ask again")) from error
        if is_of_the_database(error):
            raise
        raise Undone(error) from error


def _identity(record: np.void) -> Identity:
    return int(record["origin"]), int(record["sequence"])


def _identities(
    records: Records, chosen: NDArray[np.bool_], origins: NDArray[np.uint32]
) -> dict[Identity, int]:
    """Identity → index, of the chosen records that have one of these origins.

    When an identity is there twice the last record counts: the one before it was refused without
    using up its sequence.
    """
    indices = np.flatnonzero(chosen & np.isin(records["origin"], origins)).tolist()
    return {_identity(records[index]): index for index in indices}


def _found(records: Records, answers: Answers, index: int) -> Found:
    """A record of this commit, in the form in which a finder will return it."""
    return Found(
        records[index],
        int(answers.results[index]),
        int(answers.details[index]),
        int(answers.positions[index]),
    )


def _answer_repeat(
    records: Records, answers: Answers, members: list[int], first: Sequence[Found]
) -> None:
    """Answers a repeated record or chain as its original was; ID_REUSED if the content differs."""
    same = len(first) == len(members) and all(
        _same_content(one.record, records[index]) for one, index in zip(first, members, strict=True)
    )
    if not same:
        answers.results[members] = Result.LINKED_FAILED
        answers.results[members[0]] = Result.ID_REUSED
        return
    answers.repeated[members] = True
    for one, index in zip(first, members, strict=True):
        answers.results[index] = one.result
        answers.details[index] = one.detail
        answers.positions[index] = one.position


def _chain_of(records: Records, head: int) -> list[int]:
    """Indices of the record at `head` and of those linked to it."""
    last = head
    while last < len(records) - 1 and records[last]["flags"] & RecordFlag.LINKED:
        last += 1
    return list(range(head, last + 1))


def _longest_chain(records: Records) -> int:
    linked = records["flags"] & np.uint8(RecordFlag.LINKED)
    if not linked.any():
        return 1
    return int(np.diff(np.flatnonzero(linked == 0), prepend=-1).max())


def _same_content(one: np.void, two: np.void) -> bool:
    return all(one[name] == two[name] for name in content_of(int(one["kind"])))


def _joined(arrays: list[Records]) -> Records:
    """One array, a copy that only the core can change."""
    joined = np.empty(sum(map(len, arrays)), RECORD)
    start = 0
    for array in arrays:  # np.concatenate is slower: it compares the fields' names
        joined[start : start + len(array)] = array
        start += len(array)
    return joined


def _joined_bytes(
    batches: Sequence[Batch], given: Sequence[Sequence[bytes] | None]
) -> list[bytes] | None:
    """The notes or signatures of all records, in order; None when no batch has any."""
    if all(part is None for part in given):
        return None
    joined: list[bytes] = []
    for batch, part in zip(batches, given, strict=True):
        joined.extend(part if part is not None else [b""] * len(batch.records))
    return joined


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
