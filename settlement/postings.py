"""Indexes payments by id and by account, in sorted runs that are written once and never changed.

An index row for every payment would cost several times what the payment itself costs, since each
lands at a random place of a large tree. So the newest records, the tail, are indexed in memory
only. When there are enough of them (SEAL_RECORDS), their postings are sorted and written as one
run of pages. A lookup reads the tail in memory and, as a rule, one page of each run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Row, delete, insert, select, tuple_

from settlement.limits import PAGE_POSTINGS
from settlement.payment_rows import insert_columns
from settlement.records import STATED, Records, Result, is_of
from settlement.tables import JournalTables
from settlement.writing import Writing

_AT_ONCE = 32
"""How many runs one query reads from."""

_STEP_POSTINGS = 256 * PAGE_POSTINGS
"""How many postings of a run are written in one transaction."""

_PAGE_KINDS = {"first_key": ">i8", "first_position": ">i8", "kind": ">i2", "run": ">i8"}
Keys = NDArray[np.int64]
Positions = NDArray[np.int64]


class Index(IntEnum):
    """What payments are looked up by."""

    ID = 0
    ACCOUNT = 1


def id_key(origin: int, sequence: int) -> int:
    """The key of an identity. Two may share one, so compare what is found."""
    return (origin << 31) ^ (sequence & 0x7FFF_FFFF_FFFF)


@dataclass(frozen=True)
class Postings:
    """Keys and positions, each (N,), of one index.

    As they are made their positions rise. After `sorted` their keys rise, and the positions of each
    key.
    """

    keys: Keys
    positions: Positions

    def sorted(self) -> Postings:
        """The same by key; the sort is stable, so the positions of each key still rise."""
        order = np.argsort(self.keys, kind="stable")
        return Postings(self.keys[order], self.positions[order])

    def part(self, first: int, end: int) -> Postings:
        """The postings from index `first` to before `end`."""
        return Postings(self.keys[first:end], self.positions[first:end])

    def of(self, key: int) -> Positions:
        """A key's positions, rising. The postings must be sorted."""
        low, high = np.searchsorted(self.keys, [key, key + 1])
        found: Positions = self.positions[low:high]
        return found

    def of_any(self, keys: Keys) -> Postings:
        """The postings of any of some keys; they need not be sorted."""
        chosen = np.isin(self.keys, keys)
        return Postings(self.keys[chosen], self.positions[chosen])


def postings_of(
    records: Records, results: NDArray[Any], first_position: int
) -> dict[Index, Postings]:
    """The postings of some records, by index, not sorted yet.

    A refused record is indexed for the account that asked for it only. Otherwise anybody could fill
    another account's past with refused payments, and every statement would have to skip them.

    Args:
        records: (N,) RECORD, at positions that follow each other.
        results: (N,) Result values.
        first_position: the first record's.
    """
    positions = np.arange(first_position, first_position + len(records), dtype=np.int64)
    named = records["sequence"] != 0
    origin = records["origin"][named].astype(np.int64)
    sequence = records["sequence"][named].astype(np.int64) & 0x7FFF_FFFF_FFFF
    stated = is_of(records, STATED)
    sides = np.stack([records["debit"][stated], records["credit"][stated]], axis=1)
    counts = np.ones(sides.shape, np.bool_)
    counts[:, 1] = sides[:, 0] != sides[:, 1]
    accepted = results[stated] < Result.MALFORMED
    counts &= accepted[:, None] | (sides == records["origin"][stated][:, None])
    both = counts.ravel()
    return {
        Index.ID: Postings((origin << 31) ^ sequence, positions[named]),
        Index.ACCOUNT: Postings(
            sides.ravel()[both].astype(np.int64), np.repeat(positions[stated], 2)[both]
        ),
    }


def joined(parts: list[Postings]) -> Postings:
    """Joins postings into one, in the order given."""
    empty = np.empty(0, np.int64)
    return Postings(
        np.concatenate([empty, *(part.keys for part in parts)]),
        np.concatenate([empty, *(part.positions for part in parts)]),
    )


Part = dict[Index, Postings]
"""The postings of some positions that follow each other, sorted, by index."""


def appended(tail: list[Part], part: Part, *, frozen: int) -> list[Part]:
    """A tail with one more part at its end, where each part is at least twice as long as the next.

    A new part takes in the parts before it that are shorter than twice its size. So there are few
    parts, however many small ones were added.

    Args:
        tail: oldest first; not changed.
        part: the next positions.
        frozen: how many parts at the tail's beginning stay as they are.
    """
    kept, taken, size = list(tail), [part], _size(part)
    while len(kept) > frozen and _size(kept[-1]) < 2 * size:
        taken.append(kept.pop())
        size += _size(taken[-1])
    if len(taken) > 1:
        part = {i: joined([one[i] for one in reversed(taken)]).sorted() for i in Index}
    return [*kept, part]


def _size(part: Part) -> int:
    return sum(len(postings.keys) for postings in part.values())


