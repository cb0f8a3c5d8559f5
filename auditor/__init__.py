"""What the databases of a stack prove by themselves: the three equations, signatures, proofs."""

from runtime.compiled_code import keep_somewhere

keep_somewhere()  # before Numba
