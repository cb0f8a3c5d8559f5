"""A prototype of one-show credentials as offline money: an owner who spends once stays unknown.

It is no part of the currency, and nothing else imports it. It is not hardened: it computes with
Python's numbers, whose running time depends on their values. docs/decisions/0028 says what it was
for.
"""
