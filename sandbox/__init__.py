"""Runs a whole stack on one machine: starts, stops and copies it, has a demo and a replay."""

import runtime  # noqa: F401  # before gRPC, see there
from runtime.compiled_code import keep_somewhere

keep_somewhere()  # before Numba
