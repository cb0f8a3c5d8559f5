"""Measures how fast each part is, and says what the clock includes and what it is compared with."""

import runtime  # noqa: F401  # before gRPC, see there
