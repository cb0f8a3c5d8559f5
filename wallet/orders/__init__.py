"""Signed orders on their way: written down first, sent until they are answered."""
