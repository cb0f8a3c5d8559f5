"""Offline money at the centre: tokens issued, deposits verified, double spends and their losses."""
