"""Replay of a file of payments through running banks."""
