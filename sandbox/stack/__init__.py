"""A stack's processes: made, started, watched, stopped."""
