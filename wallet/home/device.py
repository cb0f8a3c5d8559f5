"""Opens the secure element of a home."""

from __future__ import annotations

from runtime.clock import Clock
from runtime.randomness import Randomness
from wallet.home.home import Profile
from wallet.secure_element.element import SecureElement
from wallet.secure_element.interface import Device
from wallet.secure_element.pkcs11 import Pkcs11Keyring, Pkcs11Settings
from wallet.secure_element.store import Store


def open_device(store: Store, profile: Profile, clock: Clock, randomness: Randomness) -> Device:
    """The device of the wallet with this profile; new keys are in a PKCS#11 token if one is
    named.
    """
    token = Pkcs11Settings.from_environment()
    return SecureElement(
        store,
        clock,
        randomness,
        root=bytes.fromhex(profile.offline_root),
        keyring=Pkcs11Keyring(token, randomness) if token is not None else None,
    )
