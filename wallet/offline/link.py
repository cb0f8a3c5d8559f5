"""Pays over a direct link between two devices: one TCP connection that carries lines of text.

    payee → request
    payer → payment
    payee → "OK <fen> <receipt>", "NO <why>" or "BACK <signed return> <why>"

A payer that has heard no OK for an earlier payment to this payee shows that payment first, and gets
an answer to it. The payee may show another key by now, so the payer asks, with a tag for each
request that it paid: payer → "ASK <tag> …", payee → "KNOW <answer> …". Only the payee of a request
can answer its tag, so nobody is shown what was paid to others. Before a payment both sides say
which trust bundle they have, and the newer one is handed on; see `wallet.offline.newer_bundles`.

Nothing relies on the link itself: everything that it carries is signed or verified otherwise.

Why a payment is not taken is said only if it is about the payment: anything else, say a full disk,
is the payee's own business, and its payer hears the bare word.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

from dcep.errors.v1 import errors_pb2
from language import _
from runtime.errors import Refusal
from runtime.output import harmless, reason_of
from wallet.limits import LINK_TIMEOUT_S, MAX_SHOWN, MAX_TAGS, MAX_TEXT_CHARACTERS
from wallet.offline import newer_bundles
from wallet.offline.outcomes import LinkError, LinkRefused, NobodyListens, PaymentReturned

T = TypeVar("T")
_MAX_LINE = max(MAX_TEXT_CHARACTERS, newer_bundles.MAX_LINE) + 1
_ASK, _KNOW = "ASK", "KNOW"
_ABOUT_THE_PAYMENT = frozenset((errors_pb2.REASON_TOKEN_INVALID, errors_pb2.REASON_FIELD_INVALID))
_RECEIPT = re.compile(r"([0-9]{1,20}) ([0-9a-f]{128})", re.ASCII)


def parse_address(text: str) -> tuple[str, int]:
    """Parses an address such as ``127.0.0.1:7000`` into host and port. Raises ValueError."""
    host, _colon, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ValueError(f"{text!r} is not HOST:PORT; write it like 127.0.0.1:7000")
    return host, int(port)


@dataclass(frozen=True)
class Taken:
    """A payment that a payee's device took.

    Attributes:
        repeated: the device had taken this very payment before, and nothing was added now.
        asked: the request that is shown is paid; if not, the payer may go on.
        receipt: the device's signature that it took the payment, 64 bytes.
    """

    amount_fen: int
    repeated: bool = False
    asked: bool = True
    receipt: bytes = field(default=b"", compare=False)


class Receipt(NamedTuple):
    """What a payee's device says it took, with its signature, which is not verified yet."""

    amount_fen: int
    signature: bytes


class Payee:
    """The payee's device, as its payer meets it over a link. Its methods raise LinkError."""

    def __init__(self, connection: socket.socket, lines: BinaryIO) -> None:
        self._connection = connection
        self._lines = lines

    def show(self, payment: str) -> Receipt:
        """Shows a payment's text; returns what was taken. Raises LinkRefused or PaymentReturned."""
        _write(self._connection, payment)
        word, _space, rest = _read(self._lines).partition(" ")
        if word == "OK" and (said := _RECEIPT.fullmatch(rest)) is not None:
            return Receipt(int(said[1]), bytes.fromhex(said[2]))
        if word == "BACK":
            text, _space, why = rest.partition(" ")
            raise PaymentReturned(text, harmless(why) or _("the payee's device did not take it"))
        raise LinkRefused(harmless(rest) or _("the payee's device did not take it"))

    def say(self, line: str) -> str:
        """Says a line about trust bundles, and returns the answer."""
        _write(self._connection, line)
        return _read(self._lines)

    def ask(self, questions: Collection[str]) -> set[str]:
        """Asks which requests are the payee's; returns its answers. It can answer only its own.

        Args:
            questions: a tag for each request, hex.
        """
        _write(self._connection, " ".join([_ASK, *questions]))
        word, *answers = _read(self._lines).split(" ")
        return set(answers) if word == _KNOW else set()


