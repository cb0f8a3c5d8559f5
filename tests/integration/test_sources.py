"""What strangers can take of a bank's public port: as much as their address is given."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha import reflection_pb2_grpc
from grpc_status import rpc_status

from dcep.bank.v1 import (
    offline_pb2,
    offline_pb2_grpc,
    payments_pb2,
    payments_pb2_grpc,
    wallets_pb2,
    wallets_pb2_grpc,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from deployment.connections import serving
from deployment.provisioning import ONE_SOURCE
from operator_bank.limits import LOOKS_EACH, MAX_BULK, WATCHES_EACH
from operator_bank.settings import Settings
from runtime.bounds import too_long
from runtime.channel import served_by
from runtime.errors import Refusal, from_rpc_error
from runtime.limits import MAX_CONCURRENT_CALLS, MESSAGE_WITHIN_S
from sandbox.demo.environment import System, wait_until
from sandbox.stack.supervisor import Stack, init
from tests.integration.raw_wallet import TIMEOUT_S, WATCH_PAYMENTS, BankStubs, RawWallet, now_ms
from tests.integration.sources import Relay
from tests.integration.systems import fund
from tests.openings import opening
from tests.refusals import refused_for

pytestmark = [pytest.mark.xdist_group("sources"), pytest.mark.any_database]
CALLS = Settings.calls_per_source
BULK = MAX_BULK * CALLS // MAX_CONCURRENT_CALLS
NOBODYS = SignedEnvelope(payload=bytes(80), signature=bytes(64), key_id=b"6201000000000017")
CONNECTIONS = Settings.connections_per_source
OPENINGS = Settings.openings_per_minute


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A stack whose alpha gives each source what a bank does by default."""
    folder: Path = tmp_path_factory.mktemp("strict")
    plan = init(folder / "stack")
    settings = plan.bank_folder("alpha") / "settings.toml"
    kept = [
        line
        for line in settings.read_text().splitlines()
        if not re.match("|".join(ONE_SOURCE), line)
    ]
    assert len(kept) == len(settings.read_text().splitlines()) - len(ONE_SOURCE)
    settings.write_text("\n".join(kept) + "\n")
    system = System(Stack(plan), folder / "homes")
    system.stack.up()
    fund(system)
    yield system
    system.close()


