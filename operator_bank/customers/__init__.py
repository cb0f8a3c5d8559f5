"""The bank's customers, and what they have shown of who they are; their wallets are elsewhere."""
