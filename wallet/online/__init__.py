"""A wallet and its bank: the account, its history, and what arrives."""
