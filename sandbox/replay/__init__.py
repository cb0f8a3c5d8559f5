"""Replays a file of payments through running banks."""
