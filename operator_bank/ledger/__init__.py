"""The bank's account numbers, and what the settlement rule's answers mean."""
