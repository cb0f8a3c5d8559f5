"""Callers from other addresses of this machine: a relay that speaks to a port from one of them."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Relay:
    """Passes bytes on between whoever connects here and a port, from an address like 127.0.0.2."""

    def __init__(self, source: str, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._source, self._target = source, (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._reads = threading.Event()
        self._reads.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop_reading(self) -> None:
        """Leaves unread what comes from the port from now on."""
        self._reads.clear()

    def go_on(self) -> None:
        """Reads again."""
        self._reads.set()

    def close(self) -> None:
        """Takes no new connections."""
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listening.accept()
                there = socket.create_connection(
                    self._target, timeout=10, source_address=(self._source, 0)
                )
            except OSError:
                return
            there.settimeout(None)
            always = threading.Event()
            always.set()
            for one, other, when in ((here, there, always), (there, here, self._reads)):
                threading.Thread(target=_pass_on, args=(one, other, when), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket, when: threading.Event) -> None:
    with suppress(OSError):
        while when.wait() and (data := one.recv(65_536)):
            other.sendall(data)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
