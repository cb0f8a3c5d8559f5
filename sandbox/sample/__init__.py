"""A small file of made-up payments, and what makes it."""
