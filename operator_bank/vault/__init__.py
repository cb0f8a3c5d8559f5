"""The bank's vault, and its books."""
