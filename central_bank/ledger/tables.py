"""Tables of the central bank's core: its journal, which process may write it, and whose its
accounts are.

The owner of an account is a bank's id; its purpose is an `accounts.Purpose`.
"""

from __future__ import annotations

from central_bank.metadata import metadata
from runtime.fencing import fencing_table
from settlement.accounts import accounts_table
from settlement.tables import journal_tables

ledger = journal_tables(metadata)
fencing_table(metadata)
accounts = accounts_table(metadata)
