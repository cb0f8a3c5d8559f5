"""Tier 1: the central bank. It issues, it settles between banks, and never serves the public."""
