"""The commands that start, stop, copy, replay and audit a stack."""
