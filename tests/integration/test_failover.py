"""The databases' primary is lost, or its standbys are: nothing acknowledged is lost, nobody waits
in vain, and services come back by themselves.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from auditor.audit import audit_stack
from auditor.signatures.stack import SignaturesAsked
from console.output import Output
from deployment.topology import load
from runtime.errors import Refusal
from sandbox.demo.environment import System, wait_until
from sandbox.stack.care import look_after
from sandbox.stack.supervisor import Stack, init
from tests.cluster import Cluster, awaited
from tests.integration.histories import Calls, Payer, contradictions, kept, service
from tests.integration.raw_wallet import BankStubs, RawWallet
from tests.integration.systems import fund

pytestmark = [
    pytest.mark.xdist_group("failover"),
    pytest.mark.any_database,
    pytest.mark.timeout(900),
]

PATIENCE_S = 240.0
START_FEN = 100_000


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
    with System(Stack(plan), folder / "homes") as made:
        made.stack.up()
        fund(made)
        ended = threading.Event()
        looking = threading.Thread(target=look_after, args=(made.stack, ended, Output(False).plain))
        looking.start()
        try:
            yield made
        finally:
            ended.set()
            looking.join()


@pytest.fixture(autouse=True)
def whole(cluster: Cluster) -> None:
    """Each test begins with a primary that has a standby."""
    awaited(lambda: cluster.primary() is not None, "a primary")
    awaited(lambda: bool(cluster.synchronous()), "a standby that commits wait for")


def healthy(system: System) -> bool:
    plan = load(system.plan.folder)
    return all(map(Stack(plan).healthy, plan.pids))


def log_of(system: System, name: str) -> str:
    return (system.plan.folder / "logs" / f"{name}.log").read_text()


def pids(system: System) -> dict[str, int]:
    return dict(load(system.plan.folder).pids)


class Paying:
    """Two wallets at each bank that pay each other, on and on."""

    def __init__(self, system: System) -> None:
        self.calls = Calls()
        self._system = system
        stubs = [BankStubs(system.plan, bank.name) for bank in system.plan.banks]
        self.wallets = [RawWallet(peer, name=f"payer {i}") for peer in stubs for i in range(2)]
        for wallet in self.wallets:
            wallet.top_up(START_FEN)
        numbers = [wallet.number for wallet in self.wallets]
        chances = [random.Random(index) for index in range(len(numbers))]
        self._payers = [
            Payer(wallet, numbers, self.calls, chance)
            for wallet, chance in zip(self.wallets, chances, strict=True)
        ]

    def start(self) -> None:
        """Begins, and waits until payments come through."""
        for payer in self._payers:
            payer.start()
        self.more(20)

    def more(self, count: int) -> None:
        """Waits until so many more payments have come through."""
        enough = len(self.calls.settled()) + count
        wait_until(lambda: len(self.calls.settled()) >= enough, "payments", PATIENCE_S)

    def check(self) -> None:
        """Ends, and compares what was told with what the databases have."""
        for payer in self._payers:
            payer.stop()
        for payer in self._payers:
            payer.join(PATIENCE_S)
        wait_until(lambda: healthy(self._system), "health", PATIENCE_S)
        self._system.wait_quiet()
        audit = audit_stack(self._system.plan, SignaturesAsked(None, None, lambda _: None))
        assert audit.ok, audit.problems
        assert contradictions(self.calls.all(), kept(self._system.plan)) == []
        assert sum(w.show().available_fen for w in self.wallets) == START_FEN * len(self.wallets)


def test_the_primary_is_killed_under_payments(
    system: System, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    paying = Paying(system)
    paying.start()
    lost = cluster.primary()
    assert lost is not None
    cluster.kill(lost)
    awaited(lambda: cluster.primary() not in (None, lost), "another primary")
    paying.more(40)
    paying.check()
    cluster.start(lost)
    awaited(lambda: lost in cluster.standbys(), "the old primary is a standby")
    longest = max(service(paying.calls.all()).interruptions_s)
    with capsys.disabled():
        print(f"\nno payment came through for {longest:.1f} s when the primary was killed")


def test_without_a_standby_nobody_is_served_and_then_all_goes_on(
    system: System, cluster: Cluster
) -> None:
    paying = Paying(system)
    paying.start()
    before = pids(system)
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
    wait_until(lambda: "commits wait for a standby" in log_of(system, "alpha"), "the log says why")
    for name in standbys:
        cluster.start(name)
    paying.more(20)
    paying.check()
    assert pids(system) == before, "a service ended, which had nothing to end for"


def test_a_primary_that_hangs_is_left_for_the_new_one(system: System, cluster: Cluster) -> None:
    paying = Paying(system)
    paying.start()
    hanging = cluster.primary()
    assert hanging is not None
    cluster.pause(hanging)
    try:
        awaited(lambda: cluster.primary() not in (None, hanging), "another primary")
        paying.more(40)
        paying.check()
    finally:
        cluster.go_on(hanging)
    awaited(lambda: hanging in cluster.standbys(), "the old primary is a standby")
