"""Finds free ports of this machine."""

from __future__ import annotations

import os
import re
import secrets
import socket
from contextlib import ExitStack, suppress

from language import _

RANGE = "DCEP_PORTS"
"""The environment variable that says which ports a new stack's services may have: 20000-20999."""

_FIRST, _LAST = 20_000, 32_767
"""Below the ports that systems give to outgoing connections (from 32,768 or 49,152 on), because one
of these could take a service's port while it is down."""
_TRIES = 1_000
"""How many more tries than ports; a port that is taken costs one."""


class PortsMisnamed(ValueError):
    """DCEP_PORTS is not a range of ports."""


def free_ports(count: int) -> list[int]:
    """``count`` different TCP ports that nobody listens on at 127.0.0.1 now.

    They are bound together and released together, so that one call does not give a port twice.
    Somebody else may still take one before it is used; a service that cannot bind says so and ends.

    Raises:
        OSError: not enough were found.
        PortsMisnamed: DCEP_PORTS is not a range of ports.
    """
    first, last = _range()
    with ExitStack() as held:
        ports: list[int] = []
        for _turn in range(count + _TRIES):
            if len(ports) == count:
                return ports
            listener = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            with suppress(OSError):
                listener.bind(("127.0.0.1", first + secrets.randbelow(last - first + 1)))
                ports.append(int(listener.getsockname()[1]))
        raise OSError(
            _("no {count} free ports from {first} to {last} at 127.0.0.1").format(
                count=count, first=first, last=last
            )
        )


def _range() -> tuple[int, int]:
    """The first and the last port that may be handed out."""
    asked = os.environ.get(RANGE)
    if not asked:
        return _FIRST, _LAST
    named = re.fullmatch(r"(\d{1,5})-(\d{1,5})", asked)
    if named:
        first, last = map(int, named.groups())
        if 1 <= first <= last <= 65_535:
            return first, last
    raise PortsMisnamed(
        _("{name} is {asked}, which is no range of ports: say it like 20000-20999").format(
            name=RANGE, asked=asked
        )
    )
