"""Offline tokens and their chains of endorsements: pure functions over fixed bytes."""
