"""Measures the bytes in memory for each account, and whether payments make the process grow."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import typer

from bench.core import opened
from bench.harness import Measurement, Ratio, Scale, resident_bytes, scratch
from bench.workload import Payments, opening
from settlement.core import Batch
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import ACCOUNT

_ROUNDS = 8
_BUFFERS = 4


def run(scale: Scale) -> list[Measurement]:
    """Measures, each sample in processes of their own."""
    small = scale.pick(100_000, 20_000, 1_000)
    large = scale.pick(1_048_576, 131_072, 32_768)
    samples: list[float] = []
    growth: list[int] = []
    with scratch() as folder:
        for number in range(scale.samples):
            with ThreadPoolExecutor(2) as pool:
                paths = [folder / f"{number}-{size}.db" for size in (small, large)]
                (few, _), (many, _) = pool.map(_measure, paths, (small, large), (0, 0))
            samples.append((many - few) / (large - small))
        count = scale.pick(12_000_000, 500_000, 70_000) // MAX_BATCH_RECORDS // _ROUNDS
        _, growth = _measure(folder / "growth.db", large, max(1, count))
    payments = max(1, count) * _ROUNDS * MAX_BATCH_RECORDS
    half = len(growth) // 2
    median = sorted(samples)[len(samples) // 2]
    return [
        Measurement(
            name="memory",
            samples=samples,
            batch=MAX_BATCH_RECORDS,
            accounts=large,
            durability={"database": "sqlite"},
            includes=f"resident bytes of a process with {large:,} accounts less those of one with "
            f"{small:,}, by account: the core, its writer, SQLite's caches",
            excludes="what a process of the core needs with no account at all",
            scale=scale,
            ratio_to=Ratio("the-row-of-an-account", ACCOUNT.itemsize, median / ACCOUNT.itemsize),
            unit="an account",
            measure="bytes",
            details={
                "payments": payments,
                "resident_mb_on_the_way": [round(value / 1e6, 1) for value in growth],
                "grew_in_the_second_half_mb": round((growth[-1] - growth[half]) / 1e6, 1),
            },
        )
    ]


def _measure(path: Path, accounts: int, batches: int) -> tuple[int, list[int]]:
    command = [sys.executable, "-m", "bench.memory", str(path), str(accounts), str(batches)]
    asked = subprocess.run(command, capture_output=True, text=True, check=True)
    numbers = [int(word) for word in asked.stdout.split()]
    return numbers[0], numbers[1:]


def child(path: str, accounts: int, batches: int) -> None:
    """Fill a core, then pay in rounds; prints the resident bytes after each."""
    with opened(f"sqlite:///{path}") as (_, bundle):
        # One batch at a time: how full the queue happens to be must not be measured.
        for records in opening(accounts):
            bundle.ledger.submit(Batch(records))
        payments = Payments(accounts)
        for batch in payments.stream(_BUFFERS):
            bundle.ledger.submit(batch)
        print(_resident(without=payments.nbytes))
        for _ in range(_ROUNDS if batches else 0):
            for batch in payments.stream(batches):
                bundle.ledger.submit(batch)
            print(_resident(without=payments.nbytes), flush=True)


def _resident(without: int) -> int:
    """The process's resident bytes, less those that this measurement itself keeps."""
    gc.collect()
    return resident_bytes() - without


if __name__ == "__main__":
    typer.run(child)
