"""The secure element of a home."""

from __future__ import annotations

from runtime.clock import Clock
from runtime.randomness import Randomness
from wallet.device import Device
from wallet.home import SEED_BYTES, Home, Profile
from wallet.secure_element.element import SecureElement
from wallet.secure_element.store import FileStore


def open_device(home: Home, profile: Profile, clock: Clock, randomness: Randomness) -> Device:
    """The device of the wallet in `home`."""
    store = FileStore(home.folder / "device.json", lambda: randomness.bytes(SEED_BYTES))
    return SecureElement(store, clock, randomness, root=bytes.fromhex(profile.offline_root))
