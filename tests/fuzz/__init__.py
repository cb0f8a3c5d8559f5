"""A fuzzer that knows the contract: every method, every field's edges, for every role."""
