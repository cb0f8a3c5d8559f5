"""Money in the suspense account that nobody sends back: written down, and paid out by officers."""
