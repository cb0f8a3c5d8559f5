"""The tables of a bank's core, and of who may write it."""

from __future__ import annotations

from operator_bank.metadata import metadata
from runtime.fencing import fencing_table
from settlement.tables import journal_tables

ledger = journal_tables(metadata)
fencing_table(metadata)
