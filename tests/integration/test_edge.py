"""A bank's edge: what passes through it and what does not; it lives and dies with its bank."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from console.clients import BankOfficerClient
from currency import parties
from dcep.bank.v1 import orders_pb2, payments_pb2, states_pb2
from deployment.connections import public_channel, serving
from deployment.topology import CENTRAL_BANK
from operator_bank.__main__ import public_services
from operator_bank.edge.forwarding import PUBLIC
from runtime.bounds import too_long
from runtime.channel import served_by
from runtime.errors import Refusal, from_rpc_error
from runtime.limits import MAX_CONCURRENT_CALLS, MAX_WORKERS
from sandbox.demo.environment import System, wait_until
from sandbox.demo.scenario import audited
from tests import forked
from tests.integration.edges import edge_of
from tests.integration.raw_wallet import TIMEOUT_S, BankStubs, RawWallet
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("edge"), pytest.mark.any_database]
PAY = "/dcep.bank.v1.PaymentService/Pay"
START_FEN = 100_000
LONGEST = too_long(payments_pb2.PayRequest.DESCRIPTOR)


@pytest.fixture(scope="module")
def own(systems: MakeSystem) -> System:
    """A stack of this module's own: its processes are killed. Its umask takes nothing away."""
    before = os.umask(0)
    try:
        return systems()
    finally:
        os.umask(before)


@pytest.fixture
def alpha(own: System) -> BankStubs:
    """Alpha's public port."""
    return BankStubs(own.plan, "alpha")


@pytest.fixture
def raw(own: System) -> Iterator[grpc.Channel]:
    """Alpha's public port, for bytes."""
    credentials = grpc.ssl_channel_credentials(own.plan.root_certificate.read_bytes())
    address = own.plan.bank("alpha").public_address
    with grpc.secure_channel(address, credentials, served_by(parties.bank("alpha"))) as channel:
        yield channel


def funded(stubs: BankStubs) -> RawWallet:
    """A new wallet with money in it."""
    wallet = RawWallet(stubs)
    wallet.top_up(START_FEN)
    return wallet


def request(order: Any) -> bytes:
    """A PayRequest's bytes."""
    return bytes(payments_pb2.PayRequest(order=order).SerializeToString())


def told(call: grpc.Future) -> payments_pb2.PayResponse | str:
    """The answer, or the refusal's name."""
    try:
        return payments_pb2.PayResponse.FromString(call.result())
    except grpc.RpcError as error:
        found = from_rpc_error(error)
        return found.name if isinstance(found, Refusal) else str(found)


def test_a_bank_of_these_tests_and_its_edge_are_forked(own: System) -> None:
    assert forked.was_forked(own.stack.running["alpha"].pid)
    assert forked.was_forked(edge_of(own, "alpha"))


def test_every_public_service_is_handed_on_and_no_other(own: System, raw: grpc.Channel) -> None:
    served = {service.name for service in public_services(None)}  # type: ignore[arg-type]
    assert served == {service.full_name for service in PUBLIC}
    for private in (
        "EdgeService/PayTogether",
        "EdgeService/Arrivals",
        "EdgeService/AwaitEnd",
        "InboundService/CheckPayees",
        "InboundService/ReserveForRedemption",
        "OfficeService/ListSuspense",
        "OfficeService/GetBooks",
    ):
        call = raw.unary_unary(f"/dcep.bank.v1.{private}")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=TIMEOUT_S)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED, private


