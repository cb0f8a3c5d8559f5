"""Who has a database and knows the code: every hash, balance and row is made right again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Engine, delete, insert

from dcep.purposes.v1 import purposes_pb2
from settlement.build import open_ledger
from settlement.journal import Journal, Tip, chain_hash
from settlement.packing import pack
from settlement.records import MOVING, RECORD, Records
from settlement.state import State
from settlement.tables import JournalTables


@dataclass
class Beside:
    """A record that can be changed, with what stands beside it."""

    record: Any
    note: bytes = b""
    signature: bytes = b""


def made(**values: Any) -> Any:
    """One record, of a payment if it moves money and nothing else is said."""
    record = np.zeros(1, RECORD)[0]
    if values["kind"] in MOVING:
        record["purpose"] = purposes_pb2.PURPOSE_PAYMENT
    for name, value in values.items():
        record[name] = value
    return record


def journal(engine: Engine, tables: JournalTables) -> list[Beside]:
    """All records with what stands beside them, in order."""
    rows = Journal(engine, tables).rows(Tip(), signed=True)
    return [one for entry, _ in rows for one in _beside(entry)]


def forge(engine: Engine, tables: JournalTables, change: Callable[[list[Beside]], None]) -> None:
    """Writes another journal, and makes everything that follows from it anew.

    Nobody else may have the ledger open.
    """
    sizes = [len(entry.records) for entry, _ in Journal(engine, tables).rows(Tip())]
    told = journal(engine, tables)
    change(told)
    sizes.append(len(told) - sum(sizes))
    state, tip = State.empty(), Tip()
    with engine.begin() as connection:
        connection.execute(delete(tables.journal))
        for size in filter(None, sizes):
            part, told = told[:size], told[size:]
            tip = _append(connection, tables, state, tip, part)
        for table in (tables.snapshot, tables.snapshot_parts):
            connection.execute(delete(table))
    books = open_ledger(engine, tables, threaded=False)
    books.projection.rebuild()
    books.core.snapshot()


def _beside(entry: Any) -> list[Beside]:
    return [
        Beside(entry.records[i].copy(), entry.note(i), entry.signature(i))
        for i in range(len(entry.records))
    ]


def _append(
    connection: Any, tables: JournalTables, state: State, tip: Tip, part: Sequence[Beside]
) -> Tip:
    records: Records = np.array([one.record for one in part], RECORD)
    results, details = state.apply(records)
    body = pack(
        records, results, details, [one.note for one in part], [one.signature for one in part]
    )
    seq, first = tip.seq + 1, tip.position + 1
    digest = chain_hash(tip.hash, seq, first, len(part), body)
    row = {
        "seq": seq,
        "first_position": first,
        "previous_hash": tip.hash,
        "hash": digest,
        "count": len(part),
        "body": body,
    }
    connection.execute(insert(tables.journal), row)
    return Tip(seq, first + len(part) - 1, digest)
