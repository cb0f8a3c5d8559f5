"""Tier 2: an operating bank. It exchanges, keeps wallets, and knows its customers."""
