"""Measures how cost grows with the accounts of a core, and with the payments in its past."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import Engine

from bench.core import fresh_url, opened
from bench.core_service import CoreClient, make_trust, running
from bench.harness import (
    Measurement,
    Ratio,
    Scale,
    durability,
    percentiles,
    rate,
    resident_bytes,
    scratch,
)
from bench.ingest import check_replies
from bench.workload import Payments, check, fill, later_of, pump
from runtime.database import open_engine
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import ACCOUNT, Records

_ACCOUNTS = (10_000, 100_000, 1_000_000, 10_000_000)
_PAYMENTS = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
_CHUNK = 64
_PAGE = 50


def run(scale: Scale, *, database: str = "") -> list[Measurement]:
    """Measures growth by accounts, on SQLite, and by history, on `database` (`fresh_url`)."""
    return [_by_accounts(scale), _by_history(scale, database)]


def _by_accounts(scale: Scale) -> Measurement:
    sizes = _ACCOUNTS[: scale.pick(4, 2, 1)]
    batches = scale.pick(200, 40, 1)
    steps: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    with scratch() as folder:
        for accounts in sizes:
            url = f"sqlite:///{folder / f'{accounts}.db'}"
            with opened(url) as (engine, bundle):
                fill(bundle, accounts)
                payments, later = Payments(accounts), later_of(bundle)
                samples = []
                for _ in range(1 + scale.samples):
                    made = payments.batches(batches)
                    answers: list[Any] = []
                    count = batches * MAX_BATCH_RECORDS
                    samples.append(rate(count, lambda: answers.extend(pump(later, made))))  # noqa: B023
                    check(answers, 0.0)
                bundle.core.snapshot()
                facts = durability(engine, folder)
            steps.append({
                "accounts": accounts,
                "per_s": round(median(samples[1:])),
                "open_again_s": round(_seconds(lambda: _open_and_close(url)), 3),  # noqa: B023
                "rows_of_accounts_mb": round(accounts * ACCOUNT.itemsize / 1e6, 1),
            })  # fmt: skip
            Path(folder / f"{accounts}.db").unlink()
    last, first = steps[-1], steps[0]
    return Measurement(
        name="growth-accounts",
        samples=[last["per_s"]],
        batch=MAX_BATCH_RECORDS,
        accounts=last["accounts"],
        durability=facts,
        includes="as core; open_again_s: from a snapshot and the journal behind it",
        excludes="as core",
        scale=scale,
        ratio_to=Ratio(
            f"{first['accounts']:,}-accounts", first["per_s"], last["per_s"] / first["per_s"]
        ),
        details={"steps": steps},
    )


def _by_history(scale: Scale, database: str) -> Measurement:
    accounts = scale.pick(1_000_000, 20_000, 2_000)
    marks = _PAYMENTS if scale is Scale.FULL else (scale.pick(0, 600_000, 8_190),)
    payments = Payments(accounts)
    steps: list[dict[str, Any]] = []
    with scratch() as folder, fresh_url(database, folder) as url:
        engine = open_engine(url)
        trust = make_trust(folder / "trust")
        options = ("--accounts", str(accounts), "--project")
        with running(url, trust, *options) as (client, pid):
            sent = 0
            for mark in marks:
                paid = _pay_until(client, payments, mark - sent)
                sent += paid.records
                steps.append(
                    {
                        "payments": sent,
                        "per_s": round(paid.per_s),
                        **_asked(client, accounts, paid.last),
                        "resident_mb": round(resident_bytes(pid) / 1e6, 1),
                        "on_disk_bytes_a_payment": round(_on_disk(engine, folder) / sent, 1),
                    }
                )
            facts = durability(engine, folder)
        engine.dispose()
    last, first = steps[-1], steps[0]
    return Measurement(
        name="growth-history",
        samples=[last["per_s"]],
        batch=MAX_BATCH_RECORDS,
        accounts=accounts,
        durability=facts,
        includes="as sustained: per_s is of the payments since the step before; statement and find "
        "are asked when nothing else goes on",
        excludes="making the records",
        scale=scale,
        ratio_to=Ratio(
            f"{first['payments']:,}-payments", first["per_s"], last["per_s"] / first["per_s"]
        ),
        details={"steps": steps},
    )


class _Paid:
    """How many payments were made, how fast, and the last batch of them."""

    def __init__(self, records: int, per_s: float, last: Records) -> None:
        self.records, self.per_s, self.last = records, per_s, last


def _pay_until(client: CoreClient, payments: Payments, wanted: int) -> _Paid:
    count = max(1, wanted // MAX_BATCH_RECORDS)
    seconds = 0.0
    made: list[Records] = []
    for size in _chunks(count):
        made = [payments.batch() for _ in range(size)]  # made before the clock starts

        def send(made: list[Records] = made, size: int = size) -> None:
            check_replies(client.stream(made), size)
            client.wait_until_projected()

        seconds += _seconds(send)
    return _Paid(count * MAX_BATCH_RECORDS, count * MAX_BATCH_RECORDS / seconds, made[-1])


def _chunks(count: int) -> Iterator[int]:
    for start in range(0, count, 8 * _CHUNK):
        yield min(8 * _CHUNK, count - start)


def _asked(client: CoreClient, accounts: int, known: Records) -> dict[str, float]:
    """The median milliseconds of questions about the past, while nothing else goes on."""
    chosen = random.Random(5)
    times: dict[str, list[float]] = {"statement": [], "find": []}
    for record in known[np.linspace(0, len(known) - 1, 100).astype(int)]:
        account = chosen.randrange(1, accounts)
        asked = _seconds(lambda: client.ask("statement", account=account, limit=_PAGE))  # noqa: B023
        times["statement"].append(asked)
        origin, sequence = int(record["origin"]), int(record["sequence"])
        times["find"].append(
            _seconds(lambda: client.ask("find", origin=origin, sequence=sequence))  # noqa: B023
        )
    found = {name: percentiles(values) for name, values in times.items()}
    return {f"{name}_p50_ms": one["p50_ms"] for name, one in found.items()}


def _seconds(body: Callable[[], object]) -> float:
    started = time.perf_counter()
    body()
    return time.perf_counter() - started


def _open_and_close(url: str) -> None:
    with opened(url):
        pass


def _on_disk(engine: Engine, folder: Path) -> int:
    """The size of the database in bytes: journal, snapshots, rows and their index."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            question = "SELECT pg_database_size(current_database())"
            return int(connection.exec_driver_sql(question).scalar_one())
    return sum(file.stat().st_size for file in folder.glob("core.db*"))
