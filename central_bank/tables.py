"""All tables of the central bank, each declared by the room that keeps it."""

from __future__ import annotations

from central_bank.aliases import tables as aliases
from central_bank.authentication import tables as authentication
from central_bank.issuance import tables as issuance
from central_bank.ledger import tables as ledger
from central_bank.metadata import metadata
from central_bank.registration import tables as registration
from central_bank.registration.offline import tables as offline

__all__ = ["aliases", "authentication", "issuance", "ledger", "metadata", "offline", "registration"]