def test_no_wallets_bytes_change_what_another_ones_mean(
    alpha: BankStubs, raw: grpc.Channel
) -> None:
    """Payments that come together are answered one by one, whatever stands between them."""
    payee = RawWallet(alpha)
    payers = [funded(alpha) for _ in range(6)]
    good = [request(payer.payment(payee.number, 100 + i)) for i, payer in enumerate(payers)]
    strange = {
        "MESSAGE_UNREADABLE": good[0][:-3],
        "FIELD_UNKNOWN": good[0] + bytes([0x7A, 1, 0]),
        "FIELD_MISSING": b"",
        # Two orders in one request: protobuf would merge them, and the later one would count.
        "MESSAGE_TOO_LONG": request(payers[0].payment(payee.number, 1)) + good[0],
        "FIELD_INVALID": request(payers[0].envelope(orders_pb2.PaymentOrder, key_id="６２０１")),
        "SIGNATURE_INVALID": request(
            payers[0].envelope(orders_pb2.PaymentOrder, key=payers[1].key)
        ),
    }
    call = raw.unary_unary(PAY)
    for _ in range(5):
        asked = [good[0], *strange.values(), *good[1:]]
        answers = [told(one) for one in [call.future(data, timeout=TIMEOUT_S) for data in asked]]
        assert answers[1 : 1 + len(strange)] == list(strange)
        settled = [answers[0], *answers[1 + len(strange) :]]
        for payer, answer in zip(payers, settled, strict=True):
            assert isinstance(answer, payments_pb2.PayResponse)
            assert answer.state == states_pb2.PAYMENT_STATE_SETTLED
            assert answer.payment_id.startswith(payer.number)
    assert payee.show().available_fen == sum(100 + i for i in range(len(payers)))
    assert [payer.show().available_fen for payer in payers] == [
        START_FEN - 100 - i for i in range(len(payers))
    ]


def test_a_payment_wants_a_deadline_and_a_request_of_a_payments_size(
    alpha: BankStubs, raw: grpc.Channel
) -> None:
    payer, payee = funded(alpha), RawWallet(alpha)
    call = raw.unary_unary(PAY)
    order = payer.payment(payee.number, 1)
    for timeout in (None, 1_000.0):
        assert told(call.future(request(order), timeout=timeout)) == "DEADLINE_MISSING"
    large = payer.payment(payee.number, 1, memo="x" * LONGEST)
    assert told(call.future(request(large), timeout=TIMEOUT_S)) == "MESSAGE_TOO_LONG"
    with pytest.raises(grpc.RpcError) as caught:
        call(bytes(9 << 20), timeout=TIMEOUT_S)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert payer.show().available_fen == START_FEN


def test_who_gives_up_takes_nothing_from_those_who_pay_at_the_same_time(
    alpha: BankStubs, raw: grpc.Channel
) -> None:
    payee = RawWallet(alpha)
    payers = [funded(alpha) for _ in range(20)]
    call = raw.unary_unary(PAY)
    orders = [request(payer.payment(payee.number, 1)) for payer in payers]
    running = [call.future(order, timeout=TIMEOUT_S) for order in orders]
    for one in running[::2]:
        one.cancel()
    for one in running[1::2]:
        answer = told(one)
        assert isinstance(answer, payments_pb2.PayResponse)
        assert answer.state == states_pb2.PAYMENT_STATE_SETTLED
    # Whether a cancelled one was paid is open until it is asked again; then it is, once.
    again = [told(call.future(order, timeout=TIMEOUT_S)) for order in orders]
    assert {one.state for one in again if isinstance(one, Message)} == {
        states_pb2.PAYMENT_STATE_SETTLED
    }
    assert payee.show().available_fen == len(payers)


def threads(system: System, bank: str) -> int:
    """How many threads a bank's process has."""
    status = Path(f"/proc/{system.stack.running[bank].pid}/status").read_text()
    return int(status.partition("Threads:")[2].split()[0])


