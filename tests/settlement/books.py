"""Small words for tests of the core: accounts, records, a model that predicts the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Engine, MetaData

from runtime.database import open_engine
from settlement import builders
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Answers, Batch, Failed
from settlement.limits import SEAL_RECORDS
from settlement.records import MOVING, RECORD, AccountFlag, Kind, Records
from settlement.tables import JournalTables, journal_tables

BANK, ALICE, BOB, CAROL, OTHER_LEDGER = 0, 1, 2, 3, 4
NOON_MS = 1_750_000_000_000
PURPOSE = 1


def fresh(url: str) -> tuple[Engine, JournalTables]:
    """An engine with the core's tables made."""
    metadata = MetaData()
    tables = journal_tables(metadata)
    engine = open_engine(url)
    metadata.create_all(engine)
    return engine, tables


def record(kind: int, **values: Any) -> Records:
    """One record (1,), judged at noon."""
    made = np.zeros(1, RECORD)
    made["kind"], made["time_ms"] = kind, NOON_MS
    if kind in MOVING:
        made["purpose"] = PURPOSE
    for name, value in values.items():
        made[name] = value
    return made


def opening(
    number: int, *, policy: int = 0, ledger: int = 1, flags: int = 0, parent: int = 0
) -> Records:
    """Opens an account."""
    row = builders.opening(
        number, ledger=ledger, limit_set=policy, flags=flags, parent=parent, time_ms=NOON_MS
    )
    return builders.records_of([row])


def transfer(debit: int, credit: int, fen: int, sequence: int, **values: Any) -> Records:
    """A payment by the debited account."""
    return record(
        Kind.TRANSFER, origin=debit, debit=debit, credit=credit, amount_fen=fen,
        sequence=sequence, **values,
    )  # fmt: skip


def many(*records: Records) -> Batch:
    """A batch of single records."""
    return Batch(np.concatenate(records))


def system(
    engine: Engine, tables: JournalTables, *, seal_every: int = SEAL_RECORDS
) -> LedgerBundle:
    """A core with a bank below zero and three holders of 1,000 fen."""
    books = open_ledger(engine, tables, threaded=False, seal_every=seal_every)
    books.ledger.submit(
        many(
            opening(BANK, flags=AccountFlag.MAY_GO_NEGATIVE),
            *(opening(number, policy=1) for number in (ALICE, BOB, CAROL)),
            opening(OTHER_LEDGER, ledger=2),
            *(transfer(BANK, number, 1_000, number) for number in (ALICE, BOB, CAROL)),
        )
    )
    return books


def answered(books: LedgerBundle, batches: Sequence[Batch]) -> list[Answers]:
    """The answers of one commit, of which no batch is taken back."""
    answers = books.core.process(batches)
    assert not any(isinstance(one, Failed) for one in answers), answers
    return [one for one in answers if isinstance(one, Answers)]


def available(books: LedgerBundle, *numbers: int) -> list[int]:
    """Available fen of accounts."""
    return [int(fen) for fen in books.ledger.read(list(numbers))["available_fen"]]
