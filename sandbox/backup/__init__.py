"""Copies of parties' databases, keys and settings: made while they run, verified, put back."""
