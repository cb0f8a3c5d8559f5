"""The bank's public port, in a process of its own."""
