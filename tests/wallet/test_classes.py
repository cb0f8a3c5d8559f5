"""`wallet upgrade` and `downgrade`: what is asked for and shown, and what the limits are then."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.bank.v1 import orders_pb2
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened

II, III, IV = 2, 3, 4


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice")


def test_the_next_class_says_what_it_asks_for(alice: Cli, grpc_bank: FakeBank) -> None:
    grpc_bank.wallet_class = IV
    asked = alice.json("upgrade")
    assert (asked["wallet_class"], asked["next_class"]) == ("IV", "III")
    assert asked["asks_for"] == ["document"]
    assert "Class III asks for a document in your name" in alice.run("upgrade")
    grpc_bank.wallet_class = III
    assert "bank account in your name" in alice.run("upgrade")
    grpc_bank.wallet_class = II
    assert "come to the bank's counter" in alice.run("upgrade")
    grpc_bank.wallet_class = 1
    assert "there is no better one" in alice.run("upgrade")
    assert grpc_bank.holders == []


def test_what_is_shown_goes_to_the_bank_and_the_new_limits_come_back(
    alice: Cli, grpc_bank: FakeBank
) -> None:
    grpc_bank.wallet_class = IV
    done = alice.json("upgrade", "--name", "Alice", "--document", "e12 345")
    assert (done["wallet_class"], done["limits"]["balance_cap_fen"]) == ("III", 200_000)
    [holder] = grpc_bank.holders
    assert (holder.name, holder.document.number) == ("Alice", "E12345")
    assert holder.document.kind == orders_pb2.DOCUMENT_KIND_ID_CARD
    said = alice.run("upgrade", "--account", "CN 62")
    assert "class II now" in said
    assert "2,000.00" in said or "2000.00" in said
    assert grpc_bank.holders[-1].bank_account == "CN62"


def test_a_telephone_wants_its_code(alice: Cli, grpc_bank: FakeBank) -> None:
    grpc_bank.wallet_class, grpc_bank.code = III, "123456"
    assert "--code" in alice.run("upgrade", "--phone", "13800000009", code=1)
    assert grpc_bank.codes_sent == ["13800000009"]
    alice.run("upgrade", "--to", "III", "--phone", "13800000009", "--code", "123456")


def test_a_lower_class_is_confirmed_when_there_is_more_than_it_allows(
    alice: Cli, grpc_bank: FakeBank
) -> None:
    grpc_bank.over_cap = True
    assert "--over-the-cap" in alice.run("downgrade", "IV", code=2)
    assert grpc_bank.wallet_class == II
    assert "class IV now" in alice.run("downgrade", "IV", "--over-the-cap")
    assert "I, II, III or IV" in alice.run("downgrade", "V", code=2)
