"""Offline money at the central bank: tokens issued, deposits verified, double spends and losses."""
