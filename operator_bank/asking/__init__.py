"""Requests to pay: who asks whom for how much, and what has been paid on it."""
