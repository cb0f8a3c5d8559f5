"""Plumbing that knows no business: settings, TLS, gRPC, errors, clock, logs, metrics.

gRPC for Python cannot be told to refuse TLS 1.2. It only lets one choose the cipher suites of
TLS 1.2, and reads that choice once, at import. So this package must be imported before gRPC: it
leaves only suites for pre-shared keys, which nobody here has, and a TLS 1.2 handshake fails.
"""

import os
import sys

# What peers do wrong is answered to them; gRPC's own lines about it would fill the log.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
_SETTING, _NO_SUITES = "GRPC_SSL_CIPHER_SUITES", "ECDHE-PSK-AES128-CBC-SHA"
_IN_TIME = "grpc" not in sys.modules or os.environ.get(_SETTING) == _NO_SUITES
os.environ[_SETTING] = _NO_SUITES


def require_tls13() -> None:
    """Raises RuntimeError where gRPC was imported too early to leave TLS 1.2 out."""
    if not _IN_TIME:
        raise RuntimeError("import runtime before grpc: TLS 1.2 would be spoken otherwise")
