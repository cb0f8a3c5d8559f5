"""Who the bank's customers are, and what they have shown of themselves; wallets are elsewhere."""
