"""`wallet mandate …`: a merchant is paid when they ask; the holder gives, sees, allows and ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from nacl.signing import SigningKey

from currency.number import make
from dcep.bank.v1 import asking_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from runtime.envelope import sign
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened

SHOP, OTHER = make("6202", 7), make("6202", 8)
GIVE = ("mandate", "give", SHOP, "--each", "30", "--month", "100")


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice", "100")


def asked(bank: FakeBank, payer: str, fen: int, reason: int = 0) -> str:
    """What a shop asks, as the bank shows it."""
    request = orders_pb2.RequestToPay(
        wallet_number=SHOP,
        nonce=b"n" * 16,
        payer_number=payer,
        amount_fen=fen,
        text="June",
        due_time_ms=2_000_000_000_000,
        created_time_ms=1,
        expires_time_ms=2,
    )
    name = f"{SHOP}-{request.nonce.hex()}"
    state = asking_pb2.ASKED_STATE_OPEN
    shown = asking_pb2.Asked(state=state, not_paid=reason)  # type: ignore[arg-type]
    shown.request.CopyFrom(sign(request, SigningKey(b"s" * 32), SHOP.encode()))
    bank.asked[name] = shown
    return name


def test_it_is_given_listed_changed_and_ended(alice: Cli, grpc_bank: FakeBank) -> None:
    said = alice.json(*GIVE, "--purpose", "music", "--until", "2027-06-30")
    terms = said["terms"]
    assert (terms["each_fen"], terms["month_fen"], terms["payees"]) == (3_000, 10_000, [SHOP])
    assert terms["balance_cap_fen"] == 5_000, "the least of the ladder that one request fits in"
    number = said["number"]
    shown = alice.run("mandate", "list")
    for part in (number, SHOP, "30.00 yuan", "100.00 yuan, of which 0.00 were paid", "music"):
        assert part in shown
    assert alice.json("sub", "list")["items"] == [], "it is no wallet that anybody holds"
    changed = alice.json("mandate", "change", number, "--each", "120", "--month", "200")
    assert changed["terms"]["balance_cap_fen"] == 20_000
    assert changed["terms"]["purpose"] == "music", "what is left away stays"
    assert alice.json("mandate", "end", number)["state"] == "CLOSED"
    assert alice.json("mandate", "list")["items"] == []
    assert len(alice.json("mandate", "list", "--all")["items"]) == 1


def test_nobody_gets_a_second_one_by_a_repeated_command(alice: Cli, grpc_bank: FakeBank) -> None:
    grpc_bank.mute_after = 1
    alice.run(*GIVE, code=3)
    [number] = grpc_bank.subs
    no = alice.json(*GIVE, code=1)
    assert no["reason"] == "ALREADY_EXISTS"
    assert list(grpc_bank.subs) == [number]
    alice.run("mandate", "end", number)
    alice.run(*GIVE)
    alice.run("mandate", "give", OTHER, "--each", "1", "--month", "1")
    assert len(grpc_bank.subs) == 3


def test_each_has_a_key_that_nobody_keeps(alice: Cli, grpc_bank: FakeBank) -> None:
    alice.run(*GIVE)
    alice.run("mandate", "give", OTHER, "--each", "1", "--month", "1")
    keys = [order.public_key for order in grpc_bank.sub_orders]
    assert len(set(keys)) == 2
    for file in alice.home.iterdir():
        assert not any(key in file.read_bytes() for key in keys)


def test_what_is_beyond_it_is_seen_and_allowed(alice: Cli, grpc_bank: FakeBank) -> None:
    number = alice.json(*GIVE)["number"]
    name = asked(grpc_bank, number, 4_000, errors_pb2.REASON_BEYOND_MANDATE)
    shown = alice.run("requests")
    assert f"to your mandate {number}" in shown
    assert "more than the mandate allows" in shown
    [line] = alice.json("requests")["requests"]
    assert (line["mandate"], line["not_paid"]) == (number, "BEYOND_MANDATE")
    said = alice.run("pay", "--request", name, "40", code=2)
    assert f"wallet mandate allow {name}" in said
    alice.run("mandate", "allow", name)
    assert grpc_bank.changes[-1].change == orders_pb2.ASKED_CHANGE_ALLOW


def test_a_request_to_a_wallet_of_others_is_no_answer(alice: Cli, grpc_bank: FakeBank) -> None:
    alice.run(*GIVE)
    asked(grpc_bank, make("6201", 77), 5)
    assert "request of others" in alice.run("requests", code=3)


def test_a_mandate_and_a_sub_wallet_are_told_apart(alice: Cli, grpc_bank: FakeBank) -> None:
    number = alice.json(*GIVE)["number"]
    assert "wallet mandate change" in alice.run("sub", "change", number, "--cap", "200", code=2)
    plain = alice.json("sub", "add", "--cap", "200", "--key", "ab" * 32)["number"]
    assert "no mandate" in alice.run("mandate", "change", plain, "--each", "2", code=2)
