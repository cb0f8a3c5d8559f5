"""Officers at their institutions: clients of the services, and the commands that they type."""

import runtime  # noqa: F401  # before gRPC, see there
