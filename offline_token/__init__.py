"""Offline tokens and their chains of endorsements, as pure functions over fixed bytes."""
