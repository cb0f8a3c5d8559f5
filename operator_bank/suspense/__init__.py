"""Money in suspense that does not go back by itself: written down, and paid out by officers."""
