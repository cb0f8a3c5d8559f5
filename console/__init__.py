"""Lets officers work at their institutions: clients of the services, and commands to type."""

import runtime  # noqa: F401  # before gRPC, see there
