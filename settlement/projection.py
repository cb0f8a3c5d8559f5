"""The projection: rows that people query, following the journal; droppable, rebuildable."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, delete, insert, select, update

from settlement.journal import Entry, Journal
from settlement.limits import PROJECTION_ROWS
from settlement.records import Kind
from settlement.tables import JournalTables


class Projection:
    """Follows the journal into `payments` and `balances`; its position moves with the rows."""

    def __init__(self, engine: Engine, tables: JournalTables, journal: Journal) -> None:
        self._engine = engine
        # On SQLite the engine's owner begins these transactions as writers from the start.
        self._writing = engine.execution_options(writes=True)
        self._tables = tables
        self._journal = journal
        self._lock = threading.Lock()
        self._holders: dict[int, int] = {}

    def position(self) -> int:
        """Records projected so far."""
        with self._engine.connect() as connection:
            return self._stand(connection)

    def catch_up(self, max_rows: int = PROJECTION_ROWS) -> int:
        """Projects up to about `max_rows` more records; returns how many."""
        done = 0
        with self._lock:
            while done < max_rows:
                entries = self._journal.read(self.position(), limit_rows=8)
                if not entries:
                    break
                with self._writing.begin() as connection:
                    at = self._stand(connection)
                    fresh = [entry for entry in entries if entry.first_position > at]
                    for entry in fresh:
                        self._write(connection, entry)
                        done += len(entry.records)
                if not fresh:
                    break
        return done

    def rebuild(self) -> None:
        """Drops all rows and projects the journal again."""
        with self._lock, self._writing.begin() as connection:
            for table in (self._tables.payments, self._tables.balances, self._tables.projected):
                connection.execute(delete(table))
        while self.catch_up():
            pass

    def _stand(self, connection: Connection) -> int:
        row = connection.execute(select(self._tables.projected.c.position)).first()
        return int(row.position) if row is not None else 0

    def _write(self, connection: Connection, entry: Entry) -> None:
        connection.execute(insert(self._tables.payments), payment_rows(entry))
        self._add_balances(connection, entry)
        table = self._tables.projected
        values = {"position": entry.last_position, "seq": entry.seq}
        changed = connection.execute(update(table).where(table.c.id == 1).values(values))
        if changed.rowcount == 0:
            connection.execute(insert(table), {"id": 1, **values})

    def _add_balances(self, connection: Connection, entry: Entry) -> None:
        """Folds the whole row in memory and touches each account once."""
        table = self._tables.balances
        changes = balance_changes(entry)
        numbers = sorted(changes)
        known: dict[int, Any] = {}
        for start in range(0, len(numbers), 500):
            chosen = numbers[start : start + 500]
            rows = connection.execute(select(table).where(table.c.account.in_(chosen)))
            known.update((row.account, row) for row in rows)
        fresh: list[dict[str, int]] = []
        moved: list[dict[str, int]] = []
        for number in numbers:
            change = changes[number]
            row = known.get(number)
            values = {
                "b_account": number,
                "ledger": change.ledger if row is None else row.ledger,
                "flags": change.flags if change.flags is not None else row.flags if row else 0,
                "available_fen": change.available + (row.available_fen if row else 0),
                "held_fen": change.held + (row.held_fen if row else 0),
                "position": entry.last_position,
            }
            if row is None:
                fresh.append(
                    {"account": number, **{k: v for k, v in values.items() if k != "b_account"}}
                )
            else:
                moved.append(values)
        if fresh:
            connection.execute(insert(table), fresh)
        if moved:
            from sqlalchemy import bindparam

            statement = (
                update(table)
                .where(table.c.account == bindparam("b_account"))
                .values(
                    {
                        k: bindparam(k)
                        for k in ("ledger", "flags", "available_fen", "held_fen", "position")
                    }
                )
            )
            connection.execute(statement, moved)


class _Change:
    __slots__ = ("available", "held", "ledger", "flags")

    def __init__(self) -> None:
        self.available = 0
        self.held = 0
        self.ledger = 0
        self.flags: int | None = None


def balance_changes(entry: Entry) -> dict[int, _Change]:
    """What a journal row adds to each account's balance."""
    changes: dict[int, _Change] = {}

    def of(number: int) -> _Change:
        return changes.setdefault(number, _Change())

    accepted = np.flatnonzero(entry.results < 10)
    for record, result in zip(
        entry.records[accepted].tolist(), entry.results[accepted].tolist(), strict=True
    ):
        _, debit, credit, kind, _, spare, _, amount, _, _, ref, _ = record
        if kind in (Kind.TRANSFER, Kind.DELIVER):
            of(debit).available -= amount
            of(ref if result == 1 else credit).available += amount
        elif kind == Kind.HOLD:
            of(debit).available -= amount
            of(debit).held += amount
        elif kind == Kind.CAPTURE:
            of(debit).held -= amount
            of(credit).available += amount
        elif kind == Kind.RELEASE:
            of(debit).held -= amount
            of(debit).available += amount
        elif kind == Kind.OPEN:
            change = of(credit)
            change.ledger = spare >> 8
            change.flags = ref | 1
        elif kind == Kind.SET_FLAGS:
            change = of(credit)
            change.flags = (ref & 6) | 1
    return changes


def payment_rows(entry: Entry) -> list[dict[str, Any]]:
    """The rows of `payments` that a journal row makes."""
    rows: list[dict[str, Any]] = []
    for index, (record, result, detail) in enumerate(
        zip(entry.records.tolist(), entry.results.tolist(), entry.details.tolist(), strict=True)
    ):
        origin, debit, credit, kind, flags, spare, sequence, amount, time, expires, ref, digest = (
            record
        )
        rows.append(
            {
                "position": entry.first_position + index,
                "origin": origin,
                "sequence": sequence,
                "kind": kind,
                "flags": flags,
                "spare": spare,
                "debit": debit,
                "credit": credit,
                "amount_fen": amount,
                "time_ms": time,
                "expires_ms": expires,
                "result": result,
                "ref": ref,
                "detail": detail,
                "digest": digest.to_bytes(8, "little"),
                "note": entry.note(index),
            }
        )
    return rows
