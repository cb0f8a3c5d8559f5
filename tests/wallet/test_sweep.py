"""What a wallet's holder orders, and sees, of arrivals that go on to the deposit account."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.bank.v1 import payments_pb2, states_pb2
from dcep.purposes.v1 import purposes_pb2
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice", "10")


def test_the_level_is_ordered_and_shown(alice: Cli, grpc_bank: FakeBank) -> None:
    assert "stays in the wallet" in alice.run("automatic")
    assert alice.json("show")["sweep_above_fen"] is None
    said = alice.run("automatic", "--sweep", "--above", "100")
    assert "what arrives over 100.00 yuan goes on to the deposit account" in said
    told = alice.json("automatic")
    assert (told["sweep"], told["sweep_above_fen"], told["top_up"]) == (True, 10_000, False)
    assert "over 100.00 yuan" in alice.run("show")
    assert "over 100.00 yuan" in alice.run("limits")
    assert alice.json("limits")["sweep_above_fen"] == 10_000
    said = alice.run("automatic", "--sweep")
    assert "over what the wallet may hold" in said
    assert alice.json("show")["sweep_above_fen"] == 0
    assert "stays in the wallet" in alice.run("automatic", "--no-sweep")
    number = alice.json("show")["number"]
    assert grpc_bank.sweeping[number] is None
    assert "sweep_above_fen" not in alice.json("limits")


def test_the_same_level_is_ordered_again_after_another(alice: Cli) -> None:
    for words in (["--sweep", "--above", "1"], ["--no-sweep"], ["--sweep", "--above", "1"]):
        alice.run("automatic", *words)
    assert alice.json("automatic")["sweep_above_fen"] == 100


def test_a_level_without_the_order_is_a_mistake(alice: Cli, grpc_bank: FakeBank) -> None:
    before = len(grpc_bank.received)
    assert "with --sweep" in alice.run("automatic", "--above", "100", code=2)
    assert "with --sweep" in alice.run("automatic", "--no-sweep", "--above", "100", code=2)
    assert len(grpc_bank.received) == before


def test_without_a_deposit_account_there_is_a_clear_no(alice: Cli, grpc_bank: FakeBank) -> None:
    grpc_bank.accounts[alice.json("show")["number"]].has_deposit = False
    assert "no deposit account" in alice.run("automatic", "--sweep", code=1)


def test_a_sweep_is_a_line_of_its_own(alice: Cli, grpc_bank: FakeBank) -> None:
    number = alice.json("show")["number"]
    grpc_bank.accounts[number].history.append(
        payments_pb2.Payment(
            payment_id="sweep-17",
            state=states_pb2.PAYMENT_STATE_SETTLED,
            payer_number=number,
            amount_fen=250,
            change_fen=-250,
            time_ms=grpc_bank.clock.now_ms(),
            position=17,
            balance_after_fen=1_000,
            purpose=purposes_pb2.PURPOSE_SWEEP,
            sweeps_payment_id="6201000000000012-7",
        )
    )
    line = alice.json("history")["items"][0]
    assert (line["kind"], line["sweeps_payment_id"]) == ("sweep", "6201000000000012-7")
    listed = alice.run("history")
    assert "on to the deposit account" in listed
    assert "of what 6201000000000012-7 brought" in listed
    assert "6201000000000012-7" in alice.run("payment", "sweep-17")
    table = alice.run("history", "--csv").splitlines()
    assert table[0].endswith("refund_of,refunded_yuan,sweep_of,memo")
    assert ",6201000000000012-7," in table[1]
