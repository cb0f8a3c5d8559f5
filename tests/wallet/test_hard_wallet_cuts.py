"""Tapping a hard wallet and a wallet together, cut off at any moment: money is paid once."""

from __future__ import annotations

from typing import Any

import pytest

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from tests.offline.devices import WALLET, TestDevice, deposited, make_device
from tests.offline.signers import NOW, Signers
from tests.refusals import refused_because
from tests.wallet.held_cards import Held, paid_by, took
from wallet.hard_wallet import tap
from wallet.offline.link_payments import Handed
from wallet.offline.outcomes import LinkError, PaymentReturn
from wallet.offline.payments import OfflinePayments
from wallet.secure_element.element import SecureElement


@pytest.mark.parametrize("heard", ["nothing", "the payment", "all but the confirmation"])
def test_a_tap_that_is_cut_off_pays_once(signers: Signers, heard: str) -> None:
    held, bob = Held(signers, 100), make_device(signers, "bob")
    first = paid_by(held.card, bob, bob.element.payee.request(30))
    if heard == "all but the confirmation":
        assert bob.element.payee.accept(first) == 30
    card = held.again()
    second = paid_by(card, bob, bob.element.payee.request(30))
    assert second == first
    assert bob.element.payee.has_taken(second) is (heard == "all but the confirmation")
    assert bob.element.payee.accept(second) == 30
    card.confirm(second, bob.element.payee.receipt(second))
    assert (held.balance, bob.balance) == (70, 30)
    took(bob, card, 30)
    assert (held.balance, bob.balance) == (40, 60)


def test_money_given_to_a_card_that_is_taken_away_is_given_once(signers: Signers) -> None:
    held, bob = Held(signers), make_device(signers, "bob", 100)
    offline_payments = OfflinePayments(bob.element)
    assert loses_the_answer(held, "accept", tap.give, offline_payments, 30) is LinkError
    card = held.again()
    assert tap.give(offline_payments, card, 30) == Handed(30, True)
    assert (held.balance, bob.balance) == (30, 70)


def loses_the_answer(
    held: Held, method: str, call: Any, offline_payments: OfflinePayments, fen: int
) -> type:
    """A tap in which the card is taken away before this answer of it is heard.

    A confirmation does not even reach it.
    """
    card = held.again()
    real = getattr(card, method)

    def cut(*arguments: Any) -> None:
        if method != "confirm":
            real(*arguments)
        raise LinkError("the card was taken away")

    setattr(card, method, cut)
    with pytest.raises(Exception) as caught:
        call(offline_payments, card, fen)
    return caught.type


def loaded_since(signers: Signers, holder: TestDevice, bank: str) -> None:
    """It has another key than it showed before."""
    key = holder.element.keys.load_key("6201000000000017", ())
    certificate = signers.certify(key, bank).encode()
    holder.element.keys.certify(certificate, signers.bank_certificate(bank).encode())


def test_a_payment_without_an_ok_to_somebody_else_does_not_keep_one_from_paying_a_card(
    signers: Signers,
) -> None:
    held, bob, carol = (
        Held(signers),
        make_device(signers, "bob", 100),
        make_device(signers, "carol"),
    )
    lost = bob.element.payer.pay(carol.element.payee.request(10), unconfirmed=True)
    offline_payments = OfflinePayments(bob.element)
    assert (
        "--anew"
        in refused_because(
            errors_pb2.REASON_NOT_THE_OWNER, tap.give, offline_payments, held.again(), 30
        ).message
    )
    assert bob.balance == 90
    assert tap.give(offline_payments, held.again(), 30, anew=True) == Handed(30, False)
    assert tap.give(offline_payments, held.owners(), 5) == Handed(5, False), "its owner is told"
    assert (held.balance, bob.balance, bob.element.payer.unconfirmed()) == (35, 55, [lost])


