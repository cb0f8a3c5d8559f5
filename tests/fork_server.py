"""A process that has read all our modules, and forks whenever one of them is to be run.

``python -m central_bank`` spends more than a second of a processor on reading its modules, and a
command most of one. Whoever runs hundreds of them has it read once, here. What is forked is a
process like any other: with an id, files, an environment, signals and an end of its own.

Started by tests.forked, which says what may be run so. Linux only.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import time
from typing import Any

READ = ("central_bank", "operator_bank", "wallet", "console", "auditor", "sandbox")
"""What is run, and reads the rest."""

READ_LATE = (
    "alembic.command",
    "alembic.context",
    "alembic.op",
    "encodings.idna",
    "numpy.ma",
    "psycopg",
    "runtime.migration_env",
    "sqlalchemy.dialects.postgresql.psycopg",
    "typer._adapters",
)
"""What is read only when it is used."""

WIDTH = 1_000
"""Bytes kept for the command line of what is forked, as others see it."""

_REQUEST_BYTES = 1 << 20
_DESCRIPTORS = 3


def main() -> dict[str, Any] | None:
    """Forks until whoever started this is gone; in what is forked, returns what it has to be."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    read_all()
    gc.freeze()  # or collecting would touch, and so copy, all of it in each child
    alarms, wake = socket.socketpair()
    alarms.setblocking(False)
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for those who know what to do
    signal.set_wakeup_fd(wake.fileno())
    children: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for readable in (listener, alarms, sys.stdin):
            selector.register(readable, selectors.EVENT_READ)
        while True:
            for key, __ in selector.select():
                if key.fileobj is listener:
                    asked = _fork(listener, children)
                    if asked is not None:
                        for mine in (listener, alarms, wake, *children.values()):
                            mine.close()
                        return asked
                elif key.fileobj is alarms:
                    alarms.recv(4096)
                    _bury(children)
                else:
                    for pid in children:
                        os.kill(pid, signal.SIGTERM)
                    return None


def read_all() -> None:
    """Reads every module that a service or a command may come to need."""
    for package in map(importlib.import_module, READ):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    for name in READ_LATE:
        importlib.import_module(name)


def _fork(listener: socket.socket, children: dict[int, socket.socket]) -> dict[str, Any] | None:
    connection, __ = listener.accept()
    asked, descriptors = _receive(connection)
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        children[pid] = connection
        return None
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked["new_session"]:
        os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    _call_itself([sys.executable, "-m", asked["module"], *asked["arguments"]])
    connection.sendall(f"{os.getpid()}\n".encode())
    connection.close()
    return asked


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What is asked for, and the three files that it comes with."""
    room = array.array("i").itemsize * _DESCRIPTORS
    said, ancillary, __, ___ = connection.recvmsg(_REQUEST_BYTES, socket.CMSG_SPACE(room))
    while not said.endswith(b"\n"):
        said += connection.recv(_REQUEST_BYTES)
    descriptors = array.array("i")
    for __, ___, data in ancillary:
        descriptors.frombytes(data[:room])
    return json.loads(said), list(descriptors)


def _bury(children: dict[int, socket.socket]) -> None:
    """Tells of those that have ended how they did."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with children.pop(pid) as connection, contextlib.suppress(BrokenPipeError):
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _call_itself(argv: list[str]) -> None:
    """Has others see this command line: `Running.find` knows a service by it."""
    fields = open("/proc/self/stat").read().rpartition(")")[2].split()  # noqa: SIM115
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, proc(5)
    room = end - start
    first, *words = argv
    rest = b"".join(word.encode() + b"\0" for word in words)
    # Last in its place: whoever looks compares the end, which the place's own length would hide.
    line = first.encode().ljust(room - len(rest) - 1) + b"\0" + rest
    if len(line) > room:  # a command's, which nobody looks for
        line = line[: room - 1] + b"\0"
    ctypes.memmove(start, line, len(line))


def become(asked: dict[str, Any]) -> None:
    """Runs what was asked for, as the interpreter would have from its first line."""
    os.chdir(asked["folder"])
    os.umask(asked["umask"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    _open_standard_streams()
    sys.path[0] = asked["folder"]
    module = asked["module"]
    sys.argv = [module, *asked["arguments"]]
    # Run as the main module it is read anew, as always.
    sys.modules.pop(module, None)
    sys.modules.pop(f"{module}.__main__", None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _open_standard_streams() -> None:
    """As Python does, on the files that are there now."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        raw = io.FileIO(number, "rb" if number == 0 else "wb", closefd=False)
        stream = io.TextIOWrapper(
            io.BufferedReader(raw) if number == 0 else io.BufferedWriter(raw),
            encoding=before.encoding,
            errors=before.errors,
            newline=None if number == 0 else "\n",
            line_buffering=raw.isatty() or name == "stderr",
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


if __name__ == "__main__":
    _asked = main()
    if _asked is not None:
        become(_asked)
