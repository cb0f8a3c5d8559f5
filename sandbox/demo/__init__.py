"""The demo: a country's money in a few minutes."""
