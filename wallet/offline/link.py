"""A direct link between two devices: one TCP connection, one line each way and the last word.

    payee → request, payer → payment,
    payee → "OK <fen> <receipt>", "NO <why>" or "BACK <signed return> <why>"

A payer that has heard no OK for an earlier payment shows that one first, and hears a last word for
it. Whether an earlier payee is the one that it meets, under another key, it asks with a tag for
each of those requests: payer → "ASK <tag> …", payee → "KNOW <answer> …". Only the payee of a
request can answer, so nobody is shown what was paid to others. Before it pays, both say which trust
bundle they have, and the newer one is handed on: see `wallet.offline.newer_bundles`.
The link is trusted with nothing: what it carries proves itself.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, TypeVar

from language import _
from runtime.output import harmless, reason_of
from wallet.limits import LINK_TIMEOUT_S, MAX_SHOWN, MAX_TAGS, MAX_TEXT_CHARACTERS
from wallet.offline import newer_bundles
from wallet.offline.outcomes import LinkError, LinkRefused, NobodyListens, PaymentReturned

T = TypeVar("T")
_MAX_LINE = max(MAX_TEXT_CHARACTERS, newer_bundles.MAX_LINE) + 1
_ASK, _KNOW = "ASK", "KNOW"
_RECEIPT = re.compile(r"([0-9]{1,20}) ([0-9a-f]{128})", re.ASCII)


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:7000``. Raises ValueError."""
    host, _colon, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ValueError(f"{text!r} is not HOST:PORT; write it like 127.0.0.1:7000")
    return host, int(port)


@dataclass(frozen=True)
class Taken:
    """What a payee's device took.

    Attributes:
        repeated: it had taken this very payment before, and nothing came now.
        asked: the request that is shown is paid; otherwise the payer may go on.
        receipt: its signature that it has taken the payment.
    """

    amount_fen: int
    repeated: bool = False
    asked: bool = True
    receipt: bytes = field(default=b"", compare=False)


class Receipt(NamedTuple):
    """What a payee's device says that it took, with its signature, which is not verified yet."""

    amount_fen: int
    signature: bytes


class Payee:
    """The payee's device as its payer meets it. Its methods raise LinkError."""

    def __init__(self, connection: socket.socket, lines: BinaryIO) -> None:
        self._connection = connection
        self._lines = lines

    def show(self, payment: str) -> Receipt:
        """Shows a payment; returns what was taken. Raises LinkRefused or PaymentReturned."""
        _write(self._connection, payment)
        word, _space, rest = _read(self._lines).partition(" ")
        if word == "OK" and (said := _RECEIPT.fullmatch(rest)) is not None:
            return Receipt(int(said[1]), bytes.fromhex(said[2]))
        if word == "BACK":
            text, _space, why = rest.partition(" ")
            raise PaymentReturned(text, harmless(why) or _("the payee's device did not take it"))
        raise LinkRefused(harmless(rest) or _("the payee's device did not take it"))

    def say(self, line: str) -> str:
        """Says a line about trust bundles; the answer."""
        _write(self._connection, line)
        return _read(self._lines)

    def ask(self, questions: Collection[str]) -> set[str]:
        """What it answers to questions about requests; those of others it cannot answer."""
        _write(self._connection, " ".join([_ASK, *questions]))
        word, *answers = _read(self._lines).split(" ")
        return set(answers) if word == _KNOW else set()


def receive(
    address: tuple[str, int],
    request: str,
    accept: Callable[[str], Taken],
    *,
    on_listening: Callable[[str], None],
    on_met: Callable[[], None] = lambda: None,
    answers: Callable[[], dict[str, str]] = dict,
    about_bundles: Callable[[str], str | None] = lambda line: None,
    timeout_s: float = LINK_TIMEOUT_S,
) -> Taken:
    """The payee's side: shows `request` to the first device that comes, takes what it pays.

    Args:
        address: where to listen; port 0 picks one.
        accept: takes a payment's text; what it raises is told to the payer.
        on_listening: is told ``HOST:PORT``.
        on_met: is called before anything is shown.
        answers: gives what to answer to questions about its requests.
        about_bundles: the answer to a line about trust bundles; None for any other line.

    Raises:
        LinkError: nobody came, or the payer fell silent, and nothing was taken.
        PaymentReturned: what was asked for was not taken, and given back.
    """
    taken: Taken | None = None
    try:
        with socket.create_server(address) as server:
            server.settimeout(timeout_s)
            host, port = server.getsockname()[:2]
            on_listening(f"{host}:{port}")
            connection, _peer = server.accept()
            with connection, connection.makefile("rb") as lines:
                connection.settimeout(timeout_s)
                on_met()
                _write(connection, request)
                for _line in range(MAX_SHOWN):
                    line = _read(lines)
                    word, *asked = line.split(" ")
                    if word == _ASK:
                        known = answers()
                        found = [known[tag] for tag in asked[:MAX_TAGS] if tag in known]
                        _write(connection, " ".join([_KNOW, *found]))
                        continue
                    if (answer := about_bundles(line)) is not None:
                        _write(connection, answer)
                        continue
                    came = _accepted(connection, line, accept)
                    if came is None:
                        continue
                    taken = came
                    _write(connection, f"OK {taken.amount_fen} {taken.receipt.hex()}")
                    if taken.asked:
                        break
    except (OSError, LinkError) as error:
        if taken is not None:
            return taken
        raise LinkError(_("no payment came: {why}").format(why=reason_of(error))) from error
    if taken is None:
        raise LinkError(_("no payment came: the payer said too much else"))
    return taken


def send(
    address: tuple[str, int],
    talk: Callable[[str, Payee], T],
    *,
    timeout_s: float = LINK_TIMEOUT_S,
) -> T:
    """The payer's side: `talk` is given the request, shows payments, and says what came of it.

    Raises:
        LinkError: the outcome is unknown; the same payment may be shown again.
        NobodyListens: nothing was shown.
        LinkRefused: the payee's device did not take it.
        PaymentReturned: nor this; it gives it back.
    """
    try:
        with (
            socket.create_connection(address, timeout_s) as connection,
            connection.makefile("rb") as lines,
        ):
            return talk(_read(lines), Payee(connection, lines))
    except ConnectionRefusedError as error:
        host, port = address
        raise NobodyListens(
            _("no device waits at {host}:{port}; nothing was paid now").format(host=host, port=port)
        ) from error
    except OSError as error:
        raise LinkError(
            _("the other device did not answer: {error}").format(error=reason_of(error))
        ) from error


def _accepted(
    connection: socket.socket, payment: str, accept: Callable[[str], Taken]
) -> Taken | None:
    """What was taken of a payment; None for an earlier one that was given back."""
    try:
        return accept(payment)
    except PaymentReturned as back:
        _write(connection, " ".join(["BACK", back.text, *back.told.split()]))
        if back.asked:
            raise
        return None
    except Exception as no:
        with suppress(OSError):
            _write(connection, "NO " + " ".join(str(no).split()))
        raise


def _read(lines: BinaryIO) -> str:
    line = lines.readline(_MAX_LINE + 1)
    if not line.endswith(b"\n"):
        raise LinkError(_("the other device went away in the middle, or said too much"))
    return line[:-1].decode("utf-8", "replace")


def _write(connection: socket.socket, line: str) -> None:
    connection.sendall(line.encode() + b"\n")
