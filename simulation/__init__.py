"""What cannot be waited for, simulated: the risk of offline money."""

import runtime  # noqa: F401  # before gRPC, see there
