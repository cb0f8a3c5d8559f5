"""The holder's own limits, kept by the secure element."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from tests.offline.country import Country
from tests.offline.purses import Purse, pay, purse
from tests.wallet.test_cli import Cli
from wallet.device import Limits


@pytest.fixture(scope="module")
def country() -> Country:
    return Country()


def refused(holder: Purse, reason: int, call: object, *arguments: object) -> None:
    before = holder.store.data
    with pytest.raises(Refusal) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.reason == reason
    assert "wallet offline limit" in caught.value.message
    assert holder.store.data == before


def test_one_payment_is_limited(country: Country) -> None:
    alice, bob = purse(country, "alice", 100), purse(country, "bob")
    alice.element.set_limits(Limits(single_fen=50))
    request = bob.element.request(51)
    refused(alice, errors_pb2.REASON_OVER_SINGLE_LIMIT, alice.element.pay, request)
    pay(alice, bob, 50)
    alice.element.set_limits(Limits())
    pay(alice, bob, 50)


def test_a_payment_made_before_is_repeated_under_a_narrower_limit(country: Country) -> None:
    alice, bob = purse(country, "alice", 100), purse(country, "bob")
    request = bob.element.request(60)
    payment = alice.element.pay(request)
    alice.element.set_limits(Limits(single_fen=1))
    assert alice.element.pay(request) == payment


def test_the_balance_is_limited(country: Country) -> None:
    alice, bob = purse(country, "alice", 200), purse(country, "bob", 30)
    bob.element.set_limits(Limits(total_fen=100))
    over = errors_pb2.REASON_OVER_BALANCE_CAP
    refused(bob, over, bob.element.request, 71)
    first, second = bob.element.request(70), bob.element.request(70)
    assert bob.element.accept(alice.element.pay(first)) == 70
    late = alice.element.pay(second)
    refused(bob, over, bob.element.accept, late)
    token = country.mint(country.bob, 1, number=77).token.encode()
    refused(bob, over, bob.element.load, [token])
    refused(bob, over, bob.element.check_load, 1)
    bob.element.set_limits(Limits(total_fen=171))
    bob.element.load([token])
    assert bob.element.accept(late) == 70
    assert bob.balance == 171


def test_money_over_a_new_limit_stays_and_can_be_paid(country: Country) -> None:
    alice, bob = purse(country, "alice", 200), purse(country, "bob")
    alice.element.set_limits(Limits(total_fen=10))
    pay(alice, bob, 150)
    alice.element.load([])
    assert alice.balance == 50


def test_the_command_sets_and_shows(stack: Path, tmp_path: Path) -> None:
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    assert "no limit" in alice.run("offline", "limit")
    alice.run("offline", "limit", "--single", "500", "--total", "2000")
    said = alice.json("offline", "limit", "--single", "0")
    assert said == {"single_limit_fen": 0, "total_limit_fen": 200_000}
    assert "2,000.00 yuan" in alice.run("offline", "limit")
    for wrong in ("-1", "x", "1.234"):
        alice.run("offline", "limit", f"--total={wrong}", code=2)
