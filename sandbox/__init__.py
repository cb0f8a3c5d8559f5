"""A whole stack on one machine: started and stopped, copied, shown in a demo, fed from files."""

import runtime  # noqa: F401  # before gRPC, see there
from runtime.compiled_code import keep_somewhere

keep_somewhere()  # before Numba
