"""Signed orders: written down first, then sent until they are answered."""
