"""All tables of a bank, each declared by the room that keeps it, and those of its officers."""

from __future__ import annotations

from officers.tables import officer_tables
from operator_bank.aliases import tables as aliases
from operator_bank.asking import tables as asking
from operator_bank.counter import tables as counter
from operator_bank.customers import tables as customers
from operator_bank.exchange import tables as exchange
from operator_bank.feed import tables as feed
from operator_bank.keys import tables as keys
from operator_bank.ledger import tables as ledger
from operator_bank.lost import tables as lost
from operator_bank.metadata import metadata
from operator_bank.offline import tables as offline
from operator_bank.payments import tables as payments
from operator_bank.peers import tables as peers
from operator_bank.signers import tables as signers
from operator_bank.sub_wallets import tables as sub_wallets
from operator_bank.suspense import tables as suspense
from operator_bank.sweeps import tables as sweeps
from operator_bank.vault import tables as vault
from operator_bank.wallets import tables as wallets

__all__ = [
    "aliases",
    "asking",
    "counter",
    "customers",
    "exchange",
    "feed",
    "keys",
    "ledger",
    "lost",
    "metadata",
    "office",
    "offline",
    "payments",
    "peers",
    "signers",
    "sub_wallets",
    "suspense",
    "sweeps",
    "vault",
    "wallets",
]

office = officer_tables(metadata)
