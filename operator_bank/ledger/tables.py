"""The tables of a bank's core."""

from __future__ import annotations

from operator_bank.metadata import metadata
from settlement.tables import journal_tables

ledger = journal_tables(metadata)
