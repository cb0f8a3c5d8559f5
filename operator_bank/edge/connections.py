"""Connections to the public port, of which one source has so many at most.

Those beyond a source's share are shut. Nothing stands in the way of the bytes of the others.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterable

from runtime.logs import logger
from runtime.open_sockets import can_be_seen, held, other_end, shut, sockets
from runtime.sources import source_of_address

_LOOK_S = 0.5


def fair_share(counts: Iterable[int], most: int) -> int:
    """How many each may have at most so that there are no more than `most` in all; 1 at least."""
    left = sorted(counts)
    for place, count in enumerate(left):
        share = most // (len(left) - place)
        if count > share:
            return max(1, share)
        most -= count
    return max(left, default=1)


class Connections:
    """Looks at the open connections, and shuts those that are too many: of a source the newest."""

    def __init__(self, port: int, *, each: int, crowded: int) -> None:
        """Takes the port they come to.

        Args:
            each: how many one source may have.
            crowded: where there are more in all, those with most have fewer, so that sources
                together, however many, leave room for the next one.
        """
        self._port = port
        self._each = each
        self._crowded = crowded
        self._known: dict[str, str] = {}
        self._log = logger("edge")

    def start(self) -> None:
        """Looks from now on, in a thread that ends with the process; where that can be done."""
        if can_be_seen():
            threading.Thread(target=self._run, name="connections", daemon=True).start()

    def look(self) -> int:
        """Looks once; how many were shut."""
        found = dict(sockets())
        self._take_in(found)
        of_source: dict[str, list[str]] = defaultdict(list)
        for name, source in self._known.items():
            if source:
                of_source[source].append(name)
        counts = [len(names) for names in of_source.values()]
        each = min(self._each, fair_share(counts, self._crowded))
        gone = [name for names in of_source.values() for name in names[each:]]
        return sum(shut(found[name], name) for name in gone)

    def _take_in(self, found: dict[str, int]) -> None:
        """Notes where each connection comes from, in the order in which they came."""
        self._known = {name: source for name, source in self._known.items() if name in found}
        for name, descriptor in found.items():
            if name in self._known:
                continue
            connection = held(descriptor, name)
            if connection is not None:
                with connection:
                    # What comes from elsewhere than to the port is remembered as nobody's.
                    self._known[name] = self._source(connection)

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
