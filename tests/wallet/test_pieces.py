"""What a device may still pay with, when time and revocations have passed over its money."""

from __future__ import annotations

import pytest

from runtime.errors import Refusal
from tests.offline.devices import deposits, make_device, pay
from tests.offline.signers import DAY, NOW, Signers


def test_money_that_cannot_be_paid_is_left_out_and_the_rest_is_paid(signers: Signers) -> None:
    alice, bob, carol = (
        make_device(signers, "alice", 100),
        make_device(signers, "bob", 30),
        make_device(signers, "carol"),
    )
    pay(alice, bob, 100)
    assert bob.balance == 130
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.alice.revocation,))
    bob.element.trust.follow(signers.root_public + revoking.encode())
    assert (bob.balance, bob.element.holdings.payable_fen()) == (130, 30)
    with pytest.raises(Refusal) as caught:
        bob.element.payer.pay(carol.element.payee.request(31))
    assert caught.value.metadata["missing_fen"] == "1"
    pay(bob, carol, 30)
    assert (bob.element.holdings.payable_fen(), carol.element.holdings.payable_fen()) == (0, 30)
    assert len(deposits(bob)) == 1


def test_expired_money_cannot_be_paid(signers: Signers) -> None:
    alice = make_device(signers, "alice", 100, bundle=signers.bundle(max_age_ms=900 * DAY))
    alice.clock.advance(91 * DAY)
    assert (alice.balance, alice.element.holdings.payable_fen()) == (100, 0)


def test_money_that_the_rules_now_find_too_large_is_left_out(signers: Signers) -> None:
    alice = make_device(signers, "alice", 100, 10)
    narrow = signers.bundle(created_time_ms=NOW, max_value_fen=99)
    alice.element.trust.follow(signers.root_public + narrow.encode())
    assert (alice.balance, alice.element.holdings.payable_fen()) == (110, 10)


def test_what_fits_is_loaded_whole_or_not_at_all(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    good = signers.mint(signers.alice, 5).token.encode()
    large = signers.mint(signers.alice, 10_000_001, number=2).token.encode()
    with pytest.raises(Refusal):
        alice.element.holdings.load([good, large])
    assert alice.balance == 0
    alice.element.holdings.load([good])
    assert alice.balance == 5
