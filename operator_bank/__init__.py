"""Tier 2: an operating bank, which exchanges currency, keeps wallets, and knows its customers."""

import runtime  # noqa: F401  # before gRPC, see there
from runtime.compiled_code import keep_somewhere

keep_somewhere()  # before Numba
