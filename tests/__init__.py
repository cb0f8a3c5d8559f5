import runtime  # noqa: F401  # before gRPC, see there
