"""A direct link between two devices: one TCP connection, one line each way and the last word.

    payee → request, payer → payment, payee → "OK <fen>" or "NO <why>"

A payer that has heard no OK for an earlier payment shows that one first, and hears OK or NO for it.
The link is trusted with nothing: what it carries proves itself.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from wallet.limits import LINK_TIMEOUT_S, MAX_SHOWN, MAX_TEXT_CHARACTERS

T = TypeVar("T")
_MAX_LINE = MAX_TEXT_CHARACTERS + 1


class LinkError(Exception):
    """The other device was not reached or fell silent; repeating is safe."""


class LinkRefused(Exception):
    """The payee's device said no."""


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:7000``. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ValueError(f"{text!r} is not HOST:PORT; write it like 127.0.0.1:7000")
    return host, int(port)


@dataclass(frozen=True)
class Taken:
    """What a payee's device took.

    Attributes:
        repeated: it had taken this very payment before, and nothing came now.
        asked: the request that is shown is paid; otherwise the payer may go on.
    """

    amount_fen: int
    repeated: bool = False
    asked: bool = True


Show = Callable[[str], int]
"""Shows a payment to the payee; returns what it took, in fen. Raises LinkError or LinkRefused."""


def receive(
    address: tuple[str, int],
    request: str,
    accept: Callable[[str], Taken],
    *,
    on_listening: Callable[[str], None],
    on_met: Callable[[], None] = lambda: None,
    timeout_s: float = LINK_TIMEOUT_S,
) -> Taken:
    """The payee's side: shows `request` to the first device that comes, takes what it pays.

    Args:
        address: where to listen; port 0 picks one.
        accept: takes a payment's text; what it raises is told to the payer.
        on_listening: is told ``HOST:PORT``.
        on_met: is called before anything is shown.

    Raises:
        LinkError: nobody came, or the payer fell silent, and nothing was taken.
    """
    taken: Taken | None = None
    try:
        with socket.create_server(address) as server:
            server.settimeout(timeout_s)
            host, port = server.getsockname()[:2]
            on_listening(f"{host}:{port}")
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as lines:
                connection.settimeout(timeout_s)
                on_met()
                _write(connection, request)
                for _ in range(MAX_SHOWN):
                    payment = _read(lines)
                    taken = _accepted(connection, payment, accept)
                    _write(connection, f"OK {taken.amount_fen}")
                    if taken.asked:
                        break
    except (OSError, LinkError) as error:
        if taken is not None:
            return taken
        why = error.strerror if isinstance(error, OSError) else None
        raise LinkError(f"no payment came: {why or error}") from error
    assert taken is not None
    return taken


def send(
    address: tuple[str, int],
    talk: Callable[[str, Show], T],
    *,
    timeout_s: float = LINK_TIMEOUT_S,
) -> T:
    """The payer's side: `talk` is given the request, shows payments, and says what came of it.

    Raises:
        LinkError: the outcome is unknown; the same payment may be shown again.
        LinkRefused: the payee's device did not take it.
    """
    try:
        with (
            socket.create_connection(address, timeout_s) as connection,
            connection.makefile("rb") as lines,
        ):

            def show(payment: str) -> int:
                _write(connection, payment)
                word, _, rest = _read(lines).partition(" ")
                if word == "OK" and rest.isdigit():
                    return int(rest)
                raise LinkRefused(rest or "the payee's device did not take it")

            return talk(_read(lines), show)
    except OSError as error:
        raise LinkError(f"the other device did not answer: {error.strerror or error}") from error


def _accepted(connection: socket.socket, payment: str, accept: Callable[[str], Taken]) -> Taken:
    try:
        return accept(payment)
    except Exception as no:
        with suppress(OSError):
            _write(connection, "NO " + " ".join(str(no).split()))
        raise


def _read(lines: BinaryIO) -> str:
    line = lines.readline(_MAX_LINE + 1)
    if not line.endswith(b"\n"):
        raise LinkError("the other device went away in the middle, or said too much")
    return line[:-1].decode("utf-8", "replace")


def _write(connection: socket.socket, line: str) -> None:
    connection.sendall(line.encode() + b"\n")
