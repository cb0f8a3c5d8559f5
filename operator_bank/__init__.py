"""Tier 2: an operating bank. It exchanges, keeps wallets, and knows its customers."""

import runtime  # noqa: F401  # before gRPC, see there
