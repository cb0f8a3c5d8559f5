"""The tables of a bank's core, of who may write it, and of whose its accounts are.

The owner of an account is a wallet's id; purposes are those of `accounts.Purpose`.
"""

from __future__ import annotations

from operator_bank.metadata import metadata
from runtime.fencing import fencing_table
from settlement.accounts import accounts_table
from settlement.tables import journal_tables

ledger = journal_tables(metadata)
fencing_table(metadata)
accounts = accounts_table(metadata)
