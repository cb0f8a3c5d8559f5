"""One's own change: it has not changed hands, and its payments are short."""

from __future__ import annotations

import pytest

from central_bank.registration.offline.sizes import sizes
from dcep.errors.v1 import errors_pb2
from offline_token.formats import DEVICE, Certificate, FormatError, Hop, Payment
from offline_token.limits import MAX_HOPS
from offline_token.verify import MAX_PAID_HOPS, Reason, hands, hops_left
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, deposited, deposits, make_device, pay
from tests.offline.signers import DAY, NOW, Device, Signers
from tests.refusals import refused_because
from wallet.offline import text_format
from wallet.secure_element.interface import PieceState
from wallet.secure_element.state import ElementState


def left(holder: TestDevice) -> list[int]:
    return [piece.hops_left for piece in holder.element.holdings.pieces()]


def test_many_small_payments_do_not_use_up_the_rest(signers: Signers) -> None:
    """600 yuan loaded and sixteen times 11.25 paid: the other 420 are as good as before."""
    alice, bob = make_device(signers, "alice", *sizes(60_000)), make_device(signers, "bob")
    for _ in range(16):
        pay(alice, bob, 1_125)
    assert alice.balance == alice.element.holdings.payable_fen() == 42_000
    assert min(left(alice)) >= 12
    payment = pay(alice, bob, 4_200)
    assert len(text_format.write(text_format.PAYMENT, payment)) < 2_000


def test_a_single_token_pays_thirty_one_times(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 1_000), make_device(signers, "bob")
    for paid in range(MAX_PAID_HOPS):
        assert left(alice) == [min(16, MAX_PAID_HOPS - paid)]
        pay(alice, bob, 1)
    (piece,) = alice.element.holdings.pieces()
    assert (piece.value_fen, piece.hops, piece.state) == (969, 0, PieceState.NOT_PAYABLE)
    refused_because(
        errors_pb2.REASON_INSUFFICIENT_FUNDS, alice.element.payer.pay, bob.element.payee.request(1)
    )
    (body,) = deposits(alice)
    assert deposited(signers, body).value_fen == 969


def test_whoever_is_paid_with_change_can_pay_it_on_as_often_as_it_says(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 1_000), make_device(signers, "bob")
    for _ in range(20):
        pay(alice, bob, 1)
    pay(alice, bob, 100)
    pieces = bob.element.holdings.pieces()
    assert pieces[-1].hops == 1 and pieces[-1].hops_left == MAX_PAID_HOPS - 21
    expected = [min(15, MAX_PAID_HOPS - at) for at in range(1, 21)]
    assert [piece.hops_left for piece in pieces[:-1]] == expected


def test_every_payment_that_is_paid_can_be_given_back(signers: Signers) -> None:
    """The last one of a token has room for the payee's endorsement back."""
    alice, bob = make_device(signers, "alice", 1_000), make_device(signers, "bob")
    for _ in range(MAX_PAID_HOPS - 1):
        pay(alice, bob, 1)
    payment = alice.element.payer.pay(bob.element.payee.request(5))
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.alice.revocation,))
    bob.element.trust.follow(signers.root_public + revoking.encode())
    with pytest.raises(Refusal):
        bob.element.payee.accept(payment)
    assert alice.element.payer.take_back(bob.element.payee.return_payment(payment)) == 5
    bodies = [deposited(signers, body) for body in deposits(alice)]
    assert sum(verdict.value_fen for verdict in bodies) == 1_000 - (MAX_PAID_HOPS - 1)


def test_a_small_payment_more_costs_no_second_certificate(signers: Signers) -> None:
    lengths = [len(Payment((signers.small_payments(n),)).encode()) for n in (1, 2, 3)]
    assert lengths == [392, 521, 650]


def test_change_of_a_certificate_that_was_renewed_is_paid_under_the_old_one(
    signers: Signers,
) -> None:
    alice, bob = make_device(signers, "alice", 1_000), make_device(signers, "bob")
    pay(alice, bob, 1)
    renewed = signers.certify(signers.alice.public, "alpha", expires=NOW + 120 * DAY)
    alice.element.keys.certify(renewed.encode(), signers.bank_certificate("alpha").encode())
    pay(alice, bob, 1)
    pay(bob, make_device(signers, "carol"), 1)


def test_change_cannot_be_written_with_another_certificate(signers: Signers) -> None:
    chain = signers.small_payments(2)
    renewed = signers.certify(signers.alice.public, "alpha", expires=NOW + 120 * DAY)
    other = Hop(renewed, chain.hops[1].endorsement)
    with pytest.raises(FormatError, match="another certificate"):
        Payment((type(chain)(chain.token, (chain.hops[0], other)),)).encode()


def test_nobody_calls_what_he_received_change(signers: Signers) -> None:
    """A hop that says it spends change shows no certificate: the payer's stands for it."""
    kept = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.carol, 60)
    thief = Device(signers.carol.key, signers.alice.certificate)
    taken = signers.endorse(kept, thief, signers.bob, 40, spend=1)
    read = Payment.decode(Payment((taken,)).encode()).chains[0]
    assert read.hops[1].certificate == signers.alice.certificate
    verdict = signers.paid_to_bob(taken, amount=40)
    assert verdict.reason == Reason.ENDORSEMENT_FORGED


def test_hands_are_counted_by_what_is_spent(signers: Signers) -> None:
    small = signers.small_payments(5)
    assert (hands(small, 0), hands(small, 1)) == (1, 0)
    assert (hops_left(small, 1, 16), hops_left(small, 0, 16), hops_left(small, 0, 1)) == (16, 15, 0)
    assert hands(signers.mint(signers.alice, 1), 0) == 0
    assert hops_left(signers.long_chain(MAX_HOPS), 0, 99) == 0


def test_a_device_of_an_earlier_format_is_refused_in_words(signers: Signers) -> None:
    alice = make_device(signers, "alice", 100)
    state = alice.store.read()
    state.pieces[0].chain = "5031" + state.pieces[0].chain[4:]
    with pytest.raises(ValueError, match="an earlier version wrote it"):
        ElementState.decode(state.encode())


def test_a_payment_of_an_earlier_format_is_refused_in_words() -> None:
    with pytest.raises(text_format.PaperError, match="an earlier version of the wallet"):
        text_format.read(text_format.PAYMENT, "DCEPP1" + "A" * 600)
    with pytest.raises(FormatError, match="by an earlier version"):
        Payment.decode(b"P1\1" + bytes(137))


def test_a_certificate_in_front_of_a_hop_is_unreadable(signers: Signers) -> None:
    """As an earlier version wrote it."""
    chain = signers.endorse(signers.mint(signers.alice, 100), signers.alice, signers.bob, 100)
    data = Payment((chain,)).encode()
    swapped = data[:141] + data[270:391] + data[141:270]
    with pytest.raises(FormatError):
        Payment.decode(swapped)
    assert Certificate.decode(data[270:391], DEVICE) == signers.alice.certificate
