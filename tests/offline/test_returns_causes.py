"""For what causes a payment is given back, and for which it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from offline_token.formats import (
    Chain,
    Payment,
    Request,
    bank_name,
)
from offline_token.limits import MAX_HOPS
from offline_token.payment_return import CIRCUMSTANCES, SignedReturn
from offline_token.verify import Reason
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, make_device, pay
from tests.offline.giving_back import newer
from tests.offline.signers import DAY, NOW, Device, Signers, key_of
from tests.offline.trust_cases import filter_of
from tests.refusals import refused_as, refused_for
from wallet.secure_element.state import ElementState


def suspended(signers: Signers) -> bytes:
    return newer(signers, barred=(bank_name("beta"),))


CAUSES: dict[Reason, Callable[[Signers], bytes]] = {
    Reason.DEVICE_REVOKED: lambda c: newer(c, revoked=(c.alice.revocation,)),
    Reason.DEVICE_UNCLEAR: lambda c: newer(c, filter=filter_of(c.alice.revocation)),
    Reason.BANK_UNKNOWN: suspended,
    Reason.TOO_MANY_HOPS: lambda c: newer(c, max_hops=1),
    Reason.VALUE_TOO_LARGE: lambda c: newer(c, max_value_fen=99),
    Reason.PAYMENT_TOO_LARGE: lambda c: newer(c, max_payment_fen=59),
    Reason.TOKEN_EXPIRED: lambda c: (
        c.root_public + c.bundle(created_time_ms=NOW + 91 * DAY).encode()
    ),
    Reason.DEVICE_EXPIRED: lambda c: (
        c.root_public + c.bundle(created_time_ms=NOW + 101 * DAY).encode()
    ),
}


@pytest.mark.parametrize("reason", CAUSES, ids=lambda reason: reason.name)
def test_what_the_payer_cannot_help_is_a_cause(signers: Signers, reason: Reason) -> None:
    expires = NOW + (400 if reason == Reason.DEVICE_EXPIRED else 90) * DAY
    alice, bob, carol = (make_device(signers, name) for name in ("alice", "bob", "carol"))
    alice.element.holdings.load([signers.mint(signers.alice, 100, expires=expires).token.encode()])
    pay(alice, bob, 100)
    payment = bob.element.payer.pay(carol.element.payee.request(60))
    carol.element.trust.follow(CAUSES[reason](signers))
    with refused_as(reason):
        carol.element.payee.accept(payment)
    assert bob.element.payer.take_back(carol.element.payee.return_payment(payment)) == 60


def test_every_cause_is_tried() -> None:
    assert set(CAUSES) == CIRCUMSTANCES


def test_a_good_payment_is_accepted_and_not_given_back(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(60))
    with pytest.raises(Refusal, match="accept it"):
        bob.element.payee.return_payment(payment)
    assert bob.element.payee.accept(payment) == 60
    with refused_as(Reason.WRONG_CHALLENGE):
        bob.element.payee.return_payment(payment)


def revoking_bob(signers: Signers, *chains: Chain, fen: int = 100) -> tuple[TestDevice, bytes]:
    """A payee who knows that Alice is revoked, and chains for a request of his."""
    bob = make_device(signers, "bob")
    bob.element.trust.follow(newer(signers, revoked=(signers.alice.revocation,)))
    challenge = Request.decode(bob.element.payee.request(fen)).challenge
    made = []
    for chain in chains:
        hop = chain.hops[-1]
        before = Chain(chain.token, chain.hops[:-1])
        by = Device(key_of("alice"), hop.certificate)
        amount = hop.endorsement.amount_fen
        made.append(signers.endorse(before, by, signers.bob, amount, challenge=challenge))
    return bob, Payment(tuple(made)).encode()


def test_who_gives_back_never_signs_one_piece_twice(signers: Signers) -> None:
    """Else a payer could make a payee a double spender."""
    chain = signers.endorse(signers.mint(signers.alice, 50), signers.alice, signers.bob, 50)
    bob, payment = revoking_bob(signers, chain, chain)
    with refused_as(Reason.TOKEN_TWICE):
        bob.element.payee.return_payment(payment)
    bob, payment = revoking_bob(signers, chain, fen=50)
    bob.element.payee.return_payment(payment)
    (one,) = Payment.decode(payment).chains
    again = replace(one.hops[-1], endorsement=replace(one.hops[-1].endorsement, salt=7))
    other = Payment((Chain(one.token, (*one.hops[:-1], again)),)).encode()
    with pytest.raises(Refusal):
        bob.element.payee.return_payment(other)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda c, p: p[:-1], Reason.UNREADABLE),
        (lambda c, p: p[:-2] + bytes([p[-2] ^ 1, p[-1]]), Reason.DEVICE_FORGED),
        (lambda c, p: p[:-123] + bytes([p[-123] ^ 1]) + p[-122:], Reason.ENDORSEMENT_FORGED),
        (lambda c, p: p[:3] + b"T" + bytes([p[4] ^ 1]) + p[5:], Reason.TOKEN_FORGED),
    ],
)
def test_a_payment_that_is_wrong_besides_is_not_given_back(
    signers: Signers, spoil: Callable[[Signers, bytes], bytes], reason: Reason
) -> None:
    chain = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.bob, 100)
    bob, payment = revoking_bob(signers, chain)
    before = bob.store.read().asked
    with refused_as(reason):
        bob.element.payee.return_payment(spoil(signers, payment))
    assert bob.store.read().asked == before
    assert bob.element.payee.return_payment(payment)


def test_another_payees_is_not_given_back(signers: Signers) -> None:
    chain = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.bob, 100)
    bob, payment = revoking_bob(signers, chain, fen=99)
    carol = make_device(signers, "carol")
    with refused_as(Reason.WRONG_CHALLENGE):
        carol.element.payee.return_payment(payment)


@pytest.mark.parametrize("fen", [1, 99, 101])
def test_another_amount_than_was_asked_for_comes_back(signers: Signers, fen: int) -> None:
    """A middleman has altered the request: the payee takes nothing, the payer has it again."""
    alice, bob = make_device(signers, "alice", 200), make_device(signers, "bob")
    request = bob.element.payee.request(100)
    chain = signers.endorse(
        signers.mint(signers.alice, 200, number=1_000),
        signers.alice,
        signers.bob,
        fen,
        challenge=Request.decode(request).challenge,
    )
    payment = Payment((chain,)).encode()
    alice.store.change(lambda state: _has_paid(state, request, payment))
    with refused_as(Reason.WRONG_AMOUNT):
        bob.element.payee.accept(payment)
    assert alice.element.payer.take_back(bob.element.payee.return_payment(payment)) == fen
    assert bob.element.holdings.pieces() == []


def _has_paid(state: ElementState, request: bytes, payment: bytes) -> None:
    asked = Request.decode(request)
    state.paid[asked.challenge.hex()] = (payment.hex(), asked.certificate.encode().hex())


def test_what_would_be_over_the_payees_cap_comes_back(signers: Signers) -> None:
    """Two requests that fit one by one, and not both."""
    narrow = signers.bundle(max_holding_fen=5_000)
    alice, bob = (
        make_device(signers, "alice", 1_000, 1_000),
        make_device(signers, "bob", 4_200, bundle=narrow),
    )
    asked = [bob.element.payee.request(500) for _ in range(2)]
    first, second = (alice.element.payer.pay(each) for each in asked)
    assert bob.element.payee.accept(first) == 500
    assert refused_for(bob.element.payee.accept, second) == "OVER_BALANCE_CAP"
    back = bob.element.payee.return_payment(second)
    assert bob.element.payee.return_payment(second) == back
    assert alice.element.payer.take_back(back) == 500
    with pytest.raises(Refusal):
        bob.element.payee.accept(second)


def test_what_would_be_a_piece_too_many_comes_back(
    signers: Signers, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob", 1)
    payment = alice.element.payer.pay(bob.element.payee.request(100))
    monkeypatch.setattr("wallet.secure_element.pieces.MAX_PIECES", 1)
    with pytest.raises(Refusal):
        bob.element.payee.accept(payment)
    back = bob.element.payee.return_payment(payment)
    monkeypatch.undo()
    assert alice.element.payer.take_back(back) == 100


def test_a_hundred_requests_do_not_push_out_one_that_was_paid(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 1_000), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(1_000))
    for _ in range(150):
        bob.element.payee.request(1)
    assert bob.element.payee.accept(payment) == 1_000


def test_the_longest_chain_there_can_be_has_no_room_to_come_back(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    bob.element.trust.follow(newer(signers, revoked=(signers.alice.revocation,), max_hops=MAX_HOPS))
    challenge = Request.decode(bob.element.payee.request(500)).challenge
    for hops in (MAX_HOPS, MAX_HOPS - 1):
        chain = signers.mint(signers.alice, 500)
        for _ in range(hops - 1):
            chain = signers.endorse(chain, signers.alice, signers.alice, 500)
        last = signers.endorse(chain, signers.alice, signers.bob, 500, challenge=challenge)
        payment = Payment((last,)).encode()
        if hops == MAX_HOPS:
            with refused_as(Reason.TOO_MANY_HOPS):
                bob.element.payee.return_payment(payment)
        else:
            assert SignedReturn.decode(bob.element.payee.return_payment(payment))
