"""The authentication centre: who is certified."""
