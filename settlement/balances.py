"""The rows of `balances`: every account's money, folded from the journal.

They follow at their own pace: a payment touches two rows somewhere in the
table, so they are written when the projection has nothing else to do, or when
a bound is reached, and then once for all that has changed.
"""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection, Engine, Table, select

from settlement.journal import Entry
from settlement.records import AccountFlag, Kind, Result

_ROW = np.dtype([("available_fen", "<i8"), ("held_fen", "<i8"), ("ledger", "u1"), ("flags", "u1")])
_COLUMNS = ("ledger", "flags", "available_fen", "held_fen", "position")
_KEPT = AccountFlag.OPEN | AccountFlag.MAY_GO_NEGATIVE | AccountFlag.CLOSED


class Balances:
    """All balances as of a position, in memory; those that changed are written together."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.position = 0
        self.written = 0
        self._rows = np.zeros(0, _ROW)
        self._changed = np.zeros(0, np.bool_)

    def load(self, engine: Engine, position: int) -> None:
        """Takes the table's rows, which stand at `position`."""
        table = self._table
        query = select(
            table.c.account, table.c.available_fen, table.c.held_fen, table.c.ledger, table.c.flags
        )
        with engine.connect() as connection:
            found = connection.execute(query).all()
        self._rows, self._changed = np.zeros(0, _ROW), np.zeros(0, np.bool_)
        if found:
            numbers = np.array([row[0] for row in found], np.int64)
            self._grow(int(numbers.max()) + 1)
            self._rows[numbers] = np.array([tuple(row[1:]) for row in found], _ROW)
        self.position = self.written = position

    def add(self, entry: Entry) -> None:
        """Folds a journal row in; one that was folded in before changes nothing."""
        if entry.last_position <= self.position:
            return
        self.position = entry.last_position
        accepted = entry.results < Result.MALFORMED
        records = entry.records[accepted]
        if not len(records):
            return
        numbers = np.concatenate([records["debit"], records["credit"]])
        kinds = records["kind"]
        delivered = kinds == Kind.DELIVER
        if delivered.any():
            numbers = np.concatenate([numbers, records["ref"][delivered].astype(np.uint32)])
        self._grow(int(numbers.max()) + 1)
        moves = records[(kinds == Kind.TRANSFER) | delivered]
        credit = moves["credit"].astype(np.int64)
        diverted = entry.results[accepted][(kinds == Kind.TRANSFER) | delivered] == Result.DIVERTED
        credit[diverted] = moves["ref"][diverted].astype(np.int64)
        self._move("available_fen", moves["debit"], "available_fen", credit, moves["amount_fen"])
        for kind, taken, given, to in (
            (Kind.HOLD, "available_fen", "held_fen", "debit"),
            (Kind.CAPTURE, "held_fen", "available_fen", "credit"),
            (Kind.RELEASE, "held_fen", "available_fen", "debit"),
        ):
            some = records[kinds == kind]
            if len(some):
                self._move(taken, some["debit"], given, some[to], some["amount_fen"])
        for record in records[(kinds == Kind.OPEN) | (kinds == Kind.SET_FLAGS)]:
            self._set_flags(record)

    def _move(
        self,
        taken: str,
        debit: np.ndarray,
        given: str,
        credit: np.ndarray,
        amount: np.ndarray,
    ) -> None:
        np.subtract.at(self._rows[taken], debit, amount)
        np.add.at(self._rows[given], credit, amount)
        self._changed[debit] = True
        self._changed[credit] = True

    def _set_flags(self, record: np.void) -> None:
        number, ref = int(record["credit"]), int(record["ref"])
        row = self._rows[number]
        if record["kind"] == Kind.SET_FLAGS:
            row["flags"] = (row["flags"] & _KEPT) | (
                ref & (AccountFlag.FROZEN | AccountFlag.CLOSED)
            )
        elif not row["flags"] & AccountFlag.OPEN:
            row["ledger"] = int(record["spare"]) >> 8
            row["flags"] = ref | AccountFlag.OPEN
        self._changed[number] = True

    def _grow(self, size: int) -> None:
        if size > len(self._rows):
            size = max(size, 2 * len(self._rows))
            self._rows = np.concatenate([self._rows, np.zeros(size - len(self._rows), _ROW)])
            self._changed = np.concatenate(
                [self._changed, np.zeros(size - len(self._changed), np.bool_)]
            )

    def write(self, connection: Connection) -> None:
        """Writes what changed in the caller's transaction; `written` after its commit."""
        numbers = np.flatnonzero(self._changed)
        if not len(numbers):
            return
        rows = self._rows[numbers]
        columns = [numbers, *(rows[name] for name in _COLUMNS[:-1])]
        values = zip(*(column.tolist() for column in columns), strict=True)
        position = self.position
        if connection.dialect.name == "postgresql":
            self._write_postgresql(connection, [(*row, position) for row in values])
        else:
            names = ", ".join(("account", *_COLUMNS))
            sets = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
            connection.exec_driver_sql(
                f"INSERT INTO {self._table.name} ({names}) VALUES (?, ?, ?, ?, ?, ?)"
                f" ON CONFLICT (account) DO UPDATE SET {sets}",
                [(*row, position) for row in values],
            )

    def _write_postgresql(self, connection: Connection, rows: list[tuple[int, ...]]) -> None:
        names = ", ".join(("account", *_COLUMNS))
        sets = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
        fresh = f"{self._table.name}_fresh"
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {fresh} (LIKE {self._table.name}) ON COMMIT DROP"
        )
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {fresh} ({names}) FROM STDIN") as copy:
            copy.write("".join("\t".join(map(str, row)) + "\n" for row in rows))
        cursor.close()
        connection.exec_driver_sql(
            f"INSERT INTO {self._table.name} ({names}) SELECT {names} FROM {fresh}"
            f" ON CONFLICT (account) DO UPDATE SET {sets}"
        )

    def committed(self) -> None:
        """What `write` wrote is durable."""
        self._changed[:] = False
        self.written = self.position
