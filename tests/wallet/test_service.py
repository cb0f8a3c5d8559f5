"""The wallet's own service: the same use-cases over gRPC."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from currency.parties import HOLDER
from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.wallet.v1 import wallet_pb2, wallet_pb2_grpc
from deployment.connections import serving
from deployment.ports import free_ports
from runtime.channel import connect
from runtime.clock import ManualClock
from runtime.errors import NoAnswer, Refusal
from runtime.tls import channel_credentials
from tests.offline.signers import DAY, Signers
from tests.refusals import refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from wallet.api.wallet import GrpcWallet
from wallet.peers.bank_directory import find_bank

BOUND_S = 30.0


class Served:
    """A wallet service in a process of its own."""

    def __init__(self, stack: Path, home: Path) -> None:
        self.address = f"127.0.0.1:{free_ports(1)[0]}"
        self.home = home
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self.process = subprocess.Popen(
            [
                sys.executable,
                *("-m", "wallet", "--home", str(home), "--listen", self.address),
                *("--stack", str(stack)),
            ],
            env=environment,
        )
        ends_at = time.monotonic() + BOUND_S
        while not (home / "tls.crt").exists() or not self._connected():
            assert self.process.poll() is None
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        self.service: Any = wallet_pb2_grpc.WalletServiceStub(self.channel)

    def _connected(self) -> bool:
        certificate, key = self.home / "tls.crt", self.home / "tls.key"
        self.channel = connect(
            self.address, channel_credentials(certificate, certificate, key), HOLDER
        )
        return serving(self.channel)

    def stop(self) -> int:
        self.channel.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(BOUND_S)


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Iterator[Served]:
    served = Served(stack, tmp_path / "alice")
    yield served
    if served.process.poll() is None:
        served.process.kill()
        served.process.wait()


def opened(served: Served, stack: Path) -> str:
    address = find_bank(stack, "alpha").address
    request = wallet_pb2.OpenRequest(bank_address=address, holder_name="Alice")
    return str(served.service.Open(request).number)


def new_id() -> str:
    return str(uuid.uuid4())


def test_service_does_what_the_command_line_does(
    alice: Served, stack: Path, grpc_bank: FakeBank
) -> None:
    assert refused_for(alice.service.Show, wallet_pb2.ShowRequest()) == "WALLET_UNKNOWN"
    number = opened(alice, stack)
    assert opened(alice, stack) == number
    top_up = wallet_pb2.TopUpRequest(request_id=new_id(), amount_fen=500)
    assert alice.service.TopUp(top_up).available_fen == 500
    assert alice.service.TopUp(top_up).available_fen == 500
    shown = alice.service.Show(wallet_pb2.ShowRequest())
    assert (shown.number, shown.bank, shown.available_fen) == (number, "alpha", 500)
    (item,) = alice.service.History(wallet_pb2.HistoryRequest()).items
    assert (item.change_fen, item.purpose) == (500, purposes_pb2.PURPOSE_TOP_UP)
    assert alice.stop() == 0


def test_no_answer_from_the_bank_is_none_from_the_service(
    alice: Served, stack: Path, grpc_bank: FakeBank
) -> None:
    opened(alice, stack)
    grpc_bank.mute_after = 1
    request = wallet_pb2.TopUpRequest(request_id=new_id(), amount_fen=500)
    with pytest.raises(NoAnswer):
        alice.service.TopUp(request)
    assert alice.service.TopUp(request).available_fen == 500


@pytest.mark.parametrize(
    ("call", "request_", "field"),
    [
        ("Pay", wallet_pb2.PayRequest(amount_fen=1), "request_id"),
        ("Pay", wallet_pb2.PayRequest(request_id="x", amount_fen=1), "request_id"),
        ("Pay", wallet_pb2.PayRequest(request_id=new_id(), amount_fen=1), "payee_number"),
        ("TopUp", wallet_pb2.TopUpRequest(request_id=new_id()), "amount_fen"),
        ("TopUp", wallet_pb2.TopUpRequest(request_id=new_id(), amount_fen=-1), "amount_fen"),
        ("CashOut", wallet_pb2.CashOutRequest(request_id=new_id()), "amount_fen"),
        ("Open", wallet_pb2.OpenRequest(), "bank_address"),
        ("Open", wallet_pb2.OpenRequest(bank_address="x"), "bank_address"),
    ],
)
def test_bad_input_gets_a_field(shared: Served, call: str, request_: Any, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        getattr(shared.service, call)(request_)
    assert refused.value.field == field


@pytest.fixture
def shared(alice: Served, stack: Path) -> Served:
    opened(alice, stack)
    return alice


def test_a_load_that_lapsed_is_refused_for_good(
    signers: Signers,
    make_app: MakeApp,
    bank: FakeBank,
    clock: ManualClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its id gets no other answer, so a program must not ask again."""
    bank.signers = signers
    app = make_app()
    app.holder().top_up(1_000)
    bank.mute_kind = orders_pb2.LoadOrder
    load = wallet_pb2.OfflineLoadRequest(amount_fen=100, request_id=new_id())
    with pytest.raises(NoAnswer):
        app.loading().load(100, request_id=load.request_id)
    clock.advance(191 * DAY)
    later = signers.root_public + signers.bundle(created_time_ms=clock.now_ms()).encode()
    monkeypatch.setattr(bank, "trust_bundle", lambda: later)
    for _ in range(2):
        with pytest.raises(Refusal, match="expired so long ago") as told:
            GrpcWallet(app, tmp_path).OfflineLoad(load, Mock())
        assert told.value.name == "EXPIRED"
    assert app.offline_payments().balance_fen() == 0