def test_payments_that_wait_for_the_central_bank_do_not_hold_up_the_others(
    own: System, alpha: BankStubs
) -> None:
    """More of them than a bank has threads, while the central bank is down: they take none."""
    abroad = RawWallet(BankStubs(own.plan, "beta"))
    payers = [funded(alpha) for _ in range(2 * MAX_WORKERS)]
    before = threads(own, "alpha")
    alice, bob = funded(alpha), RawWallet(alpha)
    own.stack.stop(CENTRAL_BANK)
    with ThreadPoolExecutor(len(payers)) as pool:
        orders = [payer.payment(abroad.number, 7) for payer in payers]

        def pay(order: Any) -> payments_pb2.PayResponse:
            wanted = payments_pb2.PayRequest(order=order)
            answer: payments_pb2.PayResponse = alpha.payments.Pay(wanted, timeout=6.0)
            return answer

        waiting = [pool.submit(pay, order) for order in orders]
        with BankOfficerClient(own.plan, "alpha") as office:
            wait_until(lambda: office.books().pending_outbound == len(payers), "all are held")
        for fen in (1, 2, 3):
            assert alice.pay(bob.number, fen).state == states_pb2.PAYMENT_STATE_SETTLED
        assert bob.show().available_fen == 6
        assert not any(one.done() for one in waiting)
        assert threads(own, "alpha") < before + MAX_WORKERS // 4
        assert {one.result().state for one in waiting} == {states_pb2.PAYMENT_STATE_PENDING}
    own.stack.restart(CENTRAL_BANK)
    with ThreadPoolExecutor(len(payers)) as pool:
        ended = list(pool.map(lambda order: pay_to_the_end(alpha, order), orders))
    assert all(answer.repeated for answer in ended)
    wait_until(lambda: abroad.show().available_fen == 7 * len(payers), "all have arrived")
    assert audited(own).ok


def test_more_calls_at_once_than_fit_are_refused_with_a_reason(
    own: System, alpha: BankStubs
) -> None:
    """Over several connections: one carries no more calls at once than fit. They say nothing."""
    payer, payee = funded(alpha), RawWallet(alpha)
    over = threading.Event()

    def silence() -> Iterator[bytes]:
        over.wait(60)
        yield from ()

    channels = [of_its_own(own) for _ in range(3)]
    running = [
        channels[i % 3].stream_unary(PAY).future(silence(), timeout=30.0)
        for i in range(MAX_CONCURRENT_CALLS + 20)
    ]
    wait_until(lambda: sum(one.done() for one in running) >= 20, "those beyond are refused")
    assert serving(alpha.channel), "probes have places of their own"
    ended = [told(one) for one in running]
    assert set(ended) == {"OVERLOADED", "MESSAGE_UNREADABLE"}
    assert ended.count("OVERLOADED") >= 20
    over.set()
    assert payer.pay(payee.number, 1).state == states_pb2.PAYMENT_STATE_SETTLED


def of_its_own(system: System) -> grpc.Channel:
    """Alpha's public port, over a connection that nobody shares."""
    credentials = grpc.ssl_channel_credentials(system.plan.root_certificate.read_bytes())
    options = [("grpc.use_local_subchannel_pool", 1), *served_by("dcep://bank/alpha")]
    return grpc.secure_channel(system.plan.bank("alpha").public_address, credentials, options)


def pay_to_the_end(stubs: BankStubs, order: Any) -> payments_pb2.PayResponse:
    """The same order again, until it has settled."""
    ends_at = time.monotonic() + 60.0
    while True:
        wanted = payments_pb2.PayRequest(order=order)
        answer: payments_pb2.PayResponse = stubs.payments.Pay(wanted, timeout=TIMEOUT_S)
        if answer.state == states_pb2.PAYMENT_STATE_SETTLED:
            return answer
        assert answer.state == states_pb2.PAYMENT_STATE_PENDING, answer
        assert time.monotonic() < ends_at, "it did not settle"


def test_a_first_payment_across_banks_is_not_told_to_be_a_repeated_one(
    own: System, alpha: BankStubs
) -> None:
    payer, abroad = funded(alpha), RawWallet(BankStubs(own.plan, "beta"))
    order = payer.payment(abroad.number, 5)
    wanted = payments_pb2.PayRequest(order=order)
    first = alpha.payments.Pay(wanted, timeout=TIMEOUT_S)
    assert (first.state, first.repeated) == (states_pb2.PAYMENT_STATE_SETTLED, False)
    again = alpha.payments.Pay(wanted, timeout=TIMEOUT_S)
    assert (again.state, again.repeated) == (states_pb2.PAYMENT_STATE_SETTLED, True)


