"""One-show credentials as offline money, a prototype: who spends once stays unknown.

It is no part of the currency, nothing else imports it, and it is not hardened: its numbers are
Python's, whose running time tells something of them. docs/decisions/0028 says what it was for.
"""
