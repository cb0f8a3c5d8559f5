"""The authentication centre: which banks, keys and devices are trusted."""
