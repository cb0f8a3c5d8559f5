"""Measurements: how fast each part is, what the clock includes, and what it is compared with."""
