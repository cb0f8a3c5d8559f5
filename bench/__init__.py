"""Measurements: how fast each part is, what the clock includes, and what it is compared with."""

import runtime  # noqa: F401  # before gRPC, see there
