"""Wallets: who holds them, opened, frozen, closed."""