class Place:
    """A machine with an address of its own."""

    def __init__(self, system: System, source: str) -> None:
        self._world = system
        self._relay = Relay(source, system.plan.bank("alpha").public_address)

    def channel(self) -> grpc.Channel:
        """A new connection."""
        root = self._world.plan.root_certificate.read_bytes()
        options = [("grpc.use_local_subchannel_pool", 1), *served_by("dcep://bank/alpha")]
        credentials = grpc.ssl_channel_credentials(root)
        return grpc.secure_channel(self._relay.address, credentials, options)

    def ask(self) -> str:
        """What becomes of the simplest call."""
        stub = offline_pb2_grpc.OfflineServiceStub(self.channel())
        try:
            stub.GetTrustBundle(offline_pb2.GetTrustBundleRequest(), timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            return reason(error)
        return "OK"

    def open(self, count: int) -> str:
        """What becomes of the opening of so many wallets in one call."""
        asked = wallets_pb2.OpenWalletsRequest(
            items=[opening("alpha", now_ms()) for _ in range(count)]
        )
        stub = wallets_pb2_grpc.WalletServiceStub(self.channel())
        try:
            stub.OpenWallets(asked, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            return reason(error)
        return "OK"


def reason(error: grpc.RpcError) -> str:
    """The name of a refusal, or the status."""
    found = from_rpc_error(error)
    return found.name if isinstance(found, Refusal) else str(found)


class Silence:
    """Calls without a message, over few connections."""

    def __init__(self, place: Place, method: str, count: int) -> None:
        self._over = threading.Event()
        channels = [place.channel() for _ in range(4)]
        self.calls = [
            channels[i % 4].stream_unary(method).future(self._say(), timeout=60.0)
            for i in range(count)
        ]

    def end(self) -> list[str]:
        """How the calls ended."""
        said = []
        for call in self.calls:
            with pytest.raises(grpc.RpcError) as caught:
                call.result()
            said.append(reason(caught.value))
        self._over.set()
        return said

    def _say(self) -> Iterator[bytes]:
        self._over.wait(60)
        yield from ()


@pytest.mark.parametrize(
    "method",
    ["PaymentService/Pay", "PaymentService/WatchPayments", "OfflineService/DepositTokens"],
)
def test_calls_that_say_nothing_close_the_port_to_nobody_else(strict: System, method: str) -> None:
    """260 of them, over several connections, of whoever has no key."""
    here, there = Place(strict, "127.0.0.1"), Place(strict, "127.0.0.2")
    assert here.ask() == there.ask() == "OK"
    silence = Silence(here, f"/dcep.bank.v1.{method}", 260)
    refused = 260 - CALLS
    wait_until(lambda: sum(call.done() for call in silence.calls) >= refused, "all have come")
    started = time.monotonic()
    assert there.ask() == "OK"
    assert serving(BankStubs(strict.plan, "alpha").channel), "probes have places of their own"
    assert time.monotonic() - started < MESSAGE_WITHIN_S
    assert set(silence.end()) == {"OVERLOADED", "MESSAGE_UNREADABLE"}
    assert here.ask() == "OK"


def test_calls_that_are_given_up_keep_their_places_until_the_bank_is_done_with_them(
    strict: System,
) -> None:
    """A bank that hangs stands for one that is at work: it does not stop for who has gone."""
    here, there = Place(strict, "127.0.0.16"), Place(strict, "127.0.0.17")
    bank = strict.stack.running["alpha"].pid
    call = payments_pb2_grpc.PaymentServiceStub(here.channel()).PayMany
    others = payments_pb2_grpc.PaymentServiceStub(there.channel()).PayMany
    wanted = payments_pb2.PayManyRequest(orders=[NOBODYS] * 8_000)
    assert ended(call.future(wanted, timeout=TIMEOUT_S)) in ("OK", "SIGNATURE_INVALID")
    os.kill(bank, signal.SIGSTOP)
    try:
        gone = [call.future(wanted, timeout=3.0) for _ in range(BULK)]
        assert {ended(one) for one in gone} == {"DEADLINE_EXCEEDED"}
        assert ended(call.future(wanted, timeout=TIMEOUT_S)) == "OVERLOADED"
        assert ended(others.future(wanted, timeout=3.0)) == "DEADLINE_EXCEEDED"
    finally:
        os.kill(bank, signal.SIGCONT)
    wait_until(
        lambda: ended(call.future(wanted, timeout=TIMEOUT_S)) != "OVERLOADED",
        "the places are free again",
    )


def test_payments_that_are_given_up_before_the_bank_took_them_up_leave_their_places(
    strict: System,
) -> None:
    here = Place(strict, "127.0.0.18")
    bank = strict.stack.running["alpha"].pid
    call = payments_pb2_grpc.PaymentServiceStub(here.channel()).Pay
    wanted = payments_pb2.PayRequest(order=NOBODYS)
    assert ended(call.future(wanted, timeout=TIMEOUT_S)) in ("OK", "SIGNATURE_INVALID")
    os.kill(bank, signal.SIGSTOP)
    try:
        # The bank takes up one, which keeps its place; all others wait for their turn.
        assert ended(call.future(wanted, timeout=1.0)) == "DEADLINE_EXCEEDED"
        for _ in range(2):
            gone = [call.future(wanted, timeout=3.0) for _ in range(CALLS - 1)]
            assert {ended(one) for one in gone} == {"DEADLINE_EXCEEDED"}
        full = [call.future(wanted, timeout=3.0) for _ in range(CALLS)]
        assert sorted({ended(one) for one in full}) == ["DEADLINE_EXCEEDED", "OVERLOADED"]
    finally:
        os.kill(bank, signal.SIGCONT)


def ended(call: grpc.Future) -> str:
    """How a call ended."""
    try:
        call.result()
    except grpc.RpcError as error:
        late = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        return "DEADLINE_EXCEEDED" if late else reason(error)
    return "OK"


def test_nobody_opens_wallets_without_end(strict: System) -> None:
    """An address has its rate, however it asks; what it is refused opens nothing."""
    greedy, other = Place(strict, "127.0.0.4"), Place(strict, "127.0.0.5")
    assert greedy.open(OPENINGS + 1) == "OVERLOADED"
    assert greedy.open(OPENINGS - 10) == "OK"
    assert greedy.open(40) == "OVERLOADED"
    stub = wallets_pb2_grpc.WalletServiceStub(greedy.channel())
    opened = 0
    with pytest.raises(grpc.RpcError) as caught:
        for _ in range(OPENINGS):
            asked = opening("alpha", now_ms())
            stub.OpenWallet(asked, timeout=TIMEOUT_S)
            opened += 1
    assert opened < 40
    assert reason(caught.value) == "OVERLOADED"
    status = rpc_status.from_call(caught.value)
    assert status is not None
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details)
    assert 0 < retry.retry_delay.ToMilliseconds() <= 60_000
    assert other.open(1) == "OK"


def test_a_wallet_and_an_address_watch_so_often_and_the_next_holder_watches_too(
    strict: System,
) -> None:
    stubs = BankStubs(strict.plan, "alpha")
    greedy, other = RawWallet(stubs), RawWallet(stubs)
    streams = []
    for _ in range(WATCHES_EACH):
        streams.append(watching(stubs, greedy))
    refused = stubs.payments.WatchPayments(
        payments_pb2.WatchPaymentsRequest(query=greedy.query(WATCH_PAYMENTS))
    )
    assert refused_for(next, refused) == "OVERLOADED"
    streams.append(watching(stubs, other))
    greedy.top_up(5)
    other.top_up(7)
    assert [next(one).payment.amount_fen for one in streams] == [5] * WATCHES_EACH + [7]
    streams[0].cancel()
    wait_until(lambda: can_watch(stubs, greedy), "its place is free again")


def watching(stubs: BankStubs, wallet: RawWallet) -> Any:
    """An open stream that has told of a first arrival, so that it is known to run."""
    request = payments_pb2.WatchPaymentsRequest(query=wallet.query(WATCH_PAYMENTS))
    wallet_stream = stubs.payments.WatchPayments(request)
    found: list[Any] = []
    heard = threading.Event()

    def hear() -> None:
        found.append(next(wallet_stream))
        heard.set()

    threading.Thread(target=hear, daemon=True).start()
    while not heard.wait(0.2):
        wallet.top_up(1)
    # What it has not told yet of the small ones it tells first.
    return Rest(wallet_stream)


class Rest:
    """A stream without the arrivals of 1 fen that it was tried with."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __next__(self) -> Any:
        while (message := next(self._stream)).payment.amount_fen == 1:
            pass
        return message

    def cancel(self) -> None:
        self._stream.cancel()


def can_watch(stubs: BankStubs, wallet: RawWallet) -> bool:
    """Whether a wallet may watch now."""
    request = payments_pb2.WatchPaymentsRequest(
        query=wallet.query(WATCH_PAYMENTS), after_position=1
    )
    stream = stubs.payments.WatchPayments(request)
    try:
        next(stream)
    except Refusal as refusal:
        assert refusal.name == "OVERLOADED"
        return False
    stream.cancel()
    return True


def test_looks_at_the_services_are_few_for_one_address(strict: System) -> None:
    here, there = Place(strict, "127.0.0.6"), Place(strict, "127.0.0.7")
    over = threading.Event()

    def silence() -> Iterator[Any]:
        over.wait(60)
        yield from ()

    stub = reflection_pb2_grpc.ServerReflectionStub(here.channel())
    idle = [stub.ServerReflectionInfo(silence(), timeout=60) for _ in range(LOOKS_EACH + 20)]
    wait_until(lambda: sum(not one.is_active() for one in idle) >= 20, "those beyond are refused")
    assert here.ask() == there.ask() == "OK"
    over.set()


def test_what_is_larger_than_any_payment_or_packed_costs_the_bank_nothing(strict: System) -> None:
    """Fifty padded orders at once: none of them takes a thread of the bank."""
    here, there = Place(strict, "127.0.0.8"), Place(strict, "127.0.0.9")
    call = here.channel().unary_unary("/dcep.bank.v1.PaymentService/Pay")
    padded = bytes(payments_pb2.PayRequest().SerializeToString()) + b"\x0a\xf0\x2e" + bytes(6_000)
    assert len(padded) >= too_long(payments_pb2.PayRequest.DESCRIPTOR)
    running = [call.future(padded, timeout=TIMEOUT_S) for _ in range(50)]
    assert there.ask() == "OK"
    for one in running:
        with pytest.raises(grpc.RpcError) as caught:
            one.result()
        assert reason(caught.value) == "MESSAGE_TOO_LONG"
    with pytest.raises(grpc.RpcError) as caught:
        call(bytes(1 << 20), timeout=TIMEOUT_S, compression=grpc.Compression.Gzip)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_an_address_has_so_many_connections_and_others_get_theirs(strict: System) -> None:
    """Also connections that never say a word, not even to begin TLS."""
    host, _, port = strict.plan.bank("alpha").public_address.rpartition(":")
    greedy = [
        socket.create_connection((host, int(port)), 10, source_address=("127.0.0.10", 0))
        for _ in range(CONNECTIONS + 60)
    ]
    for one in greedy:
        one.setblocking(False)

    def shut(one: socket.socket) -> bool:
        try:
            return one.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    wait_until(lambda: sum(map(shut, greedy)) >= 60, "those beyond its share are shut")
    assert sum(map(shut, greedy[:CONNECTIONS])) <= 60
    assert Place(strict, "127.0.0.11").ask() == "OK"
    for one in greedy:
        one.close()
    wait_until(lambda: Place(strict, "127.0.0.10").ask() == "OK", "its places are free again")
