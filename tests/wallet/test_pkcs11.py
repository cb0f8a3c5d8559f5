"""The device's keys in a token, with SoftHSM2 as the token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from offline_token.signing import verified
from runtime.clock import ManualClock
from runtime.errors import Refusal
from runtime.randomness import SeededRandomness, SystemRandomness
from tests.offline.devices import FailingStore, TestDevice, make_device, pay
from tests.offline.signers import NOW, Signers
from tests.softhsm import PIN, SoftHsm
from wallet.secure_element.element import SecureElement
from wallet.secure_element.pkcs11 import (
    LABEL,
    KeyTokenError,
    Pkcs11Keyring,
    Pkcs11Settings,
    Pkcs11Signer,
)
from wallet.secure_element.state import ElementState


@pytest.fixture
def token(softhsm: SoftHsm) -> Pkcs11Settings:
    return Pkcs11Settings(softhsm.library, softhsm.device, PIN)


@pytest.fixture
def ring(token: Pkcs11Settings) -> Iterator[Pkcs11Keyring]:
    made = Pkcs11Keyring(token, SystemRandomness())
    yield made
    made.close()


def certified(element: SecureElement, signers: Signers) -> bytes:
    """A key for the next load, with its certificate."""
    public = element.keys.load_key("6201000000000017", ())
    certificate = signers.certify(public, "alpha")
    element.keys.certify(certificate.encode(), signers.bank_certificate("alpha").encode())
    return public


def held(ring: Pkcs11Keyring, store: FailingStore, chance: int = 9) -> TestDevice:
    clock, randomness = ManualClock(NOW), SeededRandomness(chance)
    return TestDevice(
        SecureElement(store, clock, randomness, keyring=ring), store, clock, randomness
    )


def empty() -> FailingStore:
    store = FailingStore(bytes(32))
    store.data = ElementState().encode()
    return store


def in_the_token(ring: Pkcs11Keyring, state: ElementState) -> set[bytes]:
    """Public keys of the pairs that were made for a state, both halves there."""
    made = set(ring.made(state).values())
    pairs = [public for _, public in ring._session.pairs(LABEL)]
    assert all(pairs.count(public) == 1 for public in made)
    return made


def test_the_token_signs_as_everybody_verifies(ring: Pkcs11Keyring) -> None:
    state = ElementState()
    for _ in range(2):
        state.keys.append(ring.make(state))
    for key in state.keys:
        signer = ring.signer(state, key)
        assert signer.public_key() == bytes.fromhex(key.public)
        for message in (b"", b"x", bytes(1_000)):
            signature = signer.sign(message)
            assert verified(signer.public_key(), message, signature)
            assert not verified(signer.public_key(), message + b"!", signature)


def test_a_key_cannot_be_read(ring: Pkcs11Keyring) -> None:
    import pkcs11

    state = ElementState()
    signer = ring.signer(state, ring.make(state))
    assert isinstance(signer, Pkcs11Signer)
    key = signer.private
    assert key[pkcs11.Attribute.SENSITIVE] and not key[pkcs11.Attribute.EXTRACTABLE]
    with pytest.raises(pkcs11.exceptions.PKCS11Error):
        _ = key[pkcs11.Attribute.VALUE]


def test_a_device_pays_and_is_paid_with_keys_in_the_token(ring: Pkcs11Keyring) -> None:
    signers, store = Signers(), empty()
    carded = held(ring, store)
    first = certified(carded.element, signers)
    carded.element.trust.follow(signers.root_public + signers.bundle().encode())
    carded.element.holdings.load([signers.mint(first, 100).token.encode()])
    second = certified(carded.element, signers)
    carded.element.holdings.load([signers.mint(second, 20, number=2).token.encode()])
    bob = make_device(signers, "bob")
    pay(carded, bob, 110)
    pay(bob, carded, 20)
    assert (carded.balance, bob.balance) == (30, 90)
    other = SecureElement(store, carded.clock, SeededRandomness(1))
    with pytest.raises(Refusal, match="no such key is at hand"):
        other.payer.pay(bob.element.payee.request(1))
    assert [key.seed for key in store.read().keys] == ["", ""]


def test_keys_that_are_forgotten_are_destroyed_in_the_token(ring: Pkcs11Keyring) -> None:
    signers, store = Signers(), empty()
    carded, bob = held(ring, store), make_device(signers, "bob")
    keys = []
    for number in range(4):
        keys.append(certified(carded.element, signers))
        carded.element.trust.follow(signers.root_public + signers.bundle().encode())
        value = 20 if number == 1 else 10
        carded.element.holdings.load([signers.mint(keys[-1], value, number=number).token.encode()])
        if number != 1:
            pay(carded, bob, 10)
            store.change(lambda state: state.paid.clear())  # long ago
        assert in_the_token(ring, store.read()) == {
            bytes.fromhex(key.public) for key in store.read().keys
        }
    # The first owns nothing; the second still does; the third was the newest until the last load.
    assert in_the_token(ring, store.read()) == {keys[1], keys[2], keys[3]}


def test_a_key_whose_making_was_cut_off_is_destroyed_and_others_keys_stay(
    ring: Pkcs11Keyring,
) -> None:
    signers, store, neighbour = Signers(), empty(), ElementState()
    neighbour.keys.append(ring.make(neighbour))
    carded = held(ring, store)
    first = certified(carded.element, signers)
    carded.element.trust.follow(signers.root_public + signers.bundle().encode())
    carded.element.holdings.load([signers.mint(first, 10).token.encode()])
    store.failing = True
    with pytest.raises(OSError):
        carded.element.keys.load_key("6201000000000017", ())
    store.failing = False
    assert len(in_the_token(ring, store.read())) == 2
    second = carded.element.keys.load_key("6201000000000017", ())
    assert in_the_token(ring, store.read()) == {first, second}
    assert in_the_token(ring, neighbour) == {bytes.fromhex(neighbour.keys[0].public)}


def test_a_token_that_cannot_be_used_is_said(token: Pkcs11Settings) -> None:
    for settings in (
        Pkcs11Settings(token.library, "nobody's", PIN),
        Pkcs11Settings(token.library, token.token, "000000"),
        Pkcs11Settings("/nowhere/lib.so", token.token, PIN),
    ):
        with pytest.raises(KeyTokenError, match="cannot be used"):
            Pkcs11Keyring(settings, SystemRandomness())
