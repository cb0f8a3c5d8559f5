"""Sub-wallets: wallets that belong to another one, whose limits count what they spend."""
