"""Connections to a port with mutual TLS: so many of each certificate's party, so many of nobody.

A connection belongs to nobody until a call on it has been let in. Nobody's are bounded by the
address they come from, in all and in time, and belong to a party afterwards, whose share they take.
Where there are too many the oldest go: whoever comes anew gets in, and needs its place of nobody's
for the moment of a handshake alone.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from runtime.limits import (
    CONNECTIONS_EACH,
    NOBODYS_CONNECTIONS,
    NOBODYS_CONNECTIONS_EACH,
    NOBODYS_CONNECTIONS_S,
    QUIET_CONNECTIONS_S,
)
from runtime.logs import logger
from runtime.open_sockets import can_be_seen, held, other_end, shut, sockets
from runtime.sources import end_of, end_of_peer, source_of_address

_LOOK_S = 0.5
_End = tuple[str, int]


@dataclass(frozen=True)
class Bounds:
    """What may be open.

    Attributes:
        each: connections of one party.
        nobodys: connections on which nobody has been let in, in all.
        nobodys_each: of them, from one address; of IPv6 the /64.
        nobodys_s: how long one may stay so.
        quiet_s: how long one may be open after a call on it was last let in.
    """

    each: int = CONNECTIONS_EACH
    nobodys: int = NOBODYS_CONNECTIONS
    nobodys_each: int = NOBODYS_CONNECTIONS_EACH
    nobodys_s: float = NOBODYS_CONNECTIONS_S
    quiet_s: float = QUIET_CONNECTIONS_S


@dataclass(frozen=True)
class _Connection:
    name: str
    descriptor: int
    end: _End
    since_s: float
    place: int


class Connections:
    """Looks at the open connections of a port, and shuts those that are too many or too quiet."""

    def __init__(
        self,
        port: int,
        bounds: Bounds | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the port they come to."""
        self._port = port
        self._bounds = bounds or Bounds()
        self._now_s = now_s
        # By name, in the order in which they came; None: no connection to the port.
        self._known: dict[str, _Connection | None] = {}
        self._places = count()
        # Written on the loop, by gRPC's name of the other end: whose it is, and since when.
        self._let_in: dict[str, tuple[str, float]] = {}
        self._stopped = threading.Event()
        self._log = logger("connections")

    def start(self) -> None:
        """Looks from now on, in a thread; where that can be done."""
        if can_be_seen():
            threading.Thread(target=self._run, name="connections", daemon=True).start()

    def stop(self) -> None:
        """Looks no more."""
        self._stopped.set()

    def let_in(self, peer: str, party: str) -> None:
        """A call of a party has been let in, or may go on, on the connection from `peer`."""
        self._let_in[peer] = party, self._now_s()

    def look(self) -> int:
        """Looks once; how many were shut."""
        now_s = self._now_s()
        let_in = self._let_in.copy()
        self._take_in(now_s)
        connections = [one for one in self._known.values() if one is not None]
        parties = {end_of_peer(peer): said for peer, said in let_in.items()}
        gone = list(self._beyond(connections, parties, now_s))
        self._forget(let_in, {one.end for one in connections}, now_s)
        return sum(shut(one.descriptor, one.name) for one in gone)

    def _take_in(self, now_s: float) -> None:
        found = dict(sockets())
        known: dict[str, _Connection | None] = {}
        for name, one in self._known.items():
            if name in found:
                known[name] = replace(one, descriptor=found[name]) if one is not None else None
        for name, descriptor in found.items():
            if name in known:
                continue
            connection = held(descriptor, name)
            if connection is not None:
                with connection:
                    end = other_end(connection, self._port)
                known[name] = None
                if end is not None:
                    place = next(self._places)
                    known[name] = _Connection(name, descriptor, end_of(*end), now_s, place)
        self._known = known

    def _beyond(
        self,
        connections: list[_Connection],
        parties: dict[_End, tuple[str, float]],
        now_s: float,
    ) -> Iterator[_Connection]:
        """Those that have to go, each once."""
        bounds = self._bounds
        of_party: dict[str, list[_Connection]] = defaultdict(list)
        of_nobody: dict[str, list[_Connection]] = defaultdict(list)
        for one in connections:
            party, last_s = parties.get(one.end, ("", one.since_s))
            if now_s - last_s > (bounds.quiet_s if party else bounds.nobodys_s):
                yield one
            elif party:
                of_party[party].append(one)
            else:
                of_nobody[source_of_address(one.end[0])].append(one)
        for open_ in of_party.values():
            yield from open_[: -bounds.each]
        kept: list[_Connection] = []
        for open_ in of_nobody.values():
            yield from open_[: -bounds.nobodys_each]
            kept += open_[-bounds.nobodys_each :]
        kept.sort(key=lambda one: one.place)
        yield from kept[: -bounds.nobodys]

    def _forget(self, let_in: dict[str, tuple[str, float]], open_: set[_End], now_s: float) -> None:
        """Forgets whose the connections were that have ended; one that is new is not seen yet."""
        for peer, (_, last_s) in let_in.items():
            if end_of_peer(peer) not in open_ and now_s - last_s > 4 * _LOOK_S:
                self._let_in.pop(peer, None)

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_S):
            many = self.look()
            if many:
                self._log.warning("connections shut: too many, or nobody's for long", count=many)
