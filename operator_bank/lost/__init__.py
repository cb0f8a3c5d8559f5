"""Payments that were lost with a newer copy of the database: learned from the feed, and settled."""
