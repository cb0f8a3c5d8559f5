"""What an attacker may try with roots, banks, devices and tokens forged, revoked or old."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offline_token.formats import (
    Chain,
    FormatError,
)
from offline_token.signing import (
    certify_bank,
    certify_device,
    sign_bundle,
    sign_token,
)
from offline_token.verify import Reason
from runtime.errors import Refusal
from tests.offline.devices import make_device, pay
from tests.offline.signers import DAY, NOW, Device, Signers, key_of
from tests.refusals import refused_as
from wallet.secure_element.limits import MAX_PIECES


def test_a_forged_root_is_refused(signers: Signers) -> None:
    """Everything is in order, but below another root."""
    forged = Signers()
    forged.root = key_of("mallory")
    token = forged.mint(signers.alice, 100)
    chain = forged.endorse(token, signers.alice, signers.bob, 100)
    assert signers.paid_to_bob(chain, amount=100).reason == Reason.TOKEN_FORGED
    bundle = forged.bundle()
    assert signers.paid_to_bob(chain, amount=100, bundle=bundle).reason == Reason.BUNDLE_FORGED


def test_an_element_keeps_its_root(signers: Signers) -> None:
    bob = make_device(signers, "bob")
    mallory = key_of("mallory")
    newer = signers.bundle(created_time_ms=NOW)
    before = bob.store.data
    forged = {
        "another root": bytes(mallory.verify_key) + sign_bundle(mallory, newer).encode(),
        "the root's name only": signers.root_public + sign_bundle(mallory, newer).encode(),
    }
    for bundle in forged.values():
        with pytest.raises(Refusal):
            bob.element.trust.follow(bundle)
    assert bob.store.data == before
    bob.element.trust.follow(signers.root_public + newer.encode())
    assert bob.store.data != before


def test_an_older_bundle_does_not_take_back_a_revocation(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    payment = alice.element.payer.pay(bob.element.payee.request(70))
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.alice.revocation,))
    bob.element.trust.follow(signers.root_public + revoking.encode())
    bob.element.trust.follow(signers.root_public + signers.bundle().encode())
    with refused_as(Reason.DEVICE_REVOKED):
        bob.element.payee.accept(payment)


def test_a_revoked_device_can_neither_pay_nor_be_paid(signers: Signers) -> None:
    revoking = signers.bundle(revoked=(signers.alice.revocation,))
    alice, bob = (
        make_device(signers, "alice", 100, bundle=revoking),
        make_device(signers, "bob", 100),
    )
    bob.element.trust.follow(signers.root_public + signers.bundle(created_time_ms=NOW).encode())
    with refused_as(Reason.DEVICE_REVOKED):
        alice.element.payer.pay(bob.element.payee.request(70))
    revoking = signers.bundle(created_time_ms=NOW + 1, revoked=(signers.alice.revocation,))
    bob.element.trust.follow(signers.root_public + revoking.encode())
    with refused_as(Reason.DEVICE_REVOKED):
        bob.element.payer.pay(alice.element.payee.request(70))
    assert (alice.balance, bob.balance) == (100, 100)


def test_an_expired_device_is_not_paid(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice", 100), make_device(signers, "bob")
    request = bob.element.payee.request(70)
    later = make_device(signers, "alice", 100, bundle=signers.bundle(max_age_ms=900 * DAY))
    later.clock.advance(101 * DAY)
    with refused_as(Reason.DEVICE_EXPIRED):
        later.element.payer.pay(request)
    assert later.balance == 100
    assert len(alice.element.payer.pay(request)) == 392


def test_money_below_forged_certificates_is_refused(signers: Signers) -> None:
    mallory = Device(key_of("mallory"), signers.alice.certificate)
    own_bank = certify_bank(mallory.key, "alpha", mallory.public, NOW + DAY)
    forged = certify_device(mallory.key, "alpha", mallory.public, NOW + DAY)
    token = signers.mint(mallory.public, 100)
    chain = signers.endorse(token, Device(mallory.key, forged), signers.bob, 100)
    assert signers.paid_to_bob(chain, amount=100).reason == Reason.DEVICE_FORGED
    bundle = sign_bundle(mallory.key, signers.bundle(banks=(own_bank,)))
    assert signers.paid_to_bob(chain, amount=100, bundle=bundle).reason == Reason.BUNDLE_FORGED
    self_made = Chain(sign_token(mallory.key, token.token))
    chain = signers.endorse(self_made, mallory, signers.bob, 100)
    assert signers.paid_to_bob(chain, amount=100).reason == Reason.TOKEN_FORGED


def test_only_ones_own_good_tokens_are_loaded(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    token = signers.mint(signers.alice, 100).token
    with refused_as(Reason.NOT_THE_OWNER):
        alice.element.holdings.load(
            [token.encode(), signers.mint(signers.bob, 5, number=2).token.encode()]
        )
    with refused_as(Reason.TOKEN_FORGED):
        alice.element.holdings.load([replace(token, value_fen=1_000).encode()])
    with refused_as(Reason.TOKEN_FORGED):
        alice.element.holdings.load([sign_token(key_of("mallory"), token).encode()])
    assert alice.balance == 0
    for _ in range(2):
        alice.element.holdings.load([token.encode()])
    assert alice.balance == 100


def test_a_token_that_was_paid_away_cannot_be_loaded_again(signers: Signers) -> None:
    alice, bob = make_device(signers, "alice"), make_device(signers, "bob")
    token = signers.mint(signers.alice, 100).token.encode()
    alice.element.holdings.load([token])
    pay(alice, bob, 100)
    alice.element.holdings.load([token])
    assert alice.balance == 0


def test_expired_money_is_not_paid(signers: Signers) -> None:
    wide = signers.bundle(max_age_ms=900 * DAY)
    alice, bob = (
        make_device(signers, "alice", 100, bundle=wide),
        make_device(signers, "bob", bundle=wide),
    )
    request = bob.element.payee.request(70)
    alice.clock.advance(91 * DAY)
    with pytest.raises(Refusal):
        alice.element.payer.pay(request)


def test_money_of_a_device_revoked_meanwhile_is_not_paid(signers: Signers) -> None:
    alice, bob, carol = (
        make_device(signers, "alice", 100),
        make_device(signers, "bob"),
        make_device(signers, "carol"),
    )
    pay(alice, bob, 100)
    request = carol.element.payee.request(70)
    revoking = signers.bundle(created_time_ms=NOW, revoked=(signers.alice.revocation,))
    bob.element.trust.follow(signers.root_public + revoking.encode())
    with pytest.raises(Refusal):
        bob.element.payer.pay(request)


def test_a_token_larger_than_the_rules_allow_is_not_loaded(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    with pytest.raises(Refusal):
        alice.element.holdings.load([signers.mint(signers.alice, 10_000_001).token.encode()])


def test_loading_stops_at_the_bound_on_pieces(signers: Signers) -> None:
    alice = make_device(signers, "alice")
    with pytest.raises(Refusal):
        alice.element.holdings.load(
            [
                signers.mint(signers.alice, 1, number=number).token.encode()
                for number in range(MAX_PIECES + 1)
            ]
        )


def test_a_bank_with_a_name_too_long_is_not_certified(signers: Signers) -> None:
    with pytest.raises(FormatError):
        certify_bank(signers.root, "a" * 17, signers.root_public, NOW)
