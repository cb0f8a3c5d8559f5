"""The databases' primary is lost, or its standbys are: nothing acknowledged is lost, nobody waits
in vain, and services come back by themselves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from auditor.audit import audit_stack
from auditor.signatures.stack import SignaturesAsked
from console.output import Output
from dcep.bank.v1.states_pb2 import PAYMENT_STATE_SETTLED
from deployment.topology import load
from runtime.errors import NoAnswer, Refusal, is_undecided
from sandbox.demo.environment import System, wait_until
from sandbox.demo.wallet_process import Person
from sandbox.stack.care import look_after
from sandbox.stack.supervisor import Stack, init
from tests.cluster import Cluster, awaited
from tests.integration.systems import fund

pytestmark = [
    pytest.mark.xdist_group("failover"),
    pytest.mark.any_database,
    pytest.mark.timeout(900),
]

PATIENCE_S = 240.0


class Looked(System):
    """A stack that is looked after, as ``dcep up`` does; its people keep their own files."""

    def _database_for(self, name: str) -> str:
        return ""


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
    with Looked(Stack(plan), folder / "homes") as made:
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
    awaited(
        lambda: cluster.primary() is not None and bool(cluster.synchronous()), "a whole cluster"
    )


def healthy(system: System) -> bool:
    plan = load(system.plan.folder)
    return all(map(Stack(plan).healthy, plan.pids))


def log_of(system: System, name: str) -> str:
    return (system.plan.folder / "logs" / f"{name}.log").read_text()


def pids(system: System) -> dict[str, int]:
    return dict(load(system.plan.folder).pids)


class Payer:
    """Pays one fen after another in a thread, and asks for each until it is settled."""

    def __init__(self, payer: Person, payee: Person, tag: int, count: int) -> None:
        self.settled: list[tuple[float, str]] = []
        self.count = count
        self._payer, self._payee, self._tag = payer, payee, tag
        self._thread = threading.Thread(target=self._pay_all)
        self._thread.start()

    def ids(self) -> set[str]:
        """Of the payments that were acknowledged as settled."""
        return {payment_id for _, payment_id in self.settled}

    def join(self) -> None:
        """Waits until all are settled."""
        self._thread.join(PATIENCE_S)

    def longest_silence_s(self) -> float:
        """The longest time between two payments that were settled, in seconds."""
        times = [at for at, _ in self.settled]
        return max((b - a for a, b in zip(times, times[1:], strict=False)), default=0.0)

    def _pay_all(self) -> None:
        for number in range(self.count):
            request_id = f"{self._tag:08x}-5f9e-4a53-9a53-{number:012x}"
            wait_until(lambda r=request_id: self._is_settled(r), "a payment", PATIENCE_S)

    def _is_settled(self, request_id: str) -> bool:
        try:
            answer = self._payer.pay(self._payee.number, 1, request_id=request_id)
        except Refusal as refusal:
            if not is_undecided(refusal.reason):
                raise
            return False
        except NoAnswer:
            return False
        if answer.state != PAYMENT_STATE_SETTLED:
            return False
        self.settled.append((time.monotonic(), answer.payment_id))
        return True


def check_whole(system: System, paying: Payer, payee: Person) -> None:
    """All was paid, once each, and every fen is accounted for."""
    paying.join()
    assert len(paying.settled) == len(paying.ids()) == paying.count
    wait_until(lambda: payee.show().available_fen == paying.count, "all has arrived", PATIENCE_S)
    wait_until(lambda: healthy(system), "health", PATIENCE_S)
    system.wait_quiet()
    assert audit_stack(system.plan, SignaturesAsked(None, None, lambda _: None)).ok


def test_the_primary_is_killed_under_payments(
    system: System, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    payer = system.person("ann", "alpha", holder_name="Ann")
    payee = system.person("ben", "beta", holder_name="Ben")
    payer.top_up(10_000)
    paying = Payer(payer, payee, 1, 300)
    wait_until(lambda: len(paying.settled) >= 30, "payments", PATIENCE_S)
    lost = cluster.primary()
    assert lost is not None
    cluster.kill(lost)
    check_whole(system, paying, payee)
    assert cluster.primary() != lost
    cluster.start(lost)
    awaited(lambda: lost in cluster.standbys(), "the old primary is a standby")
    with capsys.disabled():
        print(f"\nno payment for {paying.longest_silence_s():.1f} s when the primary was killed")


def test_without_a_standby_nobody_is_served_and_then_all_goes_on(
    system: System, cluster: Cluster
) -> None:
    payer = system.person("cora", "alpha", holder_name="Cora")
    payee = system.person("dan", "beta", holder_name="Dan")
    payer.top_up(1_000)
    before = pids(system)
    standbys = cluster.standbys()
    for name in standbys:
        cluster.kill(name)

    def is_told_at_once() -> bool:
        began = time.monotonic()
        with pytest.raises(NoAnswer) as said:
            payer.pay(payee.number, 1, request_id="0000c0fa-5f9e-4a53-9a53-000000000000")
        return "lost touch with its database" in str(said.value) and time.monotonic() - began < 5

    # The first one waits as long as its caller does: what it became of nobody knows yet.
    wait_until(is_told_at_once, "a clear answer", PATIENCE_S)
    wait_until(lambda: not healthy(system), "health says so", PATIENCE_S)
    wait_until(lambda: "commits wait for a standby" in log_of(system, "alpha"), "the log says why")
    for name in standbys:
        cluster.start(name)
    check_whole(system, Payer(payer, payee, 0xC0FA, 5), payee)
    assert pids(system) == before, "a service ended, which had nothing to end for"


def test_a_primary_that_hangs_is_left_for_the_new_one(system: System, cluster: Cluster) -> None:
    payer = system.person("eve", "alpha", holder_name="Eve")
    payee = system.person("fay", "beta", holder_name="Fay")
    payer.top_up(10_000)
    paying = Payer(payer, payee, 3, 200)
    wait_until(lambda: len(paying.settled) >= 20, "payments", PATIENCE_S)
    hanging = cluster.primary()
    assert hanging is not None
    cluster.pause(hanging)
    try:
        check_whole(system, paying, payee)
    finally:
        cluster.go_on(hanging)
    awaited(lambda: hanging in cluster.standbys(), "the old primary is a standby")
