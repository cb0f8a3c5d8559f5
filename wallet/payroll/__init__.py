"""Pays the rows of a file, each once: read and checked whole, confirmed once, paid in bulk."""
