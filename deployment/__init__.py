"""Where a stack's parts are, and what they are given before they start."""

import runtime  # noqa: F401  # before gRPC, see there
