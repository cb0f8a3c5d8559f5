"""A device goes over from one root to its successor, and never back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nacl.signing import SigningKey

from offline_token.formats import CENTRAL_BANK, Certificate
from offline_token.signing import certify_bank, sign_bundle, sign_token
from runtime.errors import Refusal
from tests.offline.devices import TestDevice, deposits, make_device, pay
from tests.offline.signers import DAY, NOW, Signers, key_of
from tests.refusals import refusal

OLD, NEW, THIEF = key_of("root"), key_of("successor"), key_of("mallory")


def entry(by: SigningKey, root: SigningKey, expires: int = NOW + DAY) -> Certificate:
    return certify_bank(by, CENTRAL_BANK, bytes(root.verify_key), expires)


ANNOUNCED = entry(OLD, NEW)
BEFORE, INTRODUCED = entry(NEW, OLD), entry(OLD, NEW)


def bundle(signers: Signers, by: SigningKey, age_ms: int, *roots: Certificate) -> bytes:
    """What a bank hands out that a root has signed so long ago."""
    banks = [
        certify_bank(by, name, bytes(key.verify_key), NOW + 200 * DAY)
        for name, key in signers.banks.items()
    ]
    plain = replace(signers.bundle(), created_time_ms=NOW - age_ms, banks=(*roots, *banks))
    return bytes(by.verify_key) + sign_bundle(by, plain).encode()


def tokens(signers: Signers, holder: TestDevice, by: SigningKey, number: int) -> list[bytes]:
    token = signers.mint(holder.element.keys.public_key(), 100, number=number).token
    return [sign_token(by, token).encode()]


@pytest.fixture
def alice(signers: Signers) -> TestDevice:
    return make_device(signers, "alice", 100)


def test_a_device_that_heard_of_the_successor_takes_its_money_before_it_goes_over(
    signers: Signers, alice: TestDevice
) -> None:
    bob = make_device(signers, "bob", 100)
    alice.element.trust.follow(bundle(signers, OLD, 1_000, ANNOUNCED))
    bob.element.trust.follow(bundle(signers, NEW, 1_000, BEFORE, INTRODUCED))
    bob.element.holdings.load(tokens(signers, bob, NEW, 7))
    # In both directions: Alice still has the bundle of the old root, Bob that of the new one.
    pay(bob, alice, 150)
    pay(alice, bob, 250)
    assert (alice.element.holdings.balance_fen(), bob.element.holdings.balance_fen()) == (0, 300)


def test_a_device_follows_a_successor_that_its_root_has_announced(
    signers: Signers, alice: TestDevice
) -> None:
    alice.element.trust.follow(bundle(signers, OLD, 1_000, ANNOUNCED))
    # However late: the root that it trusts has said so.
    alice.element.trust.follow(bundle(signers, NEW, 500))
    assert "another root" in str(refusal(alice.element.trust.follow, bundle(signers, OLD, 0)))


def test_a_device_that_heard_of_nothing_follows_what_its_root_has_signed_of_the_successor(
    signers: Signers, alice: TestDevice
) -> None:
    forged = (
        (),
        (entry(NEW, NEW),),
        (entry(THIEF, NEW),),
        (BEFORE, entry(OLD, NEW, NOW - 1)),
        (BEFORE, entry(OLD, THIEF)),
    )
    for roots in forged[:4]:
        assert "set the wallet up anew" in str(
            refusal(alice.element.trust.follow, bundle(signers, NEW, 1_000, *roots))
        )
    alice.element.trust.follow(bundle(signers, NEW, 1_000, BEFORE, INTRODUCED))
    assert "another root" in str(
        refusal(alice.element.trust.follow, bundle(signers, THIEF, 0, INTRODUCED))
    )


def test_a_device_steps_back_to_no_root_though_its_money_still_counts(
    signers: Signers, alice: TestDevice
) -> None:
    """Whoever has stolen the old root cannot win devices back with it."""
    alice.element.trust.follow(bundle(signers, OLD, 2_000, ANNOUNCED))
    alice.element.trust.follow(bundle(signers, NEW, 1_000, BEFORE, INTRODUCED))
    for roots in ((), (ANNOUNCED,), (entry(OLD, THIEF),)):
        assert "another root" in str(
            refusal(alice.element.trust.follow, bundle(signers, OLD, 0, *roots))
        )
    assert alice.element.holdings.payable_fen() == 100


def test_money_of_a_root_that_has_ended_is_deposited_and_not_paid(
    signers: Signers, alice: TestDevice
) -> None:
    ended = entry(NEW, OLD, NOW - 1)
    alice.element.trust.follow(bundle(signers, OLD, 2_000, ANNOUNCED))
    alice.element.trust.follow(bundle(signers, NEW, 1_000, ended))
    assert (alice.element.holdings.balance_fen(), alice.element.holdings.payable_fen()) == (100, 0)
    with pytest.raises(Refusal, match="not signed by the central bank"):
        alice.element.holdings.load(tokens(signers, alice, OLD, 9))
    assert len(deposits(alice)) == 1


def test_who_pays_with_money_of_a_root_that_has_ended_unheard_gets_it_back(
    signers: Signers, alice: TestDevice
) -> None:
    bob = make_device(signers, "bob")
    bob.element.trust.follow(bundle(signers, OLD, 2_000, ANNOUNCED))
    bob.element.trust.follow(bundle(signers, NEW, 1_000, entry(NEW, OLD, NOW - 1)))
    request = bob.element.payee.request(60)
    payment = alice.element.payer.pay(request)
    with pytest.raises(Refusal, match="expired"):
        bob.element.payee.accept(payment)
    back = bob.element.payee.return_payment(payment)
    assert alice.element.payer.take_back(back) == 60


def test_a_new_device_that_knows_the_old_root_alone_begins_with_the_successor(
    signers: Signers,
) -> None:
    fresh = make_device(signers, "carol")
    state = fresh.store.read()
    assert state.bundle[:32] == bytes(OLD.verify_key)
    fresh.element.trust.follow(bundle(signers, NEW, 1_000, BEFORE, INTRODUCED))
    assert fresh.store.read().bundle[:32] == bytes(NEW.verify_key)