def socket_of(system: System) -> Path:
    """The socket between alpha and its edge."""
    arguments = Path(f"/proc/{edge_of(system, 'alpha')}/cmdline").read_bytes().decode().split("\0")
    return Path(arguments[arguments.index("--bank") + 1].removeprefix("unix:"))


def test_nobody_else_can_open_the_socket_between_edge_and_bank(own: System) -> None:
    socket = socket_of(own)
    assert socket.is_socket()
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_an_edge_is_ready_as_long_as_its_bank_is(own: System) -> None:
    with public_channel(own.plan, own.plan.bank("alpha").public_address) as channel:
        assert serving(channel)
        os.kill(own.stack.running["alpha"].pid, signal.SIGSTOP)
        try:
            wait_until(lambda: not serving(channel), "the edge is not ready", 10)
            live = health_pb2.HealthCheckRequest(service="live")
            answer = health_pb2_grpc.HealthStub(channel).Check(live, timeout=TIMEOUT_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        finally:
            os.kill(own.stack.running["alpha"].pid, signal.SIGCONT)
        wait_until(lambda: serving(channel), "the edge is ready again", 30)


def test_a_bank_without_its_edge_stops_and_says_why(own: System) -> None:
    process = own.stack.running["alpha"]
    os.kill(edge_of(own, "alpha"), signal.SIGKILL)
    wait_until(lambda: not process.alive(), "the bank ends")
    assert "the edge ended with status -9" in process.log_tail()
    own.stack.restart("alpha")


def test_an_edge_without_its_bank_ends_and_leaves_the_port(own: System) -> None:
    edge = edge_of(own, "alpha")
    process = own.stack.running["alpha"]
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{edge}").exists(), "the edge ends")
    own.stack.restart("alpha")
    stubs = BankStubs(own.plan, "alpha")
    assert funded(stubs).show().available_fen == START_FEN


def test_an_edge_whose_bank_was_killed_leaves_no_folder_behind(own: System) -> None:
    folder, edge = socket_of(own).parent, edge_of(own, "alpha")
    os.kill(own.stack.running["alpha"].pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{edge}").exists(), "the edge ends")
    assert not folder.exists()
    own.stack.restart("alpha")


def test_a_bank_removes_what_was_left_when_both_were_killed_and_nothing_of_others(
    own: System,
) -> None:
    left = socket_of(own).parent
    own.stack.kill("alpha")  # with all of its group
    assert left.exists()
    running = left.with_name(f"dcep-edge-{os.getpid()}-runs")
    running.mkdir()
    own.stack.restart("alpha")
    assert not left.exists()
    running.rmdir()


def test_an_edge_that_was_stuck_ends_with_its_bank_as_well(own: System) -> None:
    edge = edge_of(own, "alpha")
    os.kill(edge, signal.SIGSTOP)
    os.kill(own.stack.running["alpha"].pid, signal.SIGKILL)
    os.kill(edge, signal.SIGCONT)
    wait_until(lambda: not Path(f"/proc/{edge}").exists(), "the edge ends")
    own.stack.restart("alpha")


def test_logs_and_keys_and_books_of_a_stack_are_their_owners_alone(own: System) -> None:
    """Whatever the umask of who started it."""
    opened = [
        str(path)
        for path in own.plan.folder.rglob("*")
        if path.suffix not in (".crt", ".toml", ".json")
        or path.name in ("stack.json", "settings.toml")
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]
    assert opened == []
    assert stat.S_IMODE(own.plan.folder.stat().st_mode) == 0o700
    logs = own.plan.folder / "logs"
    assert {path.name for path in logs.iterdir()} >= {"alpha.log", "alpha-edge.log"}
