"""What an attacker may try with payments: show them again, take them apart."""

from __future__ import annotations

import pytest

from offline_token.formats import (
    Chain,
    Hop,
    Payment,
    Request,
)
from offline_token.verify import Reason
from tests.offline.attacking import chain_of
from tests.offline.devices import deposited, deposits, make_device, pay
from tests.offline.signers import DAY, NOW, Signers
from tests.refusals import refused_as, refused_for
from wallet.secure_element.limits import CLOCKS_APART_MS, REQUEST_VALID_MS


def test_a_payment_shown_again_adds_nothing(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = pay(alice, bob, 70)
    assert bob.element.payee.accept(payment) == 70
    assert bob.restarted().element.payee.accept(payment) == 70
    assert (alice.balance, bob.balance) == (30, 70)


def test_an_old_payment_does_not_pay_a_new_request(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    old = Payment.decode(pay(alice, bob, 70))
    bob.element.payee.request(70)
    two = Payment((*old.chains, signers.mint(signers.alice, 1, number=9))).encode()
    with refused_as(Reason.WRONG_CHALLENGE):
        bob.element.payee.accept(two)
    assert bob.balance == 70


def test_a_flood_of_requests_pushes_out_none_that_may_still_be_paid(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.taking.MAX_REQUESTS", 20)
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(70))
    for _ in range(19):
        bob.element.payee.request(1)
    bob.clock.advance(REQUEST_VALID_MS + CLOCKS_APART_MS)
    assert refused_for(bob.element.payee.request, 1) == "OVERLOADED"
    assert bob.element.payee.accept(payment) == 70
    assert bob.element.payee.request(1)


def test_a_request_that_nobody_may_pay_any_more_makes_room_for_another(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.taking.MAX_REQUESTS", 20)
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    first, *others = (bob.element.payee.request(fen) for fen in range(1, 21))
    late = alice.element.payer.pay(first)
    bob.clock.advance(REQUEST_VALID_MS + CLOCKS_APART_MS + 1)
    newest = bob.element.payee.request(70)
    assert set(bob.element.payee.requests()) == {*others, newest}
    with refused_as(Reason.WRONG_CHALLENGE):
        bob.element.payee.accept(late)


def test_a_clock_that_ran_ahead_leaves_no_request_that_keeps_others_out(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.secure_element.taking.MAX_REQUESTS", 20)
    bob = make_device(signers, "bob")
    bob.restarted(now_ms=NOW + 20 * DAY).element.payee.request(1)
    bob = bob.restarted(now_ms=NOW + 2_000)
    bob.element.trust.follow(
        signers.root_public + signers.bundle(created_time_ms=NOW + 1_000).encode()
    )
    kept = [bob.element.payee.request(1) for _ in range(19)]
    newest = bob.element.payee.request(2)
    assert bob.element.payee.requests() == [*kept, newest]


def test_a_payment_to_somebody_else_is_refused(signers: Signers) -> None:
    alice, bob, carol = (
        make_device(signers, "alice", 100),
        make_device(signers, "bob"),
        make_device(signers, "carol"),
    )
    payment = alice.element.payer.pay(bob.element.payee.request(70))
    carol.element.payee.request(70)
    with refused_as(Reason.WRONG_CHALLENGE):
        carol.element.payee.accept(payment)
    assert bob.element.payee.accept(payment) == 70


def test_a_payment_to_somebody_else_with_ones_own_challenge_is_refused(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    challenge = Request.decode(bob.element.payee.request(70)).challenge
    token = signers.mint(signers.alice, 70)
    chain = signers.endorse(token, signers.alice, signers.carol, 70, challenge=challenge)
    with refused_as(Reason.NOT_FOR_THIS_PAYEE):
        bob.element.payee.accept(Payment((chain,)).encode())
    assert bob.balance == 0


def test_the_payer_cannot_take_back_what_it_paid(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(70))
    with refused_as(Reason.WRONG_CHALLENGE):
        alice.element.payee.accept(payment)
    for body in deposits(alice):
        assert deposited(signers, body).value_fen == 30


def altered(signers: Signers) -> dict[str, tuple[Chain, Reason]]:
    """Chains made of the parts of good ones."""
    good, other = chain_of(signers), chain_of(signers, number=2)
    a, b, c = good.hops
    x, y, z = other.hops
    token = good.token
    return {
        "without the last hop": (Chain(token, (a, b)), Reason.NOT_FOR_THIS_PAYEE),
        "without the middle": (Chain(token, (a, c)), Reason.NOT_THE_OWNER),
        "without the first hop": (Chain(token, (b, c)), Reason.NOT_THE_OWNER),
        "the last hop only": (Chain(token, (c,)), Reason.ENDORSEMENT_FORGED),
        "without any hop": (Chain(token), Reason.NOT_FOR_THIS_PAYEE),
        "the ends swapped": (Chain(token, (c, b, a)), Reason.ENDORSEMENT_FORGED),
        "the first two swapped": (Chain(token, (b, a, c)), Reason.NOT_THE_OWNER),
        "the last hop twice": (Chain(token, (a, b, c, c)), Reason.NOT_THE_OWNER),
        "the first hop twice": (Chain(token, (a, a, b, c)), Reason.NOT_THE_OWNER),
        "another token below": (Chain(other.token, good.hops), Reason.ENDORSEMENT_FORGED),
        "another chain's end": (Chain(token, (a, b, z)), Reason.ENDORSEMENT_FORGED),
        "another chain's middle": (Chain(token, (a, y, c)), Reason.ENDORSEMENT_FORGED),
        "another chain's beginning": (Chain(token, (x, b, c)), Reason.ENDORSEMENT_FORGED),
        "another hop's certificate": (
            Chain(token, (a, b, Hop(b.certificate, c.endorsement))),
            Reason.NOT_THE_OWNER,
        ),
    }


@pytest.mark.parametrize("name", altered(Signers()))
def test_altered_chains_are_refused(signers: Signers, name: str) -> None:
    chain, reason = altered(signers)[name]
    assert signers.paid_to_bob(chain, amount=50).reason == reason
    assert signers.paid_to_bob(chain_of(signers), amount=50).good


def test_a_payment_cut_short_anywhere_is_unreadable(signers: Signers) -> None:
    payment = Payment((chain_of(signers), chain_of(signers, number=2))).encode()
    asked = signers.request(signers.bob, 100)
    assert signers.verdict(payment, request=asked).good
    bundle = signers.bundle()
    for end in range(len(payment)):
        cut = signers.verdict(payment[:end], request=asked, bundle=bundle)
        assert cut.reason == Reason.UNREADABLE


def test_a_chain_less_or_more_is_not_what_was_asked_for(signers: Signers) -> None:
    one, two = chain_of(signers), chain_of(signers, number=2)
    assert signers.paid_to_bob(one, two, amount=100).good
    assert signers.paid_to_bob(two, one, amount=100).good
    assert signers.paid_to_bob(one, amount=100).reason == Reason.WRONG_AMOUNT
    assert signers.paid_to_bob(one, two, amount=50).reason == Reason.WRONG_AMOUNT
    assert signers.paid_to_bob(one, one, amount=100).reason == Reason.TOKEN_TWICE


def test_one_piece_endorsed_twice_in_one_payment_is_refused(signers: Signers) -> None:
    token = signers.mint(signers.alice, 100)
    first = signers.endorse(token, signers.alice, signers.bob, 100, salt=1)
    second = signers.endorse(token, signers.alice, signers.bob, 100, salt=2)
    assert signers.paid_to_bob(first, second, amount=200).reason == Reason.TOKEN_TWICE


def test_one_piece_spent_in_two_ways_in_one_payment_is_refused(signers: Signers) -> None:
    token = signers.mint(signers.alice, 100)
    straight = signers.endorse(token, signers.alice, signers.bob, 100)
    detour = signers.endorse(token, signers.alice, signers.carol, 100)
    detour = signers.endorse(detour, signers.carol, signers.bob, 100)
    assert signers.paid_to_bob(straight, detour, amount=200).reason == Reason.TOKEN_TWICE


@pytest.mark.parametrize("later_first", [False, True])
def test_a_piece_and_what_it_was_spent_on_are_refused(signers: Signers, later_first: bool) -> None:
    earlier = signers.endorse(signers.mint(signers.bob, 100), signers.bob, signers.bob, 100)
    later = signers.endorse(earlier, signers.bob, signers.bob, 100)
    chains = (later, earlier) if later_first else (earlier, later)
    assert signers.verdict(Payment(chains).encode()).reason == Reason.TOKEN_TWICE
