"""What a backup holds: all that another home needs, and nothing of the device."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, insert, select

from currency.number import NumberError, check
from language import _
from runtime.chunks import chunks
from runtime.database import Database
from runtime.ed25519 import SEED_BYTES
from wallet.home.home import Profile
from wallet.home.merchant import Merchant
from wallet.orders.order_book import OrderState
from wallet.orders.types import DEPOSIT, LOAD
from wallet.recovery.format import BackupError
from wallet.tables import orders, payees_found, payrolls, sequences

MAX_ORDERS = 50_000
"""Orders that are kept, the newest of the wallet. The bank has the history of all of them; these
keep a payroll, or a code for one payment, from being paid again. As many aliases, of which a run
that goes on pays whom it began to pay."""

MAX_CA_BYTES = 1 << 16
_TABLES = {table.name: table for table in (sequences, orders, payrolls, payees_found)}
_NEWEST = {orders: orders.c.sequence, payees_found: payees_found.c.found_time_ms}
_FORMAT = 1


@dataclass(frozen=True)
class Contents:
    """What a backup holds.

    Attributes:
        profile: which wallet it is.
        seed: of the key in force then, 32 bytes.
        bank_ca: what the bank's certificate is checked against, PEM.
        merchant: how the holder is called in codes.
        rows: of the order book, by table.
        made_time_ms: when it was made.
    """

    profile: Profile
    seed: bytes = field(repr=False)
    bank_ca: bytes
    merchant: Merchant
    rows: Mapping[str, list[dict[str, Any]]]
    made_time_ms: int

    def to_bytes(self) -> bytes:
        """For a file, before it is sealed."""
        said = {
            "format": _FORMAT,
            "made_time_ms": self.made_time_ms,
            "profile": asdict(self.profile),
            "seed": _text(self.seed),
            "bank_ca": _text(self.bank_ca),
            "merchant": asdict(self.merchant),
            "rows": {
                name: [
                    {
                        column: _text(cell) if isinstance(cell, bytes) else cell
                        for column, cell in row.items()
                    }
                    for row in rows
                ]
                for name, rows in self.rows.items()
            },
        }
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def of_bytes(cls, content: bytes) -> Contents:
        """What an opened file holds. Raises BackupError."""
        try:
            said = json.loads(content)
            if said["format"] != _FORMAT:
                raise BackupError(_("this backup is of another version"))
            found = cls(
                profile=_typed(Profile, said["profile"]),
                seed=_bytes(said["seed"]),
                bank_ca=_bytes(said["bank_ca"]),
                merchant=_typed(Merchant, said["merchant"]),
                # One that was made before a table was has nothing of it.
                rows={
                    name: _rows(table, said["rows"].get(name, []))
                    for name, table in _TABLES.items()
                },
                made_time_ms=int(said["made_time_ms"]),
            )
            check(found.profile.number)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NumberError):
            raise BackupError(_("this is no backup of a wallet")) from None
        whose = {row["number"] for rows in found.rows.values() for row in rows}
        right = len(found.seed) == SEED_BYTES and len(found.bank_ca) <= MAX_CA_BYTES
        if not right or not found.profile.opened or whose - {found.profile.number}:
            raise BackupError(_("this is no backup of a wallet"))
        return found


def rows_of(database: Database, number: str) -> dict[str, list[dict[str, Any]]]:
    """The wallet's part of an order book, its newest orders."""

    def body(connection: Connection) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for name, table in _TABLES.items():
            query = select(table).where(table.c.number == number)
            if table in _NEWEST:
                query = query.order_by(_NEWEST[table].desc()).limit(MAX_ORDERS)
            found[name] = [dict(row._mapping) for row in connection.execute(query)]
        return found

    return database.read(body)


def put_rows(database: Database, number: str, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Writes the order book of a restored home; what is there of it already stays.

    An order about offline money that had no answer will have none here: what it was about lies in
    the device, which is not here. Nobody is told of it any more.
    """

    def body(connection: Connection) -> None:
        for name, table in _TABLES.items():
            if connection.execute(select(table).where(table.c.number == number).limit(1)).first():
                continue
            for chunk in chunks([_settled(row) for row in rows[name]]):
                connection.execute(insert(table), list(chunk))

    database.transaction(body)


def _settled(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("kind") in (DEPOSIT.name, LOAD.name) and row["state"] == OrderState.UNKNOWN.value:
        return {**row, "heard": True}
    return row


def _rows(table: Table, found: Any) -> list[dict[str, Any]]:
    return [_row(table, row) for row in found]


def _row(table: Table, found: Any) -> dict[str, Any]:
    """A row of a table, each cell of its column's type. Raises ValueError or TypeError."""
    row: dict[str, Any] = {}
    for column in table.columns:
        cell = found[column.name]
        kind = column.type.python_type
        if cell is None and column.nullable:
            row[column.name] = None
            continue
        cell = _bytes(cell) if isinstance(column.type, LargeBinary) else cell
        if type(cell) is not kind:
            raise TypeError(column.name)
        row[column.name] = cell
    return row


def _typed(kind: Any, found: Any) -> Any:
    """A dataclass of strings and flags, with just these. Raises ValueError or TypeError."""
    made = kind(**found)
    for each in fields(kind):
        if type(getattr(made, each.name)).__name__ != str(each.type):
            raise TypeError(each.name)
    return made


def _text(content: bytes) -> str:
    return b64encode(content).decode()


def _bytes(content: str) -> bytes:
    return b64decode(content, validate=True)
