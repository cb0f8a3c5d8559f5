"""The whole stack on one machine: certificates, ports, processes, the demo story, replay."""

import runtime  # noqa: F401  # before gRPC, see there
from runtime.compiled_code import keep_somewhere

keep_somewhere()  # before Numba
