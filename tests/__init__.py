"""Tests, by the package that they are of. Modules without `test_` are what they share."""

import runtime  # noqa: F401  # before gRPC, see there
