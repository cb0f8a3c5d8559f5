"""Tier 1: the central bank, which issues, settles between banks, and never serves the public."""

import runtime  # noqa: F401  # before gRPC, see there
from runtime.compiled_code import keep_somewhere

keep_somewhere()  # before Numba