class Runs:
    """The sealed runs in a database."""

    def __init__(self, engine: Engine, tables: JournalTables) -> None:
        self._engine = engine
        self._sealed = tables.sealed
        self._pages = tables.postings
        mark = "?" if engine.dialect.paramstyle == "qmark" else "%s"
        last = (
            f"SELECT * FROM {self._pages.name} WHERE kind = {mark} AND run = RUN"
            f" AND (first_key, first_position) <= ({mark}, {mark})"
            " ORDER BY first_key DESC, first_position DESC LIMIT 1"
        )
        self._last_of_one = last.replace("RUN", mark)
        self._last_of_each = (
            "SELECT page.* FROM unnest(%s::bigint[]) AS wanted(run) CROSS JOIN LATERAL"
            f" ({last.replace('RUN', 'wanted.run')}) AS page"
        )

    def bounds(self) -> list[tuple[int, int]]:
        """(first position, last position) of each run, oldest first."""
        query = select(self._sealed).order_by(self._sealed.c.first_position)
        with self._engine.connect() as connection:
            return [(row.first_position, row.last_position) for row in connection.execute(query)]

    def write(
        self, writing: Writing, first: int, last: int, indexes: dict[Index, Postings]
    ) -> None:
        """Writes positions first..last as one run, in transactions of bounded size.

        Nobody reads its pages before its own row is written, last of all. Pages of an attempt that
        was not finished are deleted first.
        """
        page = self._pages.c
        begun = delete(self._pages).where(page.kind.in_(list(Index)), page.run == first)
        with writing.begin_lightly() as connection:
            connection.execute(begun)
        for index, postings in indexes.items():
            ordered = postings.sorted()
            whole = len(ordered.keys) // PAGE_POSTINGS * PAGE_POSTINGS
            for start in range(0, whole, _STEP_POSTINGS):
                part = ordered.part(start, min(whole, start + _STEP_POSTINGS))
                with writing.begin_lightly() as connection:
                    self._write_pages(connection, index, first, part, PAGE_POSTINGS)
            rest = ordered.part(whole, len(ordered.keys))
            with writing.begin_lightly() as connection:
                self._write_pages(connection, index, first, rest, len(rest.keys))
        row = {"first_position": first, "last_position": last}
        with writing.begin_lightly() as connection:
            connection.execute(insert(self._sealed), row)

    def _write_pages(
        self, connection: Connection, index: Index, run: int, postings: Postings, size: int
    ) -> None:
        """Writes postings as pages of `size` each, which must divide their number."""
        if not len(postings.keys):
            return
        offsets = (postings.positions - run).astype("<u4")
        columns = {
            "first_key": postings.keys[::size],
            "first_position": postings.positions[::size],
            "keys": postings.keys.astype("<i8").view(f"V{8 * size}"),
            "positions": offsets.view(f"V{4 * size}"),
        }
        pages = len(columns["keys"])
        columns |= {"kind": np.full(pages, int(index)), "run": np.full(pages, run)}
        kinds = {name: _PAGE_KINDS.get(name, column.dtype) for name, column in columns.items()}
        insert_columns(connection, self._pages.name, columns, kinds)

    def newest_first(
        self, connection: Connection, runs: Sequence[int], index: Index, key: int, before: int
    ) -> Iterator[Positions]:
        """A key's positions below `before` in some runs, falling, page by page."""
        newest = sorted((run for run in runs if run < before), reverse=True)
        for start in range(0, len(newest), _AT_ONCE):
            chosen = newest[start : start + _AT_ONCE]
            for last in self._last_pages(connection, chosen, index, (key, before - 1)):
                page: Row[Any] | None = last
                while page is not None:
                    found = _within(page, page.run, key)
                    yield found[found < before][::-1]
                    # The key goes on in the page before when it is the first of this one.
                    bound = (key, page.first_position - 1)
                    more = page.first_key == key
                    page = self._last_page(connection, page.run, index, bound) if more else None

    def oldest_first(
        self, connection: Connection, run: int, index: Index, key: int, after: int
    ) -> Iterator[Positions]:
        """A key's positions beyond `after` in a run, rising, page by page."""
        page = self._last_page(connection, run, index, (key, after + 1))
        if page is not None:
            found = _within(page, run, key)
            yield found[found > after]
        bound = (key, after + 1)
        while True:
            page = self._next_page(connection, run, index, bound)
            if page is None or page.first_key != key:
                return
            found = _within(page, run, key)
            yield found
            bound = (key, page.first_position)

    def _last_pages(
        self, connection: Connection, runs: Sequence[int], index: Index, bound: tuple[int, int]
    ) -> list[Row[Any]]:
        """The last page of each run that starts at or before a bound, newest run first.

        PostgreSQL is asked once for all runs, to save round trips to the server.
        """
        if connection.dialect.name != "postgresql":
            pages = [self._last_page(connection, run, index, bound) for run in runs]
            return [page for page in pages if page is not None]
        values = (list(runs), int(index), *bound)
        found = connection.exec_driver_sql(self._last_of_each, values)
        return sorted(found, key=lambda page: -page.run)

    def _last_page(
        self, connection: Connection, run: int, index: Index, bound: tuple[int, int]
    ) -> Row[Any] | None:
        values = (int(index), run, *bound)
        return connection.exec_driver_sql(self._last_of_one, values).first()

    def _next_page(
        self, connection: Connection, run: int, index: Index, bound: tuple[int, int]
    ) -> Row[Any] | None:
        """The first page of a run that starts after a bound."""
        page = self._pages.c
        start = tuple_(page.first_key, page.first_position)
        query = (
            select(self._pages)
            .where(page.kind == int(index), page.run == run, start > bound)
            .order_by(page.first_key, page.first_position)
        )
        return connection.execute(query.limit(1)).first()


def _within(page: Row[Any], run: int, key: int) -> Positions:
    """A key's positions in one page, rising."""
    keys = np.frombuffer(page.keys, "<i8")
    low, high = np.searchsorted(keys, [key, key + 1])
    return np.frombuffer(page.positions, "<u4")[low:high].astype(np.int64) + run
