"""The demo: a country's money in some minutes."""
