"""Simulates what double spends by broken devices cost, with the real token code."""
