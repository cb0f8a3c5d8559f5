"""`wallet sub …`: sub-wallets are opened for a key, taken up, changed, listed and closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened

DAY_MS = 86_400_000


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice", "100")


@pytest.fixture
def child(stack: Path, tmp_path: Path) -> Cli:
    """A home elsewhere."""
    return Cli(stack, tmp_path / "child")


def joined(alice: Cli, child: Cli, *terms: str) -> str:
    """The number of a sub-wallet that the child's home has taken up."""
    key = child.json("sub", "key", "--bank", "alpha")["public_key"]
    number = str(alice.json("sub", "add", "--cap", "200", "--key", key, *terms)["number"])
    child.run("sub", "join", number)
    return number


def test_each_keeps_its_own_key(alice: Cli, child: Cli, grpc_bank: FakeBank) -> None:
    said = child.run("sub", "key", "--bank", "alpha")
    key = child.json("sub", "key", "--bank", "alpha")["public_key"]
    assert key in said, "again, it is the same"
    added = alice.json(
        *("sub", "add", "--cap", "200", "--single", "50", "--day", "100", "--key", key),
        *("--purpose", "for school", "--until", "2027-06-30"),
    )
    assert (added["state"], added["terms"]["balance_cap_fen"]) == ("OPEN", 20_000)
    assert (added["terms"]["single_fen"], added["terms"]["day_fen"]) == (5_000, 10_000)
    [order] = grpc_bank.sub_orders
    assert order.public_key.hex() == key
    done = child.json("sub", "join", added["number"])
    assert (done["number"], done["bank"]) == (added["number"], "alpha")
    assert child.json("show")["number"] == added["number"]
    assert child.json("sub", "join", added["number"])["number"] == added["number"]


