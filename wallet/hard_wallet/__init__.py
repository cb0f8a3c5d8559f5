"""A card that holds money, and the reader's side of it."""
