"""The directory of aliases: which bank has which label, and nothing of wallets or people."""
