"""Merchant QR codes: what a payee's code says, made and read; no command, no bank, no money."""
