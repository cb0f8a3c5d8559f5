"""Who takes part: the roles that certificates carry."""

from __future__ import annotations

CENTRAL_BANK = "dcep://central-bank/central-bank"
HOLDER = "dcep://holder/self"
"""Of a wallet's own service, for programs of its holder."""


def bank(name: str) -> str:
    """The role of an operating bank."""
    return f"dcep://bank/{name}"


def officer(institution: str, person: str) -> str:
    """The role of somebody who works for the central bank or for a bank."""
    return f"dcep://officer/{institution}/{person}"
