"""Defines where the secure element keeps its state, and keeps one in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from wallet.secure_element.signer import seed_key
from wallet.secure_element.state import ElementState

T = TypeVar("T")


class Store(Protocol):
    """Keeps one state."""

    def read(self) -> ElementState:
        """The state as it is."""
        ...

    def change(self, body: Callable[[ElementState], T]) -> T:
        """Runs `body` on the state, alone, and returns its answer.

        The change is durable on return. If `body` raises, the state is unchanged.
        """
        ...


class MemoryStore:
    """Keeps the state in memory, encoded; for tests and simulations.

    Args:
        seed: seed of a first key, 32 bytes.
    """

    def __init__(self, seed: bytes) -> None:
        self.data = ElementState([seed_key(seed)]).encode()

    def read(self) -> ElementState:
        """The state as it is."""
        return ElementState.decode(self.data)

    def change(self, body: Callable[[ElementState], T]) -> T:
        """Runs `body` on a copy of the state and keeps the copy, unless it raises."""
        state = self.read()
        answer = body(state)
        self.data = state.encode()
        return answer