@pytest.mark.parametrize("loads", ["the card", "the wallet"])
def test_a_tap_that_is_cut_off_pays_once_though_a_side_loads_since(
    signers: Signers, loads: str
) -> None:
    held, bob = Held(signers, 100), make_device(signers, "bob", 100)
    offline_payments = OfflinePayments(bob.element)
    if loads == "the card":
        assert loses_the_answer(held, "accept", tap.give, offline_payments, 30) is LinkError
        loaded_since(
            signers, TestDevice(held.hard.element, held.store, bob.clock, bob.randomness), "alpha"
        )
        refused_because(
            errors_pb2.REASON_NOT_THE_OWNER, tap.give, offline_payments, held.again(), 30
        )
        assert tap.give(offline_payments, held.owners(), 30) == Handed(30, True)
        assert (held.balance, bob.balance) == (130, 70)
    else:
        assert loses_the_answer(held, "pay", tap.take, offline_payments, 30) is LinkError
        loaded_since(signers, bob, "beta")
        assert tap.take(offline_payments, held.again(), 30) == Handed(30, False)
        assert loses_the_answer(held, "confirm", tap.take, offline_payments, 20) is LinkError
        loaded_since(signers, bob, "beta")
        assert tap.take(offline_payments, held.again(), 20) == Handed(20, True)
        assert (held.balance, bob.balance) == (50, 150)


def knows_better(signers: Signers, element: SecureElement, *revoked: bytes) -> None:
    """It knows who was revoked, and whoever is between keeps that from the other side."""
    bundle = signers.bundle(created_time_ms=NOW, revoked=revoked)
    element.trust.follow(signers.root_public + bundle.encode())
    element.trust.newer_than = lambda news: b""  # type: ignore[method-assign]


@pytest.mark.parametrize("cut", ["", "return_payment"])
def test_what_the_card_does_not_take_comes_back(signers: Signers, cut: str) -> None:
    held, alice, bob = (
        Held(signers),
        make_device(signers, "alice", 100),
        make_device(signers, "bob"),
    )
    paid_on(alice, bob, 100)
    knows_better(signers, held.hard.element, signers.alice.revocation)
    offline_payments = OfflinePayments(bob.element)
    if cut:
        assert loses_the_answer(held, cut, tap.give, offline_payments, 30) is LinkError
        assert bob.balance == 70
        with pytest.raises(Refusal):
            tap.give(offline_payments, held.again(), 500)
        assert bob.balance == 100, "the payment without an OK was given back first"
        return
    with pytest.raises(PaymentReturn, match="a device was revoked") as caught:
        tap.give(offline_payments, held.card, 30)
    assert caught.value.amount_fen == 30
    assert (bob.balance, held.balance) == (100, 0)


@pytest.mark.parametrize("cut", ["", "pay", "take_back"])
def test_what_the_wallet_does_not_take_goes_back_to_the_card(signers: Signers, cut: str) -> None:
    held, alice, bob = (
        Held(signers),
        make_device(signers, "alice", 100),
        make_device(signers, "bob"),
    )
    payment = alice.element.payer.pay(held.card.request(100))
    assert held.card.accept(payment).amount_fen == 100
    knows_better(signers, bob.element, signers.alice.revocation)
    offline_payments = OfflinePayments(bob.element)
    if cut:
        assert loses_the_answer(held, cut, tap.take, offline_payments, 30) is LinkError
    with pytest.raises((PaymentReturn, Refusal)):
        tap.take(offline_payments, held.again(), 30)
    if cut == "take_back":
        # It had it back; what the tap then paid was made anew, and came back as well.
        assert held.hard.element.holdings.payable_fen() == 40
    card = held.owners()
    assert (card.holdings.balances().held_fen, bob.balance) == (100, 0)
    pieces = card.deposits.begin("alpha", WALLET)
    assert sum(deposited(signers, each).value_fen for each in pieces) == 100


def paid_on(payer: TestDevice, payee: TestDevice, fen: int) -> None:
    assert (
        payee.element.payee.accept(payer.element.payer.pay(payee.element.payee.request(fen))) == fen
    )
