"""Sources of randomness, which are passed in explicitly."""

from __future__ import annotations

import random
import secrets
import uuid
from typing import Protocol


class Randomness(Protocol):
    """A source of random bytes and ids."""

    def bytes(self, count: int) -> bytes:
        """`count` random bytes."""
        ...

    def uuid(self) -> str:
        """A random UUID as text."""
        ...


class SystemRandomness:
    """The operating system's randomness."""

    def bytes(self, count: int) -> bytes:
        """`count` random bytes, fit for keys."""
        return secrets.token_bytes(count)

    def uuid(self) -> str:
        """A random UUID as text."""
        return str(uuid.uuid4())


class SeededRandomness:
    """The same bytes for the same seed; for simulations and tests, never for keys."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        """The next `count` bytes."""
        return self._random.randbytes(count)

    def uuid(self) -> str:
        """The next UUID as text."""
        return str(uuid.UUID(bytes=self.bytes(16), version=4))
