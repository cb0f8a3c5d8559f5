"""Bounds how many connections to the public port one source has.

Connections beyond a source's share are shut. The bytes of all others pass untouched.
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
    """The most that each source may have so that there are at most `most` in all; never less than
    1.

    Args:
        counts: how many each source has now.
        most: the bound for all of them together.
    """
    left = sorted(counts)
    for place, count in enumerate(left):
        share = most // (len(left) - place)
        if count > share:
            return max(1, share)
        most -= count
    return max(left, default=1)


class SourceConnections:
    """Looks at the open connections and shuts those that are too many: the newest of each
    source.
    """

    def __init__(self, port: int, *, each: int, crowded: int) -> None:
        """Sets the bounds.

        Args:
            port: the port that the connections come to.
            each: how many one source may have.
            crowded: if there are more connections than this in all, the sources with the most may
                have fewer, so that however many sources there are, room is left for the next one.
        """
        self._port = port
        self._each = each
        self._crowded = crowded
        self._known: dict[str, str] = {}
        self._log = logger("edge")

    def start(self) -> None:
        """Looks from now on, in a daemon thread, on systems where connections can be seen."""
        if can_be_seen():
            threading.Thread(target=self._run, name="connections", daemon=True).start()

    def look(self) -> int:
        """Looks once; returns how many connections were shut."""
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
                    # A socket that is no connection to the port is remembered with no source.
                    self._known[name] = self._source(connection)

    def _source(self, connection: socket.socket) -> str:
        """The source of a connection to the port; "" for any other socket."""
        end = other_end(connection, self._port)
        return source_of_address(end[0]) if end is not None else ""

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_S)
            shut = self.look()
            if shut:
                self._log.warning("connections shut: too many of one source", count=shut)
