"""The signers of wallets that have several: their lists, and what they sign together."""
