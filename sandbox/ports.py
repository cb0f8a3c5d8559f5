"""Free ports of this machine."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """``count`` different TCP ports that nobody listens on at 127.0.0.1 right now.

    They are bound together and released together, so that none is handed out twice in one call.
    Somebody else may still take one before it is used; a service that cannot bind says so and ends.
    """
    with ExitStack() as held:
        ports = []
        for _ in range(count):
            listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            listener.bind(("127.0.0.1", 0))
            ports.append(int(listener.getsockname()[1]))
        return ports
