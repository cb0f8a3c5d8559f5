"""A card with money in it, and what it is held to."""
