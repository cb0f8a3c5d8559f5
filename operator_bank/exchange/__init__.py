"""Deposit and cash ↔ digital currency, free of charge."""
