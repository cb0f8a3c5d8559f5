"""Defines who tells a bank whether what somebody shows is theirs, as the bank asks it."""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from operator_bank.customers.person import Person


class Outcome(Enum):
    """What came of a check."""

    CONFIRMED = auto()
    NOT_CONFIRMED = auto()
    """No such thing, or in another name, or not good any more."""
    LATER = auto()
    """Not known yet: ask again for the same."""


class IdentityChecks(Protocol):
    """Whoever delivers codes, and knows documents and accounts. Any thread may ask; no method waits
    for an answer that takes long: it says LATER.
    """

    name: str
    """Kept with each proof: who confirmed it."""
    wants_codes: bool
    """Whether a telephone is shown by a code; only a sandbox's takes them as shown."""

    def completed(self, person: Person, key: bytes) -> Person:
        """The person with what is known of them besides what they say.

        Args:
            person: as they describe themselves.
            key: of their wallet, 32 bytes.
        """
        ...

    def deliver(self, phone: str, code: str, now_ms: int) -> None:
        """Sends a code to a telephone, in its one spelling."""
        ...

    def document(self, person: Person, now_ms: int) -> Outcome:
        """Whether the document is good, and in the person's name."""
        ...

    def account(self, person: Person, now_ms: int) -> Outcome:
        """Whether the bank account is in the name of the document's holder."""
        ...


class NoChecks:
    """A bank that has nobody to ask confirms nothing, and so opens no wallet."""

    setting = "none"
    name = "nobody"
    wants_codes = True

    def completed(self, person: Person, key: bytes) -> Person:
        """Knows nothing more."""
        return person

    def deliver(self, phone: str, code: str, now_ms: int) -> None:
        """Sends nothing."""

    def document(self, person: Person, now_ms: int) -> Outcome:
        """Confirms nothing."""
        return Outcome.NOT_CONFIRMED

    def account(self, person: Person, now_ms: int) -> Outcome:
        """Confirms nothing."""
        return Outcome.NOT_CONFIRMED
