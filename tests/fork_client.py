"""Asks the process that forks (tests.fork_server) to run a module.

It imports little, because it is also what a shell runs in place of Python: see `forked.python`.
"""

from __future__ import annotations

import array
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence

WIDTH = 1_000
"""Bytes kept for the command line of what is forked, as others see it."""


def ask(
    address: str,
    words: Sequence[str],
    environment: Mapping[str, str],
    files: Sequence[int],
    *,
    new_session: bool,
) -> socket.socket:
    """Has ``python -m WORDS`` forked, in this process's folder and with its umask.

    Returns:
        A socket that says the process's id, and its exit status once it has ended, a line each.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    request(connection, words, environment, files, forks=address, new_session=new_session)
    return connection


def request(
    connection: socket.socket,
    words: Sequence[str],
    environment: Mapping[str, str],
    files: Sequence[int],
    *,
    forks: str,
    new_session: bool,
) -> None:
    """Says what is to be run, and where it has its own services forked: "" for nowhere."""
    umask = os.umask(0o077)
    os.umask(umask)
    asked = {
        "module": words[0],
        "arguments": list(words[1:]),
        "environment": dict(environment),
        "folder": os.getcwd(),
        "umask": umask,
        "new_session": new_session,
        "forks": forks,
    }
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
    connection.sendmsg([b" "], rights)
    connection.sendall(json.dumps(asked).encode() + b"\n")


def main(address: str, executable: str) -> int:
    """Runs `-m MODULE WORDS` as Python does, forked; anything else by Python itself."""
    if sys.argv[1:2] != ["-m"]:
        os.execv(executable, [executable, *sys.argv[1:]])
    with ask(address, sys.argv[2:], os.environ, (0, 1, 2), new_session=False) as connection:
        said = connection.makefile("r")
        said.readline()  # its id
        status = int(said.readline())
    return status if status >= 0 else 128 - status
