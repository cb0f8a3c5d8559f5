"""Payments that take what the wallet lacks from the deposit account, from a home or a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.bank.v1 import orders_pb2, states_pb2
from runtime.errors import NoAnswer
from tests.refusals import refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import DEPOSIT_FEN, FakeBank
from tests.wallet.shell import Cli, opened


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice", "10")


@pytest.fixture
def bob(stack: Path, tmp_path: Path) -> str:
    number: str = opened(stack, tmp_path / "bob", "Bob").json("show")["number"]
    return number


def test_a_payment_takes_what_is_lacking_and_says_so(alice: Cli, bob: str) -> None:
    assert "not enough money" in alice.run("pay", bob, "12.50", code=1)
    said = alice.run("pay", bob, "12.50", "--top-up")
    assert "2.50 yuan of it came from your deposit account" in said
    shown = alice.json("show")
    assert (shown["available_fen"], shown["deposit_fen"]) == (0, DEPOSIT_FEN - 1_000 - 250)
    line = alice.json("history")["items"][0]
    assert (line["change_fen"], line["top_up_fen"]) == (-1_000, 250)
    listed = alice.run("history")
    assert "-12.50" in listed
    assert "2.50 yuan from the deposit account" in listed
    assert "2.50 yuan from the deposit account" in alice.run("payment", line["payment_id"])
    table = alice.run("history", "--csv").splitlines()
    assert "change_yuan,top_up_yuan,balance_yuan" in table[0]
    assert ",-10.00,2.50,0.00," in table[1]


def test_what_is_enough_takes_nothing(alice: Cli, bob: str) -> None:
    paid = alice.json("pay", bob, "10", "--top-up")
    assert (paid["top_up_fen"], paid["available_fen"]) == (0, 0)


def test_it_is_set_once_for_all_payments_of_a_home(alice: Cli, bob: str) -> None:
    assert alice.json("automatic")["top_up"] is False
    assert "take what the wallet lacks" in alice.run("automatic", "--top-up")
    assert alice.json("pay", bob, "11")["top_up_fen"] == 100
    assert "not enough money" in alice.run("pay", bob, "1", "--no-top-up", code=1)
    assert "take nothing" in alice.run("automatic", "--no-top-up")
    assert "not enough money" in alice.run("pay", bob, "1", code=1)


def test_without_a_deposit_account_there_is_a_clear_no(
    alice: Cli, bob: str, grpc_bank: FakeBank
) -> None:
    number = alice.json("show")["number"]
    grpc_bank.accounts[number].has_deposit = False
    before = len(grpc_bank.received)
    assert "no deposit account" in alice.run("pay", bob, "12", "--top-up", code=1)
    assert len(grpc_bank.received) == before


def test_after_no_answer_the_same_is_ordered_with_the_same_amount(
    make_app: MakeApp, bank: FakeBank
) -> None:
    app, other = make_app("alice"), make_app("bob")
    bank.mute_kind = orders_pb2.PaymentOrder
    payee = other.profile().number
    with pytest.raises(NoAnswer):
        app.holder().pay(payee, 900, top_up=True)
    app.holder().top_up(5_000)
    placed = app.holder().pay(payee, 900, top_up=True)
    assert placed.resent
    assert placed.message.state == states_pb2.PAYMENT_STATE_SETTLED
    assert orders_pb2.PaymentOrder.FromString(placed.order.payload).top_up_fen == 900
    shown = app.holder().show()
    assert (shown.available_fen, shown.deposit_fen) == (5_000, DEPOSIT_FEN - 900 - 5_000)


def test_what_the_deposit_lacks_pays_nothing(make_app: MakeApp, bank: FakeBank) -> None:
    app, other = make_app("alice"), make_app("bob")
    bank.accounts[app.profile().number].deposit_fen = 10
    payee = other.profile().number
    assert refused_for(lambda: app.holder().pay(payee, 11, top_up=True)) == "DEPOSIT_SHORT"
    assert other.holder().show().available_fen == 0
