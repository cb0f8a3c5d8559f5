"""What the parts of a secure element share: its state, its time, what it trusts, its keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.randomness import Randomness
from wallet.secure_element.signer import DeviceKey, Keyring
from wallet.secure_element.state import ElementState, HeldKey
from wallet.secure_element.store import Store
from wallet.secure_element.trusting import Trusting

T = TypeVar("T")


@dataclass(frozen=True)
class Context:
    """One secure element, as its parts share it.

    Attributes:
        store: keeps the state, which is one for all parts.
        clock: tells the time; the element's own time never moves back.
        randomness: for challenges, nonces and salts.
        trusting: says what a state trusts.
        keyring: makes the device's keys and signs with them.
    """

    store: Store
    clock: Clock
    randomness: Randomness
    trusting: Trusting
    keyring: Keyring

    def read(self) -> ElementState:
        """The state as it is."""
        return self.store.read()

    def change(self, body: Callable[[ElementState], T]) -> T:
        """Changes the state. A refused change keeps nothing but the time that was seen."""
        now_ms = self.clock.now_ms()
        try:
            return self.store.change(body)
        except Refusal:
            if self.read().clock_ms < now_ms:
                self.store.change(lambda state: self.trusting.see_time(state, now_ms))
            raise

    def signer_of(self, state: ElementState) -> Callable[[HeldKey], DeviceKey]:
        """Finds what signs with a key of this state."""
        return partial(self.keyring.signer, state)
