"""Which accounts the central bank's ledger has."""
