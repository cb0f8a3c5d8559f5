"""The sockets that connections to a port are, found among the process's own open files.

gRPC for Python accepts connections itself and says nothing of them. On Linux they can be seen, and
shut, beside it: gRPC sees their end and lets them go.
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
"""For databases, channels and logs: connections may not have the last file of a process."""


def can_be_seen() -> bool:
    """Whether this system shows a process its sockets."""
    return os.path.isdir(_OPEN)


def allow_files() -> int:
    """Lets the process open as many files as the system lets it; how many may be connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    unbounded = most == resource.RLIM_INFINITY
    return 1 << 20 if unbounded else max(most // 2, most - _FILES_KEPT)


def within_files(options: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """A server's options, with no more connections than the process may have files for."""
    most = allow_files()
    return [
        (name, min(value, most) if name == MOST_CONNECTIONS else value) for name, value in options
    ]


def sockets() -> list[tuple[str, int]]:
    """(name, descriptor) of the open sockets, the oldest first as far as numbers tell."""
    found = []
    for number in sorted(map(int, os.listdir(_OPEN))):
        with suppress(OSError):
            name = os.readlink(f"{_OPEN}/{number}")
            if name.startswith("socket:"):
                found.append((name, number))
    return found


def held(descriptor: int, name: str) -> socket.socket | None:
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


def shut(descriptor: int, name: str) -> bool:
    """Ends a connection, for both sides; False when it is gone."""
    connection = held(descriptor, name)
    if connection is None:
        return False
    with connection:
        return shut_held(connection)


def shut_held(connection: socket.socket) -> bool:
    """Ends a connection that is held; False when it has ended."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return False
    return True


def other_end(connection: socket.socket, port: int) -> tuple[str, int] | None:
    """Address and port of whoever connected to our port; None for any other socket."""
    try:
        if connection.getsockname()[1] != port:
            return None
        peer = connection.getpeername()
        return str(peer[0]), int(peer[1])
    except (OSError, IndexError, TypeError):
        return None  # a socket that listens, a pipe of our own, or one that has just ended
