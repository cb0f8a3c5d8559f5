"""Measures how fast payments go on while everything made from the journal is made again.

That is what a service does after its PostgreSQL server crashed, or after a standby took its place:
unlogged tables are empty then. Here they are empty because nothing was projected yet.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future

from sqlalchemy import MetaData

from bench.core import fresh_url
from bench.harness import Measurement, Scale, compare, durability, scratch
from bench.workload import Payments, fill, later_of, pump
from runtime.database import open_engine
from settlement.build import LedgerBundle, open_ledger
from settlement.core import Answers
from settlement.limits import MAX_BATCH_RECORDS, MAX_LAG_RECORDS
from settlement.tables import journal_tables

_IDLE_S = 0.01
_LOOK_S = 0.05
_IN_FLIGHT = 16


class _Load:
    """Payments in one thread, as many as come through, and the projection in another."""

    def __init__(self, bundle: LedgerBundle, payments: Payments) -> None:
        self.bundle = bundle
        self._payments = payments
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._pay), threading.Thread(target=self._project)]

    def __enter__(self) -> _Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def paid(self) -> int:
        """Records that are durable by now."""
        return self.bundle.ledger.position()

    @property
    def behind(self) -> int:
        """How many of them the projection does not have yet."""
        return self.paid - self.bundle.projection.position()

    def per_s(self, seconds: float) -> float:
        """Payments a second, over so long."""
        began, before = time.perf_counter(), self.paid
        time.sleep(seconds)
        return (self.paid - before) / (time.perf_counter() - began)

    def per_s_until_near(self) -> tuple[float, float]:
        """Payments a second until the projection is as near as ever, and how many seconds."""
        began, before = time.perf_counter(), self.paid
        # A small journal may be made again before the first payment is durable: then up to that.
        while self.behind > MAX_LAG_RECORDS or self.paid == before:
            time.sleep(_LOOK_S)
        took = time.perf_counter() - began
        return (self.paid - before) / took, took

    def _pay(self) -> None:
        later = later_of(self.bundle)
        waiting: deque[Future[Answers]] = deque()
        while not self._over.is_set():
            (batch,) = self._payments.batches(1)
            waiting.append(later(batch))
            if len(waiting) >= _IN_FLIGHT:
                waiting.popleft().result()
        for future in waiting:
            future.result()

    def _project(self) -> None:
        while not self._over.is_set():
            if not self.bundle.projection.catch_up():
                self._over.wait(_IDLE_S)


def run(scale: Scale, *, database: str = "") -> list[Measurement]:
    """Measures, on the database that `bench.core.fresh_url` makes of `database`."""
    accounts = scale.pick(1_000_000, 100_000, 2_000)
    records = scale.pick(20_000_000, 2_000_000, 500_000)
    seconds = scale.pick(10, 5, 1)
    payments = Payments(accounts)
    with scratch() as folder, fresh_url(database or "postgresql", folder) as url:
        engine = open_engine(url)
        metadata = MetaData()
        tables = journal_tables(metadata)
        metadata.create_all(engine)
        bundle = open_ledger(engine, tables, threaded=True)
        fill(bundle, accounts)
        pump(later_of(bundle), payments.stream(-(-records // MAX_BATCH_RECORDS)))
        bundle.stop()
        bundle = open_ledger(engine, tables, threaded=True, max_lag=MAX_LAG_RECORDS)
        position = bundle.core.position
        with _Load(bundle, payments) as load:
            during, seconds_remade = load.per_s_until_near()
            afterwards = load.per_s(seconds)
        facts = durability(engine, folder)
        bundle.stop()
        engine.dispose()
    return [
        Measurement(
            name="remade",
            samples=[during],
            batch=MAX_BATCH_RECORDS,
            accounts=accounts,
            durability=facts,
            includes="payments without signatures that became durable, from the start of a service "
            "that has no row of what is made from its journal until all of them had been made",
            excludes="noticing that the server is gone, and finding the next one",
            scale=scale,
            ratio_to=compare("with-all-rows-there", [during], [afterwards]),
            details={
                "records_in_the_journal": position,
                "made_again_s": round(seconds_remade, 1),
            },
        )
    ]
