"""A small payments file of our own making."""
