"""What the holder is told about the pieces in the device."""

from __future__ import annotations

from tests.offline.devices import TestDevice, deposits, make_device, pay, ruled
from tests.offline.signers import DAY, NOW, Signers
from wallet.cli.offline_texts import shown
from wallet.home.home import Profile
from wallet.secure_element.interface import PieceState

PROFILE = Profile("", "", "", "Bob", "", number="6201000000000018", bank="alpha")


def states(holder: TestDevice) -> list[tuple[int, int, str]]:
    return [
        (piece.value_fen, piece.hops, piece.state.value)
        for piece in holder.element.holdings.pieces()
    ]


def test_pieces_with_value_hops_expiry_and_state(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob", 7)
    pay(alice, bob, 30)
    assert states(bob) == [(7, 0, "SPENDABLE"), (30, 1, "SPENDABLE")]
    assert {piece.expires_time_ms for piece in bob.element.holdings.pieces()} == {NOW + 90 * DAY}
    fields, text = shown(PROFILE, bob.element)
    assert (fields["offline_fen"], fields["payable_fen"], fields["unconfirmed"]) == (37, 37, [])
    assert "Payable" not in text
    assert "0.30  1 hop, 15 left    until 2027-04-" in text and "spendable" in text


def test_each_state_is_shown_with_its_reason(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob", 7, 9)
    pay(alice, bob, 30)
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.alice.revocation,))
    bob.element.trust.follow(signers.root_public + revoking.encode())
    first = deposits(bob)[0]
    assert {state for _, _, state in states(bob)} == {"DEPOSITING"}
    bob.element.deposits.refuse(first, ruled(signers, first), "the bank's words")
    state = bob.store.read()
    for piece in state.pieces:
        piece.depositing = False
    bob.store.data = state.encode()
    assert states(bob) == [(7, 0, "REFUSED"), (9, 0, "SPENDABLE"), (30, 1, "NOT_PAYABLE")]
    fields, text = shown(PROFILE, bob.element)
    assert (fields["offline_fen"], fields["payable_fen"]) == (39, 9)
    assert fields["pieces"][0]["reason"] == "the bank's words"
    assert "refused: the bank's words" in text
    assert "not payable: a device was revoked" in text
    assert "Payable 0.09 yuan" in text


def test_expired_money_and_money_at_its_last_hop(signers: Signers) -> None:
    wide = signers.bundle(max_age_ms=900 * DAY, max_hops=1)
    alice, bob = (
        make_device(signers, "alice", 100, bundle=wide),
        make_device(signers, "bob", bundle=wide),
    )
    pay(alice, bob, 100)
    (piece,) = bob.element.holdings.pieces()
    assert piece.state == PieceState.NOT_PAYABLE and "too often" in piece.reason
    assert bob.element.holdings.payable_fen() == 0
    bob.clock.advance(91 * DAY)
    (piece,) = bob.element.holdings.pieces()
    assert (piece.state, piece.reason) == (
        PieceState.EXPIRED,
        "the money has expired, or ends too soon to be paid on",
    )


def test_payments_without_an_ok_are_listed(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(5), unconfirmed=True)
    fields, text = shown(PROFILE, alice.element)
    assert len(fields["unconfirmed"]) == 1 and "without an OK" in text
    bob.element.payee.accept(payment)
    alice.element.payer.confirm(payment, bob.element.payee.receipt(payment))
    assert shown(PROFILE, alice.element)[0]["unconfirmed"] == []
