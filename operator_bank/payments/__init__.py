"""Payments within the bank and across banks."""
