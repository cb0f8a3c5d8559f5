"""Checks what was signed, and by whom: every movement, act and key has its signature."""
