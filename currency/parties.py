"""Names the parties: the roles that certificates carry."""

from __future__ import annotations

CENTRAL_BANK = "dcep://central-bank/central-bank"
HOLDER = "dcep://holder/self"
"""The role of a wallet's own service, and of its holder's programs."""


def bank(name: str) -> str:
    """The role of an operating bank."""
    return f"dcep://bank/{name}"


def officer(institution: str, person: str) -> str:
    """The role of an officer of the central bank or of a bank."""
    return f"dcep://officer/{institution}/{person}"
