"""Keeps the table `balances`: every account's money, summed up from the journal.

A payment changes two rows at random places of the table, so writing them at once would be slow.
The rows are written when the projection has nothing else to do, or when it has gone on for too
long without them. Each account that has changed is then written once, a bounded number of rows in
a transaction. The table as a whole is as of the position in `projected`. A row whose own position
is beyond that belongs to a round of writing that has not ended.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sqlalchemy import Connection, Engine, Table, select

from settlement.journal import Entry
from settlement.limits import MAX_ACCOUNTS
from settlement.payment_rows import copy_columns
from settlement.records import LEDGER_SHIFT, AccountFlag, Kind, Result

_COLUMNS = {"ledger": np.uint8, "flags": np.uint8, "available_fen": np.int64, "held_fen": np.int64}
_NAMES = (*_COLUMNS, "position")
_COPIED = {
    "account": ">i8", "ledger": ">i2", "flags": ">i2",
    "available_fen": ">i8", "held_fen": ">i8", "position": ">i8",
}  # fmt: skip
_KEPT = (
    AccountFlag.OPEN
    | AccountFlag.MAY_GO_NEGATIVE
    | AccountFlag.CLOSED
    | AccountFlag.MANY_HOLDS
    | AccountFlag.REKEYED
)


class Balances:
    """All balances as of a position, in memory, and which of them the table does not have yet."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.position = 0
        self.written = 0
        self._ahead: dict[int, dict[str, np.ndarray]] = {}
        self._clear()

    def load(self, engine: Engine, position: int) -> None:
        """Loads the table, whose rows are as of `position` or ahead of it."""
        names = ("account", "position", *_COLUMNS)
        query = select(*(self._table.c[name] for name in names))
        with engine.connect() as connection:
            found = connection.execute(query).all()
        self._clear()
        self._ahead = {}
        if found:
            numbers, reached, *columns = (np.array(column) for column in zip(*found, strict=True))
            self._grow(int(numbers.max()) + 1)
            for name, column in zip(_COLUMNS, columns, strict=True):
                self._columns[name][numbers] = column
            for beyond in np.unique(reached[reached > position]).tolist():
                some = reached == beyond
                taken = {"account": numbers[some]}
                taken |= {n: c[some] for n, c in zip(_COLUMNS, columns, strict=True)}
                self._ahead[beyond] = taken
        self.position = self.written = position

    def add(self, entry: Entry) -> None:
        """Adds what a journal row moved; a row that was added before changes nothing."""
        if entry.last_position <= self.position:
            return
        self._fold(entry)
        self.position = entry.last_position
        # These rows held their movements up to here already, and have just got them once more.
        ahead = self._ahead.pop(self.position, None)
        if ahead is not None:
            numbers = ahead.pop("account")
            for name, column in ahead.items():
                self._columns[name][numbers] = column
            self._changed[numbers] = True

    def _fold(self, entry: Entry) -> None:
        accepted = entry.results < Result.MALFORMED
        records = entry.records[accepted]
        if not len(records):
            return
        numbers = np.concatenate([records["debit"], records["credit"]])
        kinds = records["kind"]
        delivered = kinds == Kind.DELIVER
        if delivered.any():
            numbers = np.concatenate([numbers, records["ref"][delivered].astype(np.uint32)])
        self._grow(int(numbers[numbers < MAX_ACCOUNTS].max(initial=0)) + 1)
        moves = records[(kinds == Kind.TRANSFER) | delivered]
        credit = moves["credit"].astype(np.int64)
        undeliverable = (
            entry.results[accepted][(kinds == Kind.TRANSFER) | delivered] == Result.UNDELIVERABLE
        )
        credit[undeliverable] = moves["ref"][undeliverable].astype(np.int64)
        self._move("available_fen", moves["debit"], "available_fen", credit, moves["amount_fen"])
        for kind, taken, given, to in (
            (Kind.HOLD, "available_fen", "held_fen", "debit"),
            (Kind.CAPTURE, "held_fen", "available_fen", "credit"),
            (Kind.RELEASE, "held_fen", "available_fen", "debit"),
        ):
            some = records[kinds == kind]
            if len(some):
                self._move(taken, some["debit"], given, some[to], some["amount_fen"])
        self._open(records[kinds == Kind.OPEN])
        for record in records[kinds == Kind.SET_FLAGS]:
            self._set_flags(record)
        rekeyed = records["credit"][kinds == Kind.REPLACE_KEY]
        self._columns["flags"][rekeyed] |= np.uint8(AccountFlag.REKEYED)
        self._changed[rekeyed] = True

    def _move(
        self,
        taken: str,
        debit: np.ndarray,
        given: str,
        credit: np.ndarray,
        amount: np.ndarray,
    ) -> None:
        np.subtract.at(self._columns[taken], debit, amount)
        np.add.at(self._columns[given], credit, amount)
        self._changed[debit] = True
        self._changed[credit] = True

    def _open(self, records: np.ndarray) -> None:
        # The first OPEN of an account counts, and none once it is open.
        numbers, firsts = np.unique(records["credit"], return_index=True)
        fresh = (self._columns["flags"][numbers] & AccountFlag.OPEN) == 0
        numbers, records = numbers[fresh], records[firsts[fresh]]
        ref = records["ref"].astype(np.int64)
        self._columns["ledger"][numbers] = ref >> LEDGER_SHIFT & 0xFF
        self._columns["flags"][numbers] = ref & 0xFF | AccountFlag.OPEN
        self._changed[numbers] = True

    def _set_flags(self, record: np.void) -> None:
        number, ref = int(record["credit"]), int(record["ref"])
        kept = int(self._columns["flags"][number]) & _KEPT
        set_now = ref & (AccountFlag.FROZEN | AccountFlag.CLOSED)
        self._columns["flags"][number] = kept | set_now
        self._changed[number] = True

    def _clear(self) -> None:
        self._columns = {name: np.zeros(0, kind) for name, kind in _COLUMNS.items()}
        self._changed = np.zeros(0, np.bool_)

    def _grow(self, size: int) -> None:
        if size <= len(self._changed):
            return
        more = max(size, 2 * len(self._changed)) - len(self._changed)
        self._changed = np.concatenate([self._changed, np.zeros(more, np.bool_)])
        for name, column in self._columns.items():
            self._columns[name] = np.concatenate([column, np.zeros(more, column.dtype)])

    def changed(self) -> int:
        """How many accounts differ from the table."""
        return int(np.count_nonzero(self._changed))

    def steps(self, most: int) -> Iterator[tuple[np.ndarray, bool]]:
        """The accounts that differ from the table, in steps for `write`.

        Call `committed` once the last step has been committed.

        Args:
            most: accounts in one step.

        Yields:
            Account numbers (N,), and whether this is the last step.
        """
        numbers = np.flatnonzero(self._changed)
        for start in range(0, max(1, len(numbers)), most):
            yield numbers[start : start + most], start + most >= len(numbers)

    def write(self, connection: Connection, numbers: np.ndarray) -> None:
        """Writes the rows of some accounts in the caller's transaction."""
        if not len(numbers):
            return
        columns = {"account": numbers} | {n: c[numbers] for n, c in self._columns.items()}
        columns["position"] = np.full(len(numbers), self.position)
        names = ", ".join(columns)
        sets = ", ".join(f"{name} = excluded.{name}" for name in _NAMES)
        if connection.dialect.name == "postgresql":
            fresh = f"{self._table.name}_fresh"
            connection.exec_driver_sql(
                f"CREATE TEMP TABLE {fresh} (LIKE {self._table.name}) ON COMMIT DROP"
            )
            copy_columns(connection, fresh, columns, _COPIED)
            source = f"SELECT {names} FROM {fresh}"
            connection.exec_driver_sql(
                f"INSERT INTO {self._table.name} ({names}) {source}"
                f" ON CONFLICT (account) DO UPDATE SET {sets}"
            )
            return
        connection.exec_driver_sql(
            f"INSERT INTO {self._table.name} ({names}) VALUES (?, ?, ?, ?, ?, ?)"
            f" ON CONFLICT (account) DO UPDATE SET {sets}",
            list(zip(*(column.tolist() for column in columns.values()), strict=True)),
        )

    def committed(self) -> None:
        """To be called when everything that differed has been written durably."""
        self._changed[:] = False
        self.written = self.position
