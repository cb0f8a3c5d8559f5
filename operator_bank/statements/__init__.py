"""Statements: what moved in a wallet, as its holder reads it."""
