"""Measures the core over gRPC: from a client's process over TLS to a commit, and the answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.core_service import ANSWER, ECHO, make_trust, running
from bench.harness import Measurement, Scale, compare, durability, rate, rounds, scratch
from bench.workload import Payments
from runtime.database import open_engine
from settlement.limits import MAX_BATCH_RECORDS
from settlement.records import Records, Result


def run(scale: Scale) -> list[Measurement]:
    """Measures the core over gRPC, compared with the same bytes without the core."""
    accounts = scale.pick(1_000_000, 100_000, 2_000)
    count = scale.pick(300, 80, 2)
    payments = Payments(accounts)
    with scratch() as folder:
        url = f"sqlite:///{folder / 'core.db'}"
        trust = make_trust(folder / "trust")
        with running(url, trust, "--accounts", str(accounts)) as (client, _):
            batches: list[Records] = []

            def ingest() -> float:
                batches[:] = [payments.batch() for _ in range(count)]
                replies: list[bytes] = []
                per_s = rate(
                    count * MAX_BATCH_RECORDS, lambda: replies.extend(client.stream(batches))
                )
                check_replies(replies, count)
                return per_s

            def transport() -> float:
                return rate(count * MAX_BATCH_RECORDS, lambda: client.stream(batches, ECHO))

            ingests, transports = rounds(scale, ingest, transport)
            engine = open_engine(url)
            facts = durability(engine, folder)
            engine.dispose()
    return [
        Measurement(
            name="ingest",
            samples=ingests,
            batch=MAX_BATCH_RECORDS,
            accounts=accounts,
            durability=facts,
            includes="client process, packing, gRPC stream over mutual TLS on loopback, the core's "
            "process, its commit, an 18-byte answer per record back at the client",
            excludes="making the records, signatures, the projection",
            scale=scale,
            ratio_to=compare("the-same-bytes-without-a-core", ingests, transports),
            details={"payments_a_sample": count * MAX_BATCH_RECORDS, "streams": 1},
        )
    ]


def check_replies(replies: Sequence[bytes], count: int) -> None:
    """Raises AssertionError unless every record was accepted."""
    assert len(replies) == count, f"{len(replies)} replies for {count} messages"
    for reply in replies:
        answers = np.frombuffer(reply, ANSWER)
        assert len(answers) == MAX_BATCH_RECORDS
        assert (answers["result"] == Result.ACCEPTED).all()
