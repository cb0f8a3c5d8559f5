"""Connections to the public port, of which one source has so many at most.

Those beyond a source's share are shut. Nothing stands in the way of the bytes of the others.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter

from runtime.logs import logger
from runtime.open_sockets import can_be_seen, held, other_end, shut_held, sockets
from runtime.sources import source_of_address

_LOOK_S = 0.5


class Connections:
    """Looks at the open connections, and shuts those that are too many."""

    def __init__(self, port: int, *, each: int) -> None:
        """Takes the port they come to, and how many one source may have."""
        self._port = port
        self._each = each
        self._known: dict[str, str] = {}
        self._log = logger("edge")

    def start(self) -> None:
        """Looks from now on, in a thread that ends with the process; where that can be done."""
        if can_be_seen():
            threading.Thread(target=self._run, name="connections", daemon=True).start()

    def look(self) -> int:
        """Looks once; how many were shut."""
        found = dict(sockets())
        self._known = {name: source for name, source in self._known.items() if name in found}
        count = Counter(self._known.values())
        shut = 0
        for name, descriptor in found.items():
            if name in self._known:
                continue
            connection = held(descriptor, name)
            if connection is None:
                continue
            with connection:
                source = self._source(connection)
                if source and count[source] >= self._each:
                    shut += shut_held(connection)
                    continue
            # What comes from elsewhere than to the port is remembered as nobody's.
            self._known[name] = source
            count[source] += 1
        return shut

    def _source(self, connection: socket.socket) -> str:
        """Where a connection to the port comes from; "" for any other socket."""
        end = other_end(connection, self._port)
        return source_of_address(end[0]) if end is not None else ""

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            shut = self.look()
            if shut:
                self._log.warning("connections shut: too many of one source", count=shut)
