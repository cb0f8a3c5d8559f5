"""The secure element: it lets go of money before it pays, and verifies money before it takes it."""

from __future__ import annotations

from runtime.clock import Clock
from runtime.randomness import Randomness
from wallet.secure_element.context import Context
from wallet.secure_element.deposits import Deposits
from wallet.secure_element.device_keys import DeviceKeys
from wallet.secure_element.holdings import Holdings
from wallet.secure_element.payee import Payee
from wallet.secure_element.payer import Payer
from wallet.secure_element.signer import Keyring, SeedKeyring
from wallet.secure_element.store import Store
from wallet.secure_element.trust_store import TrustStore
from wallet.secure_element.trusting import Trusting


class SecureElement:
    """Implements `wallet.secure_element.interface.Device`, which says more about each part.

    Its parts share one state. Each of their methods changes it in one durable step or not at all.

    Args:
        store: keeps the state.
        clock: tells the time; the element's own time never moves back.
        randomness: for challenges, nonces, salts and seeds.
        root: the central bank's key, 32 bytes; b"" to trust the root of the first bundle.
        keyring: makes the device's keys and signs with them; None to keep seeds in the state.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        randomness: Randomness,
        *,
        root: bytes = b"",
        keyring: Keyring | None = None,
    ) -> None:
        trusting, keys = Trusting(clock, root), keyring or SeedKeyring(randomness)
        context = Context(store, clock, randomness, trusting, keys)
        self.keys = DeviceKeys(context)
        self.trust = TrustStore(context)
        self.holdings = Holdings(context)
        self.payer = Payer(context)
        self.payee = Payee(context)
        self.deposits = Deposits(context)
