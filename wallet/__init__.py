"""A person's wallet: keys, orders, offline money, its service and its command line."""

import runtime  # noqa: F401  # before gRPC, see there
