"""Free ports of this machine."""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack, suppress

from language import _

_FIRST, _LAST = 20_000, 32_767
"""Below those that systems give to outgoing connections (from 32,768 or 49,152 on): one of these
would take a service's port while it is down."""
_TRIES = 1_000
"""More than ports are asked for; one that is taken costs a try."""


def free_ports(count: int) -> list[int]:
    """``count`` different TCP ports that nobody listens on at 127.0.0.1 right now.

    They are bound together and released together, so that none is handed out twice in one call.
    Somebody else may still take one before it is used; a service that cannot bind says so and ends.

    Raises:
        OSError: none were found.
    """
    with ExitStack() as held:
        ports: list[int] = []
        for _turn in range(count + _TRIES):
            if len(ports) == count:
                return ports
            listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            with suppress(OSError):
                listener.bind(("127.0.0.1", _FIRST + secrets.randbelow(_LAST - _FIRST)))
                ports.append(int(listener.getsockname()[1]))
        raise OSError(_("no {count} free ports at 127.0.0.1").format(count=count))
