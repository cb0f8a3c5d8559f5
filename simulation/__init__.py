"""Simulates what cannot be waited for: the risk of offline money."""

import runtime  # noqa: F401  # before gRPC, see there
