"""Measures as `ingest`, but until every payment can be found by its id and by its accounts."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Engine

from bench.core import fresh_url
from bench.core_service import CoreClient, make_trust, running
from bench.harness import (
    Measurement,
    Scale,
    compare,
    durability,
    percentiles,
    rate,
    rounds,
    scratch,
)
from bench.ingest import check_replies
from bench.workload import Payments
from runtime.database import open_engine
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import Records

_PAUSE_S = 0.05
_PAGE = 50
_ALL_ROWS = 2_000


@dataclass
class _Core:
    """A core that payments are sent to.

    Attributes:
        count: batches in a sample.
        looked_up: about how many payments of a sample are looked up afterwards.
        statements: seconds that each statement took which was read under load.
    """

    engine: Engine
    client: CoreClient
    payments: Payments
    accounts: int
    count: int
    looked_up: int
    statements: list[float] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Payments in a sample."""
        return self.count * MAX_BATCH_RECORDS

    def sustained(self) -> float:
        """Payments a second until they can be found, while statements are read."""
        batches = self._batches()
        before = self.client.ask("positions")[0]

        def until_found() -> None:
            check_replies(self.client.stream(batches), self.count)
            self.client.wait_until_projected()

        over = threading.Event()
        asked = (self.client, self.accounts, over, self.statements)
        reader = threading.Thread(target=_read_statements, args=asked)
        reader.start()
        try:
            per_s = rate(self.records, until_found)
        finally:
            over.set()
            reader.join()
        _check_found(self.engine, self.client, batches, before, self.looked_up)
        return per_s

    def ingest(self) -> float:
        """Payments a second until they are answered."""
        fresh = self._batches()
        per_s = rate(self.records, lambda: check_replies(self.client.stream(fresh), self.count))
        self.client.wait_until_projected()
        return per_s

    def _batches(self) -> list[Records]:
        return [self.payments.batch() for _ in range(self.count)]


def run(scale: Scale, *, database: str = "") -> list[Measurement]:
    """Measures, on the database that `bench.core.fresh_url` makes of `database`."""
    accounts = scale.pick(1_000_000, 20_000, 2_000)
    count, looked_up = scale.pick(488, 16, 1), scale.pick(200, 100, 10)
    payments = Payments(accounts)
    with scratch() as folder, fresh_url(database, folder) as url:
        engine = open_engine(url)
        trust = make_trust(folder / "trust")
        options = ("--accounts", str(accounts), "--project")
        with running(url, trust, *options) as (client, _):
            core = _Core(engine, client, payments, accounts, count, looked_up)
            sustaineds, ingests = rounds(scale, core.sustained, core.ingest)
            idle = _idle_statements(client, accounts, scale.pick(200, 50, 5))
            facts = durability(engine, folder)
        engine.dispose()
    return [
        Measurement(
            name="sustained",
            samples=sustaineds,
            batch=MAX_BATCH_RECORDS,
            accounts=accounts,
            durability=facts,
            includes="all that ingest includes, and the projection in the core's process: a row "
            "for each payment, committed, found by its id and by its payer and payee; statements "
            "are read meanwhile",
            excludes="making the records, signatures, the table of balances, which follows later",
            scale=scale,
            ratio_to=compare("answered-only", sustaineds, ingests),
            details={
                "payments_a_sample": core.records,
                "statement_of_one_account_under_load": percentiles(core.statements),
                "statements_under_load": len(core.statements),
                "statement_of_one_account_idle": percentiles(idle),
                "statement_rows": _PAGE,
            },
        )
    ]


def _read_statements(
    client: CoreClient, accounts: int, over: threading.Event, found: list[float]
) -> None:
    """Reads one account's statement after another, as its holder would, until `over` is set."""
    chosen = random.Random(3)
    while not over.is_set():
        started = time.perf_counter()
        client.ask("statement", account=chosen.randrange(1, accounts), limit=_PAGE)
        found.append(time.perf_counter() - started)
        over.wait(_PAUSE_S)


def _idle_statements(client: CoreClient, accounts: int, count: int) -> list[float]:
    chosen = random.Random(4)
    found = []
    for _ in range(count):
        started = time.perf_counter()
        client.ask("statement", account=chosen.randrange(1, accounts), limit=_PAGE)
        found.append(time.perf_counter() - started)
    return found


def _check_found(
    engine: Engine, client: CoreClient, batches: list[Records], before: int, looked_up: int
) -> None:
    """Raises AssertionError unless all payments are in the table, and some are found each way.

    Of those, about `looked_up`, each is looked up by its id, its payer and its payee.
    """
    records = np.concatenate(batches)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            f"SELECT count(*), sum(amount_fen) FROM payments WHERE position > {before}"
        ).one()
    assert tuple(map(int, found)) == (len(records), int(records["amount_fen"].sum())), found
    for record in records[:: max(1, len(records) // looked_up)]:
        debit, credit = int(record["debit"]), int(record["credit"])
        found = client.ask("find", origin=int(record["origin"]), sequence=int(record["sequence"]))
        assert found is not None and found[1:] == [debit, credit], found
        for account in (debit, credit):
            positions = client.ask("statement", account=account, limit=_ALL_ROWS)
            assert found[0] in positions, f"{found[0]} is not among the payments of {account}"
