"""The hard wallet: what it does for its owner, and its PIN."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import SigningKey

from dcep.errors.v1 import errors_pb2
from runtime.clock import ManualClock
from runtime.randomness import SeededRandomness
from tests.offline.devices import WALLET, FailingStore, make_device
from tests.offline.signers import NOW, Signers
from tests.refusals import refused_because
from tests.wallet.held_cards import PIN, Held, paid_by, took
from wallet.hard_wallet.card import HardWallet, personalise
from wallet.hard_wallet.guard import FREE_TAPS, Session
from wallet.hard_wallet.messages import CardCommand
from wallet.hard_wallet.pin import Reader
from wallet.home.home import HomeError
from wallet.secure_element.interface import Limits
from wallet.secure_element.limits import MAX_PIN_TRIES


def test_it_pays_and_is_paid(signers: Signers) -> None:
    held, bob = Held(signers, 100), make_device(signers, "bob")
    card = held.owners()
    assert (card.holdings.balances(), card.keys.certified()) == ((100, 100), True)
    took(bob, card, 30)
    request = card.request(10)
    payment = bob.element.payer.pay(request)
    assert [card.accept(payment).amount_fen for _ in range(2)] == [10, 10]
    assert (card.holdings.balances().held_fen, bob.balance) == (80, 20)


def test_above_its_limit_it_wants_the_pin(signers: Signers) -> None:
    held, bob = Held(signers, 100, free_fen=20), make_device(signers, "bob")
    card = held.card
    assert card.free_fen == 20
    took(bob, card, 20)
    request = bob.element.payee.request(21)
    assert (
        "PIN"
        in refused_because(errors_pb2.REASON_OVER_SINGLE_LIMIT, paid_by, card, bob, request).message
    )
    assert (
        "9 tries" in refused_because(errors_pb2.REASON_NOT_THE_OWNER, card.unlock, "1111").message
    )
    assert held.balance == 80
    refused_because(errors_pb2.REASON_OVER_SINGLE_LIMIT, paid_by, card, bob, request)
    card.unlock(PIN)
    assert bob.element.payee.accept(paid_by(card, bob, request)) == 21
    assert held.store.read().card_tries == 0


def test_wrong_pins_lock_everything_that_needs_one_for_good(signers: Signers) -> None:
    held, bob = Held(signers, 100, free_fen=20), make_device(signers, "bob")
    key = SigningKey(bytes(32))
    held.owners().pair(WALLET, bytes(key.verify_key))
    for _ in range(MAX_PIN_TRIES):
        refused_because(errors_pb2.REASON_NOT_THE_OWNER, held.again().unlock, "1111")
    card = held.again()
    assert "paired" in refused_because(errors_pb2.REASON_NOT_THE_OWNER, card.unlock, PIN).message
    took(bob, card, 20)
    refused_because(errors_pb2.REASON_NOT_THE_OWNER, card.deposits.begin, "alpha", WALLET)
    assert card.recognises(WALLET, key)
    assert len(card.deposits.begin("alpha", WALLET)) == 1, "the money is not lost"


def test_a_try_counts_before_anything_is_said_about_it(signers: Signers) -> None:
    held = Held(signers, 100)
    held.store.failing = True
    with pytest.raises(OSError):
        held.hard.answer(CardCommand.PIN_BEGIN, bytes(33), Session())
    held.store.failing = False
    card = held.again()
    reader = Reader("1111", card.binding, SeededRandomness(1))
    card.ask(CardCommand.PIN_BEGIN, reader.share())
    assert held.store.read().card_tries == 1
    assert held.again() and held.store.read().card_tries == 1, "pulling it away gains none"


def test_a_card_has_a_pin_and_a_root_before_it_does_anything(signers: Signers) -> None:
    store = FailingStore(bytes([7]) * 32)
    with pytest.raises(HomeError, match="personalised"):
        HardWallet(store, ManualClock(NOW), SeededRandomness(5))
    for pin, root in (("", signers.root_public), ("123", signers.root_public), (PIN, b"")):
        with pytest.raises(HomeError):
            personalise(store, pin=pin, root=root)
    assert store.read().card_root == ""


def test_a_card_is_made_once(signers: Signers) -> None:
    held = Held(signers)
    assert PIN.encode() not in held.store.data
    before = held.store.data
    personalise(held.store, pin="9999", root=bytes(range(32)), free_fen=10**9)
    assert held.store.data == before
    refused_because(errors_pb2.REASON_NOT_THE_OWNER, held.card.unlock, "9999")


def test_small_payments_need_the_pin_after_five_times_the_free_amount(signers: Signers) -> None:
    """A reader in a crowd is quick: it has not been told the PIN."""
    held, bob = Held(signers, *[20] * 12, free_fen=20), make_device(signers, "bob")
    for _ in range(FREE_TAPS):
        took(bob, held.again(), 20)
    card = held.again()
    assert card.free_fen == 0
    assert (
        "give it once"
        in refused_because(
            errors_pb2.REASON_OVER_SINGLE_LIMIT, paid_by, card, bob, bob.element.payee.request(1)
        ).message
    )
    newer = signers.bundle(created_time_ms=NOW)
    card.trust.follow(signers.root_public + newer.encode())
    assert held.again().free_fen == 0, "who brings it online gains nothing"
    took(bob, held.owners(), 20)
    assert held.again().free_fen == 20
    took(bob, held.again(), 20)


def test_what_is_refused_or_repeated_does_not_count(signers: Signers) -> None:
    held, bob = Held(signers, 20, free_fen=20), make_device(signers, "bob")
    empty = Held(signers, free_fen=20)
    for _ in range(2 * FREE_TAPS):
        asked = bob.element.payee.request(20)
        refused_because(errors_pb2.REASON_INSUFFICIENT_FUNDS, paid_by, empty.again(), bob, asked)
    request = bob.element.payee.request(20)
    payments = {paid_by(held.again(), bob, request) for _ in range(2 * FREE_TAPS)}
    assert len(payments) == 1
    assert held.store.read().card_spent_fen == 20


@pytest.mark.parametrize("taps", [1, FREE_TAPS])
def test_a_confirmed_payment_that_is_asked_for_again_is_the_same_and_changes_nothing(
    signers: Signers, taps: int
) -> None:
    """A payee who asks again could use up what the card pays without its PIN."""
    held, bob = Held(signers, *[20] * 6, free_fen=20), make_device(signers, "bob")
    request = bob.element.payee.request(20)
    payment = paid_by(held.card, bob, request)
    assert bob.element.payee.accept(payment) == 20
    held.card.confirm(payment, bob.element.payee.receipt(payment))
    for _ in range(taps - 1):
        took(bob, held.again(), 20)
    before = held.store.data
    assert {paid_by(held.again(), bob, request) for _ in range(FREE_TAPS)} == {payment}
    assert held.store.data == before
    assert held.hard.element.payer.unconfirmed() == []


def test_each_request_has_its_own_payment_also_while_another_is_not_confirmed(
    signers: Signers,
) -> None:
    held, bob = Held(signers, *[20] * 5, free_fen=20), make_device(signers, "bob")
    requests = [bob.element.payee.request(20) for _ in range(2)]
    first = paid_by(held.card, bob, requests[0])
    assert bob.element.payee.accept(first) == 20
    held.card.confirm(first, bob.element.payee.receipt(first))
    second = paid_by(held.again(), bob, requests[1])
    before = held.store.data
    assert [paid_by(held.again(), bob, request) for request in requests] == [first, second]
    assert held.store.data == before


def test_a_request_whose_payment_came_back_is_not_paid_again(signers: Signers) -> None:
    held, bob = Held(signers, *[20] * 5, free_fen=20), make_device(signers, "bob")
    requests = [bob.element.payee.request(20) for _ in range(2)]
    first = paid_by(held.card, bob, requests[0])
    bob.element.holdings.set_limits(Limits(total_fen=10))
    assert held.card.take_back(bob.element.payee.return_payment(first)) == 20
    paid_by(held.again(), bob, requests[1])
    before = held.store.data
    refused_because(errors_pb2.REASON_ALREADY_DECIDED, paid_by, held.again(), bob, requests[0])
    assert held.store.data == before
    assert held.store.read().card_spent_fen == 40, "what came back stays counted"


def test_a_small_payment_and_its_count_are_kept_together_or_not_at_all(signers: Signers) -> None:
    held, bob = Held(signers, 20, free_fen=20), make_device(signers, "bob")
    kept: list[tuple[int, int]] = []
    change = held.store.change

    def seen(body: Any) -> Any:
        answer = change(body)
        kept.append((held.store.read().card_spent_fen, held.balance))
        return answer

    held.store.change = seen  # type: ignore[method-assign]
    paid_by(held.card, bob, bob.element.payee.request(20))
    assert kept == [(20, 0)]


def test_a_card_holds_no_more_than_it_was_made_for(signers: Signers) -> None:
    held = Held(signers, 100, limit_fen=120)
    over = errors_pb2.REASON_OVER_BALANCE_CAP
    card = held.owners()
    card.holdings.check_load(20)
    refused_because(over, card.holdings.check_load, 21)
    refused_because(over, card.request, 21)
    # Nobody makes it anew, or sets another limit.
    personalise(held.store, pin=PIN, root=signers.root_public, limit_fen=10**6)
    refused_because(over, held.owners().holdings.check_load, 21)


def test_what_a_card_has_stands_on_its_face(signers: Signers) -> None:
    held, bob = Held(signers, 100, free_fen=20), make_device(signers, "bob")
    assert held.hard.face() == "1.00"
    took(bob, held.card, 20)
    assert held.hard.face() == "0.80"
