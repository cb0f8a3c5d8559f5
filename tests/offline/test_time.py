"""Money that ends: it is paid in time, or not at all; and clocks that were wrong once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offline_token.formats import Payment
from offline_token.limits import MIN_LEFT_MS
from offline_token.signing import sign_bundle
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, deposits, make_device
from tests.offline.signers import DAY, NOW, Signers
from tests.refusals import refused_for
from wallet.secure_element.limits import CLOCKS_APART_MS

WIDE = 900 * DAY


def loaded(signers: Signers, *ends: int) -> TestDevice:
    """Alice, with a token of 100 for each expiry."""
    alice = make_device(signers, "alice", bundle=signers.bundle(max_age_ms=WIDE))
    owner = signers.device("alice", "alpha")
    tokens = [signers.mint(owner, 100, number=n, expires=at) for n, at in enumerate(ends)]
    alice.element.holdings.load([chain.token.encode() for chain in tokens])
    return alice


def paid_ends(payment: bytes) -> list[int]:
    return [chain.token.expires_time_ms for chain in Payment.decode(payment).chains]


def test_a_payee_takes_nothing_that_ends_within_a_day_and_gives_it_back(signers: Signers) -> None:
    alice = loaded(signers, NOW + 10 * DAY)
    bob = make_device(signers, "bob", bundle=signers.bundle(max_age_ms=WIDE))
    payment = alice.element.payer.pay(bob.element.payee.request(100))
    late = bob.restarted(now_ms=NOW + 10 * DAY - MIN_LEFT_MS + 1)
    with pytest.raises(Refusal) as caught:
        late.element.payee.accept(payment)
    assert caught.value.metadata["verdict"] == "TOKEN_EXPIRED"
    assert alice.element.payer.take_back(late.element.payee.return_payment(payment)) == 100


def test_a_payer_leaves_out_what_a_payee_might_refuse_by_his_clock(signers: Signers) -> None:
    alice = loaded(signers, NOW + 10 * DAY)
    bob = make_device(signers, "bob", bundle=signers.bundle(max_age_ms=WIDE))
    last_ms = NOW + 10 * DAY - MIN_LEFT_MS - CLOCKS_APART_MS
    late = alice.restarted(now_ms=last_ms + 1)
    bob = bob.restarted(now_ms=last_ms + 1)
    assert (
        refused_for(late.element.payer.pay, bob.element.payee.request(100)) == "INSUFFICIENT_FUNDS"
    )
    assert [piece.state for piece in late.element.holdings.pieces()] == ["NOT_PAYABLE"]
    assert len(deposits(late)) == 1


def test_what_ends_soonest_is_paid_first(signers: Signers) -> None:
    alice = loaded(signers, NOW + 50 * DAY, NOW + 20 * DAY, NOW + 70 * DAY, NOW + 40 * DAY)
    bob = make_device(signers, "bob", bundle=signers.bundle(max_age_ms=WIDE))
    ends = [
        paid_ends(alice.element.payer.pay(bob.element.payee.request(fen))) for fen in (60, 60, 150)
    ]
    assert ends == [
        [NOW + 20 * DAY],
        [NOW + 40 * DAY],
        [NOW + 20 * DAY, NOW + 40 * DAY, NOW + 50 * DAY],
    ]


def test_a_clock_that_once_ran_ahead_is_set_right_by_what_the_root_signs(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    ahead = alice.restarted(now_ms=NOW + 40 * 365 * DAY)
    with pytest.raises(Refusal):
        ahead.element.payer.pay(bob.element.payee.request(10))
    again = ahead.restarted(now_ms=NOW + 2_000)
    with pytest.raises(Refusal):
        again.element.payer.pay(bob.element.payee.request(10))
    fresh = sign_bundle(signers.root, replace(signers.bundle(), created_time_ms=NOW + 1_000))
    again.element.trust.follow(signers.root_public + fresh.encode())
    assert bob.element.payee.accept(again.element.payer.pay(bob.element.payee.request(10))) == 10


def test_a_bundle_that_the_device_has_seen_before_sets_no_clock_back(signers: Signers) -> None:
    """Who puts the clock back and shows an old bundle makes nothing good that has ended."""
    alice, bob = loaded(signers, NOW + 5 * DAY), make_device(signers, "bob")
    old = signers.root_public + signers.bundle(max_age_ms=WIDE).encode()
    later = alice.restarted(now_ms=NOW + 6 * DAY)
    with pytest.raises(Refusal):
        later.element.payer.pay(bob.element.payee.request(10))
    back = later.restarted(now_ms=NOW)
    back.element.trust.follow(old)
    with pytest.raises(Refusal):
        back.element.payer.pay(bob.element.payee.request(10))


def test_a_bundle_is_judged_by_the_clock_as_it_is(signers: Signers) -> None:
    alice = make_device(signers, "alice", 100)
    newer = sign_bundle(signers.root, replace(signers.bundle(), created_time_ms=NOW + 1))
    late = alice.restarted(now_ms=NOW + 31 * DAY)
    with pytest.raises(Refusal) as caught:
        late.element.trust.follow(signers.root_public + newer.encode())
    assert caught.value.metadata["verdict"] == "BUNDLE_TOO_OLD"
