"""A direct link between two devices: one TCP connection, one line each way and the last word.

    payee → request, payer → payment, payee → "OK <fen>" or "NO <why>"

The link is trusted with nothing: what it carries proves itself.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import BinaryIO

from wallet.limits import LINK_TIMEOUT_S, MAX_TEXT_CHARACTERS

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


def receive(
    address: tuple[str, int],
    request: str,
    accept: Callable[[str], int],
    *,
    on_listening: Callable[[str], None],
    timeout_s: float = LINK_TIMEOUT_S,
) -> int:
    """The payee's side: shows `request` to the first device that comes, takes what it pays.

    Args:
        address: where to listen; port 0 picks one.
        accept: takes a payment's text and returns fen; what it raises is told to the payer.
        on_listening: is told ``HOST:PORT``.

    Raises:
        LinkError: nobody came, or the payer fell silent.
    """
    try:
        with socket.create_server(address) as server:
            server.settimeout(timeout_s)
            host, port = server.getsockname()[:2]
            on_listening(f"{host}:{port}")
            connection, _ = server.accept()
            with connection:
                connection.settimeout(timeout_s)
                _write(connection, request)
                with connection.makefile("rb") as lines:
                    payment = _read(lines)
                return _answer(connection, payment, accept)
    except OSError as error:
        raise LinkError(f"no payment came: {error.strerror or error}") from error


def send(
    address: tuple[str, int],
    pay: Callable[[str], str],
    *,
    timeout_s: float = LINK_TIMEOUT_S,
) -> int:
    """The payer's side: reads the request, sends `pay(request)`; returns what was taken, in fen.

    Raises:
        LinkError: the outcome is unknown; the same request gets the same payment.
        LinkRefused: the payee's device did not take it.
    """
    try:
        with (
            socket.create_connection(address, timeout_s) as connection,
            connection.makefile("rb") as lines,
        ):
            _write(connection, pay(_read(lines)))
            word, _, rest = _read(lines).partition(" ")
    except OSError as error:
        raise LinkError(f"the other device did not answer: {error.strerror or error}") from error
    if word == "OK" and rest.isdigit():
        return int(rest)
    raise LinkRefused(rest or "the payee's device did not take it")


def _answer(connection: socket.socket, payment: str, accept: Callable[[str], int]) -> int:
    try:
        amount_fen = accept(payment)
    except Exception as no:
        _write(connection, "NO " + " ".join(str(no).split()))
        raise
    _write(connection, f"OK {amount_fen}")
    return amount_fen


def _read(lines: BinaryIO) -> str:
    line = lines.readline(_MAX_LINE + 1)
    if not line.endswith(b"\n"):
        raise LinkError("the other device went away in the middle, or said too much")
    return line[:-1].decode("utf-8", "replace")


def _write(connection: socket.socket, line: str) -> None:
    connection.sendall(line.encode() + b"\n")
