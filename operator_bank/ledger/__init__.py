"""The bank's account numbers, and what the answers of the settlement rule mean."""