class Asking(Protocol):
    """A payee's side of a link: a request, and what is done with what a payer says to it."""

    def show(self) -> str:
        """The request's text. It is shown to somebody now, and to nobody else later."""
        ...

    def answer(self, line: str) -> str | None:
        """The answer to a payer's question; None for a line that is none, so a payment."""
        ...

    def accept(self, payment: str) -> Taken:
        """Takes a payment's text; the payer is told what `told` makes of what it raises."""
        ...


def receive(
    address: tuple[str, int],
    payee: Asking,
    *,
    on_listening: Callable[[str], None],
    timeout_s: float = LINK_TIMEOUT_S,
) -> Taken:
    """The payee's side: shows its request to the first device that comes and takes what it pays.

    Args:
        address: where to listen; port 0 picks one.
        on_listening: is told ``HOST:PORT``.
        timeout_s: how long to wait for the payer, and for each of its lines.

    Returns:
        What was taken last.

    Raises:
        LinkError: nobody came, or the payer fell silent, and nothing was taken.
        PaymentReturned: the payment that was asked for was not taken, and was given back.
    """
    taken: Taken | None = None
    try:
        with _payer(address, on_listening, timeout_s) as (connection, lines):
            _write(connection, payee.show())
            for taken in _payments(connection, lines, payee):
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


def answer_to(line: str, answers: Callable[[], dict[str, str]]) -> str | None:
    """The answer to the question which requests are the payee's; None for any other line.

    Args:
        answers: gives question → answer, both hex, for the payee's requests.
    """
    word, *asked = line.split(" ")
    if word != _ASK:
        return None
    known = answers()
    return " ".join([_KNOW, *(known[tag] for tag in asked[:MAX_TAGS] if tag in known)])


def told(error: Exception) -> str:
    """What a payer is told of why its payment was not taken; "" if it is the payee's business."""
    if isinstance(error, Refusal) and error.reason in _ABOUT_THE_PAYMENT:
        return error.message
    return ""


@contextmanager
def _payer(
    address: tuple[str, int], on_listening: Callable[[str], None], timeout_s: float
) -> Iterator[tuple[socket.socket, BinaryIO]]:
    """The first device that comes: its connection, and what it says."""
    with socket.create_server(address) as server:
        server.settimeout(timeout_s)
        host, port = server.getsockname()[:2]
        on_listening(f"{host}:{port}")
        connection, _peer = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.settimeout(timeout_s)
            yield connection, lines


def _payments(connection: socket.socket, lines: BinaryIO, payee: Asking) -> Iterator[Taken]:
    """What was taken of the payer's first MAX_SHOWN lines; its questions are answered meanwhile."""
    for _line in range(MAX_SHOWN):
        line = _read(lines)
        if (answer := payee.answer(line)) is not None:
            _write(connection, answer)
        elif (came := _accepted(connection, line, payee)) is not None:
            yield came


def send(
    address: tuple[str, int],
    talk: Callable[[str, Payee], T],
    *,
    timeout_s: float = LINK_TIMEOUT_S,
) -> T:
    """The payer's side: connects, and returns what `talk` returns.

    Args:
        address: where the payee listens.
        talk: is given the request and the payee, and shows payments to it.
        timeout_s: how long to wait for the connection, and for each answer.

    Raises:
        LinkError: the outcome is unknown; the same payment may be shown again.
        NobodyListens: nothing was shown.
        LinkRefused: the payee's device did not take the payment.
        PaymentReturned: the payee's device did not take the payment and gives it back.
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


def _accepted(connection: socket.socket, payment: str, payee: Asking) -> Taken | None:
    """What the payee took, or None if it gave back an earlier payment; the payer is told that."""
    try:
        return payee.accept(payment)
    except PaymentReturned as back:
        _write(connection, " ".join(["BACK", back.text, *back.told.split()]))
        if back.asked:
            raise
        return None
    except Exception as no:
        with suppress(OSError):
            _write(connection, " ".join(["NO", *told(no).split()]))
        raise


def _read(lines: BinaryIO) -> str:
    line = lines.readline(_MAX_LINE + 1)
    if not line.endswith(b"\n"):
        raise LinkError(_("the other device went away in the middle, or said too much"))
    return line[:-1].decode("utf-8", "replace")


def _write(connection: socket.socket, line: str) -> None:
    connection.sendall(line.encode() + b"\n")
