"""Makes the rows of `payments`, and writes them the fastest way that each database has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Table

from settlement.journal import Entry
from settlement.records import RECORD, Kind, content_of

_PLACES = {name: place for place, name in enumerate(RECORD.names or ())}
_FIELDS = (
    ("position", ">i8"),
    ("origin", ">i8"),
    ("sequence", ">u8"),
    ("kind", ">i2"),
    ("flags", ">i2"),
    ("purpose", ">i4"),
    ("debit", ">i8"),
    ("credit", ">i8"),
    ("amount_fen", ">i8"),
    ("time_ms", ">i8"),
    ("expires_ms", ">i8"),
    ("result", ">i2"),
    ("ref", ">u8"),
    ("detail", ">u8"),
    ("digest", "S8"),
)


class PaymentRow(NamedTuple):
    """A row of `payments`, read from the database or made from the journal."""

    position: int
    origin: int
    sequence: int
    kind: int
    flags: int
    purpose: int
    debit: int
    credit: int
    amount_fen: int
    time_ms: int
    expires_ms: int
    result: int
    ref: int
    detail: int
    digest: bytes
    note: bytes

    def is_repeated_by(self, record: Sequence[int]) -> bool:
        """Whether a record with this row's identity repeats it, by the core's own judgement.

        Args:
            record: its fields, in the order of RECORD.
        """
        names = content_of(self.kind)
        own = {name: getattr(self, name) for name in names if name != "digest"}
        own["digest"] = int.from_bytes(bytes(self.digest), "little")
        return all(record[_PLACES[name]] == own[name] for name in names)

    @property
    def reason(self) -> int:
        """Why it was refused before the rule was asked, by the contract's numbers; else 0."""
        return self.ref if self.kind == Kind.REFUSAL else 0


NAMES = PaymentRow._fields
_OUTSIDE = {"position", "result", "detail", "digest"}
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
# A row in PostgreSQL's binary COPY format: the number of fields, then each after its length.
_COPY_ROW = np.dtype(
    [("fields", ">i2")]
    + [part for name, kind in _FIELDS for part in ((f"{name}_bytes", ">i4"), (name, kind))]
    + [("note_bytes", ">i4")]
)


def payment_rows(entry: Entry) -> list[tuple[Any, ...]]:
    """The rows for a journal row's records; columns as in NAMES."""
    count = len(entry.records)
    columns: list[Any] = []
    for name, _ in _FIELDS:
        if name == "position":
            columns.append(range(entry.first_position, entry.first_position + count))
        elif name == "result":
            columns.append(entry.results.tolist())
        elif name == "detail":
            columns.append(entry.details.tolist())
        elif name == "digest":
            columns.append(np.ascontiguousarray(entry.records["digest"]).view("V8").tolist())
        else:
            columns.append(entry.records[name].tolist())
    columns.append(entry.notes if entry.notes is not None else [b""] * count)
    return list(zip(*columns, strict=True))


def payment_row(entry: Entry, index: int) -> PaymentRow:
    """The row for one record of a journal row."""
    record = entry.records[index]
    known: dict[str, Any] = {
        "position": entry.first_position + index,
        "result": int(entry.results[index]),
        "detail": int(entry.details[index]),
        "digest": int(record["digest"]).to_bytes(8, "little"),
        "note": entry.note(index),
    }
    values: list[Any] = [known[n] if n in known else int(record[n]) for n in NAMES]
    return PaymentRow(*values)


def prepared_rows(entry: Entry, dialect: str) -> bytes | list[tuple[Any, ...]]:
    """The rows for a journal row's records, as `insert_payments` takes them."""
    return copy_bytes(entry) if dialect == "postgresql" else payment_rows(entry)


def insert_payments(
    connection: Connection, table: Table, rows: bytes | list[tuple[Any, ...]]
) -> None:
    """Writes rows from `prepared_rows`, in the caller's transaction."""
    if isinstance(rows, bytes):
        _copy(connection, table.name, NAMES, rows)
        return
    marks = ", ".join("?" * len(NAMES))
    statement = f"INSERT INTO {table.name} ({', '.join(NAMES)}) VALUES ({marks})"
    connection.exec_driver_sql(statement, rows)


def insert_columns(
    connection: Connection, table: str, columns: Mapping[str, Any], kinds: Mapping[str, Any]
) -> None:
    """Writes columns, each (N,), into a table.

    Args:
        connection: in the caller's transaction.
        table: its name.
        columns: by the table's names for them.
        kinds: for each column a dtype as PostgreSQL takes it: big-endian, or V for bytes.
    """
    if connection.dialect.name == "postgresql":
        copy_columns(connection, table, columns, kinds)
        return
    statement = (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    )
    rows = list(zip(*(column.tolist() for column in columns.values()), strict=True))
    connection.exec_driver_sql(statement, rows)


def copy_columns(
    connection: Connection, table: str, columns: Mapping[str, Any], kinds: Mapping[str, Any]
) -> None:
    """As `insert_columns`, for PostgreSQL only."""
    layout: list[tuple[str, Any]] = [("fields", ">i2")]
    for name, kind in kinds.items():
        layout += [(f"{name}_bytes", ">i4"), (name, kind)]
    rows = np.zeros(len(next(iter(columns.values()))), np.dtype(layout))
    rows["fields"] = len(kinds)
    for name, kind in kinds.items():
        rows[f"{name}_bytes"] = np.dtype(kind).itemsize
        rows[name] = columns[name]
    _copy(connection, table, tuple(kinds), _COPY_HEADER + rows.tobytes() + _COPY_END)


def _copy(connection: Connection, table: str, names: tuple[str, ...], data: bytes) -> None:
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(data)
    cursor.close()


def copy_bytes(entry: Entry) -> bytes:
    """The rows for a journal row's records, for PostgreSQL's binary COPY."""
    count = len(entry.records)
    rows = np.zeros(count, _COPY_ROW)
    rows["fields"] = len(NAMES)
    for name, kind in _FIELDS:
        rows[f"{name}_bytes"] = np.dtype(kind).itemsize
        if name not in _OUTSIDE:
            rows[name] = entry.records[name]
    rows["position"] = np.arange(entry.first_position, entry.first_position + count)
    rows["result"] = entry.results
    rows["detail"] = entry.details
    rows["digest"] = entry.records["digest"].astype("<u8").view("S8")
    if entry.notes is None:
        return _COPY_HEADER + rows.tobytes() + _COPY_END
    rows["note_bytes"] = [len(note) for note in entry.notes]
    fixed, width = rows.tobytes(), _COPY_ROW.itemsize
    parts = [_COPY_HEADER]
    for index, note in enumerate(entry.notes):
        parts += (fixed[index * width : (index + 1) * width], note)
    return b"".join([*parts, _COPY_END])
