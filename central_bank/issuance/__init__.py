"""Reserves, issuance and redemption."""
