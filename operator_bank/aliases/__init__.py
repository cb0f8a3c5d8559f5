"""Aliases: by which telephones and names this bank's wallets are found, and how others' are."""
