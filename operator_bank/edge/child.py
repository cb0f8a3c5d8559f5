"""Runs the edge as the bank's child process, which begins and ends with the bank."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runtime.limits import DRAIN_S
from runtime.own_modules import own
from runtime.processes import exists

_ENDS_WITHIN_S = DRAIN_S + 2.0
_PREFIX = "dcep-edge-"
_LONGEST_FOLDER = 64
"""In bytes: a Unix socket's path has at most 103 on every system, and ours adds 33 to the
folder's."""


def sockets_folder() -> Path:
    """The folder for sockets: that for temporary files, or /tmp if its name is too long."""
    found = tempfile.gettempdir()
    return Path(found if len(os.fsencode(found)) <= _LONGEST_FOLDER else "/tmp")


def remove_leftovers() -> None:
    """Removes this user's folders of edges whose bank was killed."""
    for folder in sockets_folder().glob(f"{_PREFIX}[0-9]*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(OSError):  # somebody else removes it too
            ours = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
            if pid.isdigit() and ours and not exists(int(pid)):
                shutil.rmtree(folder)


class EdgeProcess:
    """The edge's process, and a socket between it and the bank in a folder that nobody else can
    enter.

    The bank holds the other end of the edge's standard input: however the bank ends, the edge ends
    too.
    """

    def __init__(self, settings: Path | None, on_ended: Callable[[int], None]) -> None:
        """Starts the process.

        Args:
            settings: the bank's settings file, if it has one.
            on_ended: gets the process's exit status if it ends by itself.
        """
        self._on_ended = on_ended
        remove_leftovers()
        name = f"{_PREFIX}{os.getpid()}-"
        self._folder = tempfile.TemporaryDirectory(prefix=name, dir=sockets_folder())
        self.address = f"unix:{self._folder.name}/bank"
        its_own = ["--settings", str(settings)] if settings is not None else []
        its, ours = os.pipe()
        self._pipe = os.fdopen(ours, "wb", buffering=0)
        self._process = subprocess.Popen(
            [sys.executable, "-m", own("operator_bank.edge"), *its_own, "--bank", self.address],
            stdin=its,
        )
        os.close(its)
        self._stopping = False
        self._watch = threading.Thread(target=self._await_end, name="edge", daemon=True)
        self._watch.start()

    def open(self) -> None:
        """Says that the bank listens at `address`, so that the public port may open."""
        self._pipe.write(b"\n")

    def stop(self) -> None:
        """Lets the edge answer the calls that run, and waits for its end; kills it if that takes
        too long.
        """
        self._stopping = True
        self._pipe.close()
        self._watch.join(_ENDS_WITHIN_S)
        if self._process.poll() is None:
            self._process.kill()
            self._watch.join()
        self._folder.cleanup()

    def _await_end(self) -> None:
        status = self._process.wait()
        if not self._stopping:
            self._on_ended(status)
