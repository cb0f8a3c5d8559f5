"""The databases' primary is lost, or its standbys are: nothing acknowledged is lost, nobody waits
in vain, and services come back by themselves.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from console.clients import BankOfficerClient
from runtime.errors import Refusal
from sandbox.demo.environment import System, wait_until
from sandbox.stack.supervisor import Stack, init
from tests.cluster import Cluster, awaited
from tests.integration.commands import dcep
from tests.integration.paying import PATIENCE_S, Paying, healthy, pids
from tests.integration.service_report import Report
from tests.integration.systems import looked_after

pytestmark = [
    pytest.mark.xdist_group("failover"),
    pytest.mark.any_database,
    pytest.mark.timeout(900),
]

SEED = 14
REPLAYED = 3_000


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    found = Cluster()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def system(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("failover")
    plan = init(folder / "stack", database_server=cluster.url)
    with looked_after(System(Stack(plan), folder / "homes")) as made:
        yield made


@pytest.fixture(autouse=True)
def whole(cluster: Cluster) -> None:
    """Each test begins with a primary that has a standby."""
    awaited(lambda: cluster.primary() is not None, "a primary")
    awaited(lambda: bool(cluster.synchronous()), "a standby that commits wait for")


def primary_of(cluster: Cluster) -> str:
    found = cluster.primary()
    assert found is not None
    return found


def await_standby(cluster: Cluster, name: str) -> None:
    awaited(lambda: name in cluster.standbys(), "the old primary is a standby")


def log_of(system: System, name: str) -> str:
    return (system.plan.folder / "logs" / f"{name}.log").read_text()


def paying_at(system: System) -> Paying:
    return Paying(system, random.Random(SEED))


def test_the_primary_is_killed_under_payments(
    system: System, cluster: Cluster, service_report: Report
) -> None:
    with paying_at(system) as paying:
        paying.more(20)
        lost = primary_of(cluster)
        cluster.kill(lost)
        awaited(lambda: cluster.primary() not in (None, lost), "another primary")
        paying.more(40)
    service_report.add("primary-killed", "patroni", paying.check())
    cluster.start(lost)
    await_standby(cluster, lost)


def test_a_replay_comes_through_the_loss_of_the_primary_by_itself(
    system: System, cluster: Cluster, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    lines = ["time,source,target,value"]
    for time_s in range(REPLAYED):
        source, target = chance.sample(range(40), 2)
        lines.append(f"{time_s},p{source},p{target},{chance.randint(1, 900) / 100}")
    file = tmp_path / "payments.csv"
    file.write_text("\n".join(lines) + "\n")
    words = ("replay", str(file), "--amount", "20000", "--items-per-call", "50", "--json")
    with BankOfficerClient(system.plan, "alpha") as office, ThreadPoolExecutor(1) as running:
        begins_at = office.books().journal_position
        replay = running.submit(dcep, *words, "--stack", str(system.plan.folder))

        def has_begun() -> bool:
            return replay.done() or office.books().journal_position > begins_at + REPLAYED // 10

        wait_until(has_begun, "the replay has begun", PATIENCE_S)
        lost = primary_of(cluster)
        assert not replay.done()
        cluster.kill(lost)
        done = replay.result(PATIENCE_S)
    cluster.start(lost)
    await_standby(cluster, lost)
    assert done.code == 0, done.err
    assert (done.answer["accepted"], done.answer["audit_ok"]) == (REPLAYED, True)


def test_without_a_standby_nobody_is_served_and_then_all_goes_on(
    system: System, cluster: Cluster, service_report: Report
) -> None:
    before = pids(system)
    with paying_at(system) as paying:
        paying.more(20)
        standbys = cluster.standbys()
        for name in standbys:
            cluster.kill(name)
        asking = paying.wallets[0]

        def is_told_at_once() -> bool:
            began = time.monotonic()
            try:
                asking.show()
            except Refusal as refusal:
                return refusal.name == "NOT_SERVING" and time.monotonic() - began < 5
            return False

        # Those that are asked before the lease has run out wait as long as their callers do.
        wait_until(is_told_at_once, "a clear answer", PATIENCE_S)
        wait_until(lambda: not healthy(system), "health says so", PATIENCE_S)
        wait_until(
            lambda: "commits wait for a standby" in log_of(system, "alpha"), "the log says why"
        )
        for name in standbys:
            cluster.start(name)
        paying.more(20)
    service_report.add("standbys-killed", "patroni", paying.check())
    assert pids(system) == before, "a service ended, which had nothing to end for"


def test_a_primary_that_hangs_is_left_for_the_new_one(
    system: System, cluster: Cluster, service_report: Report
) -> None:
    with paying_at(system) as paying:
        paying.more(20)
        hanging = primary_of(cluster)
        cluster.pause(hanging)
        try:
            awaited(lambda: cluster.primary() not in (None, hanging), "another primary")
            paying.more(40)
        finally:
            cluster.go_on(hanging)
    # Until it has noticed, it takes connections, and ends them then: the audit reads only once.
    await_standby(cluster, hanging)
    service_report.add("primary-hangs", "patroni", paying.check())
