"""Audits a stack from its databases alone: the three equations, signatures and proofs."""

from runtime.compiled_code import keep_somewhere

keep_somewhere()  # before Numba
