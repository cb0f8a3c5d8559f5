"""Connections to the public port, of which one source has so many at most.

gRPC for Python accepts connections itself and says nothing of them, so they are found among the
process's own sockets, and those beyond a source's share are shut: gRPC sees their end and lets
them go. Nothing stands in the way of the bytes of the others.
"""

from __future__ import annotations

import os
import resource
import socket
import threading
import time
from collections import Counter
from contextlib import suppress

from operator_bank.edge.sources import source_of_address
from runtime.logs import logger

_LOOK_S = 0.5
_OPEN = "/proc/self/fd"


def allow_files() -> None:
    """Lets the process open as many files as the system lets it: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Connections:
    """Looks at the open connections, and shuts those that are too many."""

    def __init__(self, port: int, *, each: int) -> None:
        """Takes the port they come to, and how many one source may have."""
        self._port = port
        self._each = each
        self._known: dict[str, str] = {}
        self._log = logger("edge")

    def start(self) -> None:
        """Looks from now on, in a thread that ends with the process; where there is /proc."""
        if os.path.isdir(_OPEN):
            threading.Thread(target=self._run, name="connections", daemon=True).start()

    def look(self) -> int:
        """Looks once; how many were shut."""
        found = dict(_sockets())
        self._known = {name: source for name, source in self._known.items() if name in found}
        count = Counter(self._known.values())
        shut = 0
        for name, descriptor in found.items():
            if name in self._known:
                continue
            connection = _connection(descriptor, name)
            if connection is None:
                continue
            with connection:
                source = self._source(connection)
                if source and count[source] >= self._each:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
                        shut += 1
                    continue
            # What comes from elsewhere than to the port is remembered as nobody's.
            self._known[name] = source
            count[source] += 1
        return shut

    def _source(self, connection: socket.socket) -> str:
        """Where a connection to the port comes from; "" for any other socket."""
        try:
            if connection.getsockname()[1] != self._port:
                return ""
            return source_of_address(str(connection.getpeername()[0]))
        except (OSError, IndexError, TypeError):
            return ""  # a socket that listens, a pipe of our own, or one that has just ended

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            shut = self.look()
            if shut:
                self._log.warning("connections shut: too many of one source", count=shut)


def _sockets() -> list[tuple[str, int]]:
    """(name, descriptor) of the open sockets, the oldest first as far as numbers tell."""
    found = []
    for number in sorted(map(int, os.listdir(_OPEN))):
        with suppress(OSError):
            name = os.readlink(f"{_OPEN}/{number}")
            if name.startswith("socket:"):
                found.append((name, number))
    return found


def _connection(descriptor: int, name: str) -> socket.socket | None:
    """The socket of that name, held by a descriptor of our own; None when it is gone."""
    try:
        own = os.dup(descriptor)
    except OSError:
        return None
    # The number may have been given to another file meanwhile: what counts is what we hold.
    if os.readlink(f"{_OPEN}/{own}") != name:
        os.close(own)
        return None
    return socket.socket(fileno=own)
