"""Wallets: opened, found, frozen, closed, and what they order."""
