"""The limits of a payment and of a device, the holder's own and the central bank's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, deposits, make_device, pay
from tests.offline.signers import NOW, Signers
from tests.refusals import refused_because
from tests.wallet.shell import Cli
from wallet.secure_element.interface import Limits

OWN, RULE = "wallet offline limit", "the central bank's limit"


def limited(
    whose: str, holder: TestDevice, reason: int, call: Callable[..., object], *arguments: object
) -> None:
    """A call would pass somebody's limit: it is refused, and nothing is written."""
    before = holder.store.data
    assert whose in refused_because(reason, call, *arguments).message
    assert holder.store.data == before


def test_one_payment_is_limited(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    alice.element.holdings.set_limits(Limits(single_fen=50))
    request = bob.element.payee.request(51)
    limited(OWN, alice, errors_pb2.REASON_OVER_SINGLE_LIMIT, alice.element.payer.pay, request)
    pay(alice, bob, 50)
    alice.element.holdings.set_limits(Limits())
    pay(alice, bob, 50)


def test_a_payment_made_before_is_repeated_under_a_narrower_limit(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    request = bob.element.payee.request(60)
    payment = alice.element.payer.pay(request)
    alice.element.holdings.set_limits(Limits(single_fen=1))
    assert alice.element.payer.pay(request) == payment


def test_the_balance_is_limited(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 200), make_device(signers, "bob", 30)
    bob.element.holdings.set_limits(Limits(total_fen=100))
    over = errors_pb2.REASON_OVER_BALANCE_CAP
    limited(OWN, bob, over, bob.element.payee.request, 71)
    first, second = bob.element.payee.request(70), bob.element.payee.request(70)
    assert bob.element.payee.accept(alice.element.payer.pay(first)) == 70
    late = alice.element.payer.pay(second)
    limited(OWN, bob, over, bob.element.payee.accept, late)
    token = signers.mint(signers.bob, 1, number=77).token.encode()
    limited(OWN, bob, over, bob.element.holdings.load, [token])
    limited(OWN, bob, over, bob.element.holdings.check_load, 1)
    bob.element.holdings.set_limits(Limits(total_fen=171))
    bob.element.holdings.load([token])
    assert bob.element.payee.accept(late) == 70
    assert bob.balance == 171


def test_money_over_a_new_limit_stays_and_can_be_paid(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 200), make_device(signers, "bob")
    alice.element.holdings.set_limits(Limits(total_fen=10))
    pay(alice, bob, 150)
    alice.element.holdings.load([])
    assert alice.balance == 50


def ruled(signers: Signers, holder: TestDevice, *, later_ms: int = 0, **rules: int) -> None:
    """The central bank sets rules, and the device hears of it."""
    bundle = signers.bundle(created_time_ms=NOW + later_ms, **rules)
    holder.element.trust.follow(signers.root_public + bundle.encode())


def test_the_central_bank_limits_a_payment(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    over = errors_pb2.REASON_OVER_SINGLE_LIMIT
    request = bob.element.payee.request(51)
    ruled(signers, alice, max_payment_fen=50)
    limited(RULE, alice, over, alice.element.payer.pay, request)
    ruled(signers, bob, max_payment_fen=50)
    limited(RULE, bob, over, bob.element.payee.request, 51)
    pay(alice, bob, 50)


@pytest.mark.parametrize(("own", "whose"), [(49, OWN), (50, OWN), (51, RULE), (0, RULE)])
def test_the_narrower_limit_of_a_payment_counts_and_is_named(
    signers: Signers, own: int, whose: str
) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    ruled(signers, alice, max_payment_fen=50)
    alice.element.holdings.set_limits(Limits(single_fen=own))
    over, request = errors_pb2.REASON_OVER_SINGLE_LIMIT, bob.element.payee.request(51)
    limited(whose, alice, over, alice.element.payer.pay, request)
    pay(alice, bob, own if whose == OWN else 50)


def test_a_payee_refuses_a_payment_that_is_too_large_for_a_newer_rule(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(60))
    ruled(signers, bob, max_payment_fen=59)
    with pytest.raises(Refusal) as caught:
        bob.element.payee.accept(payment)
    assert caught.value.metadata["verdict"] == "PAYMENT_TOO_LARGE"
    ruled(signers, bob, later_ms=1, max_payment_fen=60)
    assert bob.element.payee.accept(payment) == 60


def test_the_central_bank_limits_what_a_device_holds(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 200), make_device(signers, "bob", 30)
    over = errors_pb2.REASON_OVER_BALANCE_CAP
    first, second = bob.element.payee.request(70), bob.element.payee.request(70)
    ruled(signers, bob, max_holding_fen=100)
    bob.element.holdings.set_limits(Limits(total_fen=101))
    limited(RULE, bob, over, bob.element.payee.request, 71)
    assert bob.element.payee.accept(alice.element.payer.pay(first)) == 70
    late = alice.element.payer.pay(second)
    limited(RULE, bob, over, bob.element.payee.accept, late)
    token = signers.mint(signers.bob, 1, number=78).token.encode()
    limited(RULE, bob, over, bob.element.holdings.load, [token])
    limited(RULE, bob, over, bob.element.holdings.check_load, 1)
    bob.element.holdings.set_limits(Limits(total_fen=100))
    limited(OWN, bob, over, bob.element.holdings.check_load, 1)
    ruled(signers, bob, later_ms=1, max_holding_fen=170)
    bob.element.holdings.set_limits(Limits())
    assert bob.element.payee.accept(late) == 70


def test_money_over_a_new_rule_stays_and_can_be_paid_and_deposited(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 200), make_device(signers, "bob")
    ruled(signers, alice, max_holding_fen=10)
    pay(alice, bob, 150)
    assert alice.balance == 50
    assert len(deposits(alice)) == 1


def test_a_bundle_of_an_older_format_counts_as_none(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    older = signers.root_public + b"U1" + signers.bundle().encode()[2:]
    alice.store.change(lambda state: setattr(state, "bundle", older))
    with pytest.raises(Refusal) as caught:
        alice.element.payer.pay(bob.element.payee.request(10))
    assert caught.value.metadata["verdict"] == "BUNDLE_TOO_OLD"
    alice.element.holdings.check_load(10)
    ruled(signers, alice)
    pay(alice, bob, 10)


def test_the_command_sets_and_shows(stack: Path, tmp_path: Path) -> None:
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    assert "no limit" in alice.run("offline", "limit")
    alice.run("offline", "limit", "--single", "500", "--total", "2000")
    said = alice.json("offline", "limit", "--single", "0")
    rules = {"rule_single_fen": None, "rule_total_fen": None, "rule_hops": None}
    assert said == {"single_limit_fen": 0, "total_limit_fen": 200_000} | rules
    assert "2,000.00 yuan" in alice.run("offline", "limit")
    for wrong in ("-1", "x", "1.234"):
        alice.run("offline", "limit", f"--total={wrong}", code=2)
