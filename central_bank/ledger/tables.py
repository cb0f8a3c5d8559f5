"""The tables of the central bank's core."""

from __future__ import annotations

from central_bank.metadata import metadata
from settlement.tables import journal_tables

ledger = journal_tables(metadata)
