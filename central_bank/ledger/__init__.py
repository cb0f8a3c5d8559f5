"""The accounts of the central bank's ledger."""
