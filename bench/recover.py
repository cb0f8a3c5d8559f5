"""Measures how long it takes until a core serves again after it was killed within a batch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np
import typer
from sqlalchemy import MetaData

from bench.harness import Measurement, Ratio, Scale, durability, scratch
from bench.workload import Payments, fill, later_of, opening
from runtime.database import open_engine
from settlement.build import LedgerBundle, open_ledger
from settlement.journal import Journal, Tip
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import Records, Result
from settlement.tables import JournalTables, journal_tables

_SEED = 7
_ROUND = 64


def run(scale: Scale) -> list[Measurement]:
    """Fills a journal, kills its writer, and measures each of several starts after that."""
    accounts = scale.pick(1_000_000, 100_000, 2_000)
    records = scale.pick(20_000_000, 1_000_000, 30_000)
    count = -(-records // MAX_BATCH_RECORDS)
    with scratch() as folder:
        url = f"sqlite:///{folder / 'core.db'}"
        acknowledged = _write_and_kill(url, accounts, count)
        engine = open_engine(url)
        facts = durability(engine, folder)
        tables = journal_tables(MetaData())
        tip = Journal(engine, tables).tip()
        samples: list[dict[str, float]] = []
        for number in range(scale.warm_ups + scale.samples):
            sample = _serve_again(url)
            if number >= scale.warm_ups:
                samples.append(sample)
        started = time.perf_counter()
        _check_all(Journal(engine, tables), accounts, acknowledged)
        replayed = time.perf_counter() - started
        engine.dispose()
        size = (folder / "core.db").stat().st_size
    middle = sorted(samples, key=lambda sample: sample["seconds"])[len(samples) // 2]
    whole = tip.position / replayed
    recovered = tip.position / middle["seconds"]
    return [
        Measurement(
            name="recover",
            samples=[sample["seconds"] for sample in samples],
            batch=MAX_BATCH_RECORDS,
            accounts=accounts,
            durability=facts,
            includes="from the start of the process to its first answer read from an account: "
            "Python, imports, the compiled rule from its cache, the newest snapshot, the journal "
            "after it with every hash checked",
            excludes="filling the journal; noticing that the process is gone",
            scale=scale,
            ratio_to=Ratio("reading-and-checking-the-whole-journal", whole, recovered / whole),
            unit="records",
            measure="seconds",
            details={
                "journal_records": tip.position,
                "journal_rows": tip.seq,
                "database_mb": round(size / 1e6, 1),
                "records_after_the_snapshot": int(middle["tail"]),
                "opening_the_ledger_s": round(middle["opening"], 3),
                "acknowledged_batches": acknowledged,
                "acknowledged_batches_missing": 0,
                "killed_with": "SIGKILL, with batches in flight",
            },
        )
    ]


def _write_and_kill(url: str, accounts: int, count: int) -> int:
    """Starts a writer, and kills it once it has answered `count` batches.

    Returns:
        How many batches it had answered when it died.

    Raises:
        RuntimeError: it ended by itself before that.
    """
    command = [sys.executable, "-m", "bench.recover", "write", url, str(accounts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        answered = 0
        for line in process.stdout:
            answered = int(line)
            if answered >= count:
                os.kill(process.pid, signal.SIGKILL)
                break
        # It may have acknowledged more batches before it died.
        for line in process.stdout:
            if line.endswith("\n"):
                answered = int(line)
    if answered < count:
        raise RuntimeError(f"the writer ended by itself after {answered} batches")
    return answered


def _serve_again(url: str) -> dict[str, float]:
    started = time.perf_counter()
    command = [sys.executable, "-m", "bench.recover", "serve", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        opening_s, tail = process.stdout.readline().split()
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "opening": float(opening_s), "tail": float(tail)}


def _check_all(journal: Journal, accounts: int, acknowledged: int) -> None:
    """Raises AssertionError unless the journal holds every acknowledged batch, in order."""
    expected = _all_batches(accounts)
    wanted = sum(len(records) for records in opening(accounts)) + acknowledged * MAX_BATCH_RECORDS
    have = next(expected)
    at = 0
    seen = 0
    for entry, _ in journal.rows(Tip()):
        start = 0
        while start < len(entry.records):
            size = min(len(entry.records) - start, len(have) - at)
            found, made = entry.records[start : start + size], have[at : at + size]
            if not np.array_equal(found, made):
                raise AssertionError(f"journal row {entry.seq} is not what was asked")
            if (entry.results[start : start + size] != Result.ACCEPTED).any():
                raise AssertionError(f"journal row {entry.seq} has a refusal")
            start, at, seen = start + size, at + size, seen + size
            if at == len(have):
                have, at = next(expected), 0
    if seen < wanted:
        raise AssertionError(f"{wanted - seen} acknowledged records are not in the journal")


def _all_batches(accounts: int) -> Iterator[Records]:
    yield from opening(accounts)
    payments = Payments(accounts, seed=_SEED)
    while True:
        yield payments.batch()


def _open(url: str) -> tuple[LedgerBundle, JournalTables]:
    engine = open_engine(url)
    metadata = MetaData()
    tables = journal_tables(metadata)
    metadata.create_all(engine)
    return open_ledger(engine, tables, threaded=True), tables


app = typer.Typer()


@app.command()
def write(url: str, accounts: Annotated[int, typer.Argument()]) -> None:
    """Write payments for ever and say after each round how many batches have been answered."""
    bundle, _ = _open(url)
    fill(bundle, accounts)
    payments = Payments(accounts, seed=_SEED)
    later = later_of(bundle)
    answered = 0
    waiting = [later(batch) for batch in payments.batches(_ROUND)]
    while True:
        # The next round is sent before this one is awaited, so a kill always hits a batch.
        following = [later(batch) for batch in payments.batches(_ROUND)]
        for future in waiting:
            future.result()
        answered += len(waiting)
        print(answered, flush=True)
        waiting = following


@app.command()
def serve(url: str) -> None:
    """Open the ledger, answer one question, and say how long it took."""
    started = time.perf_counter()
    bundle, tables = _open(url)
    bundle.ledger.read([1])
    opening_s = time.perf_counter() - started
    from sqlalchemy import func, select

    with open_engine(url).connect() as connection:
        position = connection.execute(select(func.max(tables.snapshot.c.position))).scalar()
    print(opening_s, bundle.core.position - (position or 0), flush=True)
    bundle.stop()


if __name__ == "__main__":
    app()
