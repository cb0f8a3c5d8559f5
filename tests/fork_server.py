"""A process that has read all our modules, and forks whenever one of them is to be run.

``python -m central_bank`` spends more than a second of a processor on reading its modules, and a
command most of one. Whoever runs hundreds of them has it read once, here. What is forked is a
process like any other: with an id, files, an environment, signals and an end of its own. What it
starts itself is forked too: services here, and a bank's edge from the bank as it was at its start,
with one thread.

Started by tests.forked, which says what may be run so. Linux only.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import functools
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
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from deployment import processes
from operator_bank.edge import child as edge_child
from settlement.builders import opening, records_of
from settlement.packing import pack, unpack
from settlement.state import State
from tests import forked
from tests.fork_client import request

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
    # Compiled functions are read from their cache when they are first called.
    opened = records_of([opening(1, ledger=1, time_ms=1)])
    unpack(pack(opened, *State.empty().apply(opened), [b"note"]))


def _fork(listener: socket.socket, children: dict[int, socket.socket]) -> dict[str, Any] | None:
    connection, __ = listener.accept()
    asked, descriptors = _receive(connection)
    if asked is None:  # who asked was killed in the middle of it
        connection.close()
        return None
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
    _put_in_place(descriptors)
    _call_itself([sys.executable, "-m", asked["module"], *asked["arguments"]])
    connection.sendall(f"{os.getpid()}\n".encode())
    connection.close()
    return asked


def _receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """What is asked for, and the files that it comes with; None if who asks has gone."""
    room = array.array("i").itemsize * _DESCRIPTORS
    said, ancillary, __, ___ = connection.recvmsg(_REQUEST_BYTES, socket.CMSG_SPACE(room))
    descriptors = array.array("i")
    for __, ___, data in ancillary:
        descriptors.frombytes(data[:room])
    while not said.endswith(b"\n"):
        more = connection.recv(_REQUEST_BYTES)
        if not more:
            for descriptor in descriptors:
                os.close(descriptor)
            return None, []
        said += more
    return json.loads(said), list(descriptors)


def _put_in_place(descriptors: Sequence[int]) -> None:
    """Makes these files its first: standard input, output and error."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)


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


def with_its_own(asked: dict[str, Any]) -> dict[str, Any]:
    """Forks once more for a bank, as long as it has one thread; returns what this process becomes.

    What is forked waits until the bank starts its edge, and becomes that: the bank's child, in its
    group, which ends with it.
    """
    if asked["module"] != "operator_bank":
        return asked
    ours, its = socket.socketpair()
    pid = os.fork()
    if pid:
        its.close()
        start = functools.partial(Edge, ours, pid)
        edge_child.subprocess = SimpleNamespace(Popen=start)  # type: ignore[attr-defined, assignment]
        return asked
    ours.close()
    heeded = (signal.SIGTERM, signal.SIGINT)
    for number in heeded:  # an edge that is not started yet gets no signal
        signal.signal(number, signal.SIG_IGN)
    wanted, descriptors = _receive(its)
    its.close()
    if wanted is None:
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _put_in_place(descriptors)
    _call_itself([sys.executable, "-m", wanted["module"], *wanted["arguments"]])
    return wanted


class Edge:
    """A bank's edge: as much of `subprocess.Popen` as a bank uses of it."""

    def __init__(
        self, connection: socket.socket, pid: int, argv: Sequence[str], *, stdin: int
    ) -> None:
        """Tells the process that waits for it what to become."""
        self.pid = pid
        self._status: int | None = None
        with connection:
            request(connection, argv[2:], os.environ, [stdin], forks="", new_session=False)

    def wait(self) -> int:
        """Waits for its end; returns its exit status. For one thread."""
        self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        return self._status

    def kill(self) -> None:
        """Ends it."""
        os.kill(self.pid, signal.SIGKILL)


def become(asked: dict[str, Any]) -> None:
    """Runs what was asked for, as the interpreter would have from its first line."""
    os.chdir(asked["folder"])
    os.umask(asked["umask"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    _open_standard_streams()
    sys.path[0] = asked["folder"]
    if asked["forks"]:
        forked.join(asked["forks"])
        processes.subprocess = forked.AS_SUBPROCESS  # type: ignore[attr-defined, assignment]
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
        become(with_its_own(_asked))