def test_a_home_on_the_same_machine_is_made_in_one_step(
    alice: Cli, stack: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "till"
    added = alice.json("sub", "add", "--cap", "1000", "--into", str(folder))
    assert added["home"] == str(folder)
    till = Cli(stack, folder)
    assert till.json("show")["number"] == added["number"]
    alice.run("pay", added["number"], "20")
    assert till.json("show")["available_fen"] == 2_000


def test_what_got_no_answer_is_repeated_and_opens_no_second_one(
    alice: Cli, child: Cli, grpc_bank: FakeBank
) -> None:
    key = child.json("sub", "key", "--bank", "alpha")["public_key"]
    grpc_bank.mute_after = 1
    alice.run("sub", "add", "--cap", "200", "--key", key, code=3)
    alice.run("sub", "add", "--cap", "200", "--key", key)
    assert len(grpc_bank.subs) == 1


def test_amounts_are_of_the_ladder(alice: Cli, grpc_bank: FakeBank) -> None:
    said = alice.run("sub", "add", "--cap", "77", "--key", "ab" * 32, code=2)
    assert "10.00, 50.00, 100.00, 200.00, 500.00, 1000.00, 2000.00, 5000.00" in said.replace(
        "1,000", "1000"
    ).replace("2,000", "2000").replace("5,000", "5000")
    assert "--into DIR" in alice.run("sub", "add", "--cap", "50", code=2)
    assert "64 digits" in alice.run("sub", "add", "--cap", "50", "--key", "xyz", code=2)
    assert grpc_bank.sub_orders == []


def test_what_is_left_away_stays_in_a_change(alice: Cli, child: Cli, grpc_bank: FakeBank) -> None:
    number = joined(alice, child, "--day", "100", "--purpose", "books")
    before = alice.json("sub", "list")["items"][0]["terms"]
    changed = alice.json("sub", "change", number, "--day", "50", "--payees", number)["terms"]
    assert changed == {**before, "day_fen": 5_000, "payees": [number]}
    freed = alice.json("sub", "change", number, "--day", "0", "--payees", "any")["terms"]
    assert (freed["day_fen"], freed["payees"]) == (0, [])
    assert "no such sub-wallet" in alice.run("sub", "change", "6201000000000020", code=1)


def test_they_are_listed_and_closed(alice: Cli, child: Cli) -> None:
    assert "wallet sub add" in alice.run("sub", "list")
    number = joined(alice, child, "--purpose", "books")
    said = alice.run("sub", "list")
    assert number in said
    assert "books" in said
    assert alice.json("sub", "list")["ladder_fen"][0] == 1_000
    assert alice.json("sub", "close", number)["state"] == "CLOSED"
    assert alice.json("sub", "list")["items"] == []
    assert len(alice.json("sub", "list", "--all")["items"]) == 1


def test_a_home_has_one_wallet(alice: Cli, child: Cli, grpc_bank: FakeBank) -> None:
    alice.run("sub", "key", "--bank", "alpha", code=1)
    assert "sub key" in child.run("sub", "join", "6201000000000020", code=1)
    number = joined(alice, child)
    child.run("sub", "join", "6201000000000020", code=1)
    child.run("sub", "key", "--bank", "alpha", code=1)
    assert child.json("show")["number"] == number


def test_the_child_sees_whose_it_is_and_whose_limit_refuses(
    alice: Cli, child: Cli, grpc_bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined(alice, child, "--purpose", "books", "--payees", "6201000000000020")
    told = child.json("limits")
    number = alice.json("show")["number"]
    assert told["belongs_to"]["number"] == number
    assert told["belongs_to"]["payees"] == ["6201000000000020"]
    said = child.run("limits")
    assert number in said
    assert "books" in said
    assert "within them" in said

    def refuse(*_: Any) -> Any:
        raise Refusal(
            errors_pb2.REASON_OVER_DAY_LIMIT, "too much", field="amount_fen", limit_of="parent"
        )

    monkeypatch.setattr(grpc_bank, "pay", refuse)
    said = child.run("pay", "6201000000000020", "5", code=1)
    assert "the wallet that this one belongs to" in " ".join(said.split())


def test_no_order_is_good_for_longer_than_it(make_app: Any, bank: FakeBank, clock: Any) -> None:
    from wallet.online.sub_wallets import Terms, join, make_key
    from wallet.peers.bank_directory import BankEntry

    parent = make_app("alice")
    profile = parent.profile()
    home = make_app("child", opened=False).home
    entry = BankEntry("alpha", profile.bank_address, parent.home.bank_ca(profile), "")
    key = make_key(home, parent.randomness, entry)
    ends = clock.now_ms() + 60_000
    done = parent.sub_wallets().open(key, Terms(balance_cap_fen=1_000, ends_time_ms=ends))
    child = make_app("child", opened=False)
    join(child.home, child.banks, clock, done.wallet_number)
    parent.holder().top_up(10_000)
    parent.holder().pay(done.wallet_number, 500)
    placed = child.holder().pay(profile.number, 1)
    assert placed.order.expires_time_ms == ends
    # Its end was put off meanwhile: the home hears of it when it needs to know.
    bank.subs[done.wallet_number].terms.ends_time_ms = ends + DAY_MS
    placed = child.holder().pay(profile.number, 2)
    assert placed.order.expires_time_ms == clock.now_ms() + 600_000
    bank.subs[done.wallet_number].terms.ends_time_ms = ends + DAY_MS
    clock.advance(DAY_MS + 120_000)
    with pytest.raises(Refusal, match="has ended"):
        child.holder().pay(profile.number, 3)


def test_a_wallet_that_is_none_is_not_taken_up(make_app: Any, bank: FakeBank, clock: Any) -> None:
    from wallet.online.sub_wallets import join, make_key
    from wallet.peers.bank_directory import BankEntry

    parent = make_app("alice")
    profile = parent.profile()
    home = make_app("child", opened=False).home
    entry = BankEntry("alpha", profile.bank_address, parent.home.bank_ca(profile), "")
    key = make_key(home, parent.randomness, entry)
    bank.accounts[profile.number].key = key
    with pytest.raises(Refusal, match="no sub-wallet"):
        join(home, parent.banks, clock, profile.number)
