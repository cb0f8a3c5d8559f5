"""Plumbing without one business word: settings, TLS, gRPC, errors, clock, logs, metrics.

gRPC for Python has no setting for the oldest TLS that it speaks, only one for the cipher suites of
TLS 1.2, which it reads once, when it is imported. So whatever imports gRPC imports this first, and
what is left of TLS 1.2 are suites for keys agreed in advance, of which there are none: whoever
offers nothing newer, client or server, finds nothing in common.
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
