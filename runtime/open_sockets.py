"""Finds the sockets of connections to a port among the process's own open files, and shuts them.

gRPC for Python accepts connections itself and tells nothing about them. On Linux a process can see
its own sockets and shut them; gRPC notices the end and lets them go.
"""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Sequence
from contextlib import suppress

from runtime.limits import MOST_CONNECTIONS

_OPEN = "/proc/self/fd"
_FILES_KEPT = 512
"""Files kept for databases, channels and logs: connections may not use up all of a process's."""


def can_be_seen() -> bool:
    """Whether this system shows a process its own sockets."""
    return os.path.isdir(_OPEN)


def allow_files() -> int:
    """Raises the process's limit of open files to the system's; returns how many may be sockets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    unbounded = most == resource.RLIM_INFINITY
    return 1 << 20 if unbounded else max(most // 2, most - _FILES_KEPT)


def within_files(options: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """A server's options, with no more connections than the process can open files for."""
    most = allow_files()
    return [
        (name, min(value, most) if name == MOST_CONNECTIONS else value) for name, value in options
    ]


def sockets() -> list[tuple[str, int]]:
    """(name, descriptor) of the open sockets, lowest descriptor first, so mostly oldest first."""
    found = []
    for number in sorted(map(int, os.listdir(_OPEN))):
        with suppress(OSError):
            name = os.readlink(f"{_OPEN}/{number}")
            if name.startswith("socket:"):
                found.append((name, number))
    return found


def held(descriptor: int, name: str) -> socket.socket | None:
    """The socket of that name, by a descriptor of our own; None when it is gone."""
    try:
        own = os.dup(descriptor)
    except OSError:
        return None
    # Another file may have got the number meanwhile, so look at what our own descriptor is.
    if os.readlink(f"{_OPEN}/{own}") != name:
        os.close(own)
        return None
    return socket.socket(fileno=own)


def shut(descriptor: int, name: str) -> bool:
    """Ends a connection for both sides; False when it has ended already."""
    connection = held(descriptor, name)
    if connection is None:
        return False
    with connection:
        return shut_held(connection)


def shut_held(connection: socket.socket) -> bool:
    """Ends a connection from `held` for both sides; False when it has ended already."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return False
    return True


def other_end(connection: socket.socket, port: int) -> tuple[str, int] | None:
    """Address and port of the peer that connected to our port; None for any other socket."""
    try:
        if connection.getsockname()[1] != port:
            return None
        peer = connection.getpeername()
        return str(peer[0]), int(peer[1])
    except (OSError, IndexError, TypeError):
        return None  # a socket that listens, a pipe of our own, or one that has just ended
