"""What passes between a hard wallet and what it is held to: few fixed commands, bounded sizes.

A message is one byte (command, or status of the answer), four bytes of length, and a body; numbers
are unsigned and big-endian, amounts fen.

    command   body                                     answer
    SELECT    DCEP-CARD-3                              certified, PIN set, amount without PIN
    BALANCE                                            held, payable, what there is still room for
    REQUEST   amount                                   request
    PAY       request, answers                         payment; only up to the amount without PIN
    PAY_PIN   one byte length, PIN, request, answers   payment
    ACCEPT    payment                                  amount, receipt
    GIVE_BACK payment that was not accepted            what gives it back
    TAKE_BACK what gives its payment back              amount
    CERTIFY   1 and two certificates, or 2 and bundle
    LOAD_KEY  wallet's number, its keys without answer key that the wallet's next load is for
    PROVE     key, wallet's number, bank's name        nonce and signature that ask to certify it
    HOLDS     key                                      1 if it is one of the card's, else 0
    LOAD      tokens, one after the other
    DEPOSIT   0, a number, wallet's number, bank       that piece of the wallet's, signed over to
                                                       it, or nothing after the last
    DEPOSIT   1 (deposited) and piece
    DEPOSIT   2 (refused), ruling and piece        by the root's ruling alone it has ended
    CONFIRM   receipt, payment that was taken

A payment is kept until CONFIRM: PAY for the same payee and amount gives it again. The payee is the
same if the key in the request is, or if one of its answers is that to the earlier request.
"""

from __future__ import annotations

import socket
import struct
from enum import IntEnum

from offline_token.deposit import MAX_DEPOSIT_BYTES
from offline_token.formats import (
    CERTIFICATE_BYTES,
    ENDORSEMENT_BYTES,
    ID_BYTES,
    KEY_BYTES,
    NAME_BYTES,
    TOKEN_BYTES,
)
from offline_token.limits import MAX_BANKS, MAX_CHAINS, MAX_PAYMENT_BYTES, MAX_REVOKED
from offline_token.possession import NONCE_BYTES
from offline_token.receipt import RECEIPT_BYTES
from offline_token.ruling import RULING_BYTES
from wallet.device import TAG_BYTES
from wallet.limits import MAX_TAGS

VERSION = b"DCEP-CARD-3"
AMOUNT = struct.Struct(">Q")
SELECTED = struct.Struct(">??Q")
BALANCES = struct.Struct(">QQQ")
NUMBER = struct.Struct(">H")
NUMBER_BYTES = 16
"""Of a wallet's number, in ASCII."""
MAX_LOADED = 100
"""Tokens in one LOAD."""
MAX_BUSY = 64
"""Keys in one LOAD_KEY."""
ANY_AMOUNT = 2**64 - 1

CERTIFICATES, BUNDLE = 1, 2
LISTED, DEPOSITED, REFUSED = 0, 1, 2
OK, NO = 0, 1

_HEADER = struct.Struct(">BI")
_REASON = struct.Struct(">H")
_MAX_WORDS = 1_000
_MAX_REQUEST = 512 + MAX_TAGS * TAG_BYTES
_MAX_BACK = 3 + ID_BYTES + MAX_CHAINS * ENDORSEMENT_BYTES
_MAX_PIECE = NONCE_BYTES + MAX_DEPOSIT_BYTES
_MAX_BUNDLE = 256 + CERTIFICATE_BYTES * MAX_BANKS + 32 * MAX_REVOKED


class Command(IntEnum):
    """What a hard wallet does."""

    SELECT = 1
    BALANCE = 2
    REQUEST = 3
    PAY = 4
    PAY_PIN = 5
    ACCEPT = 6
    CERTIFY = 7
    LOAD = 8
    DEPOSIT = 9
    CONFIRM = 10
    LOAD_KEY = 11
    HOLDS = 12
    GIVE_BACK = 13
    TAKE_BACK = 14
    PROVE = 15


LARGEST = {
    Command.SELECT: len(VERSION),
    Command.BALANCE: 0,
    Command.REQUEST: AMOUNT.size,
    Command.PAY: _MAX_REQUEST,
    Command.PAY_PIN: _MAX_REQUEST,
    Command.ACCEPT: MAX_PAYMENT_BYTES,
    Command.CERTIFY: 1 + _MAX_BUNDLE,
    Command.LOAD: MAX_LOADED * TOKEN_BYTES,
    Command.DEPOSIT: 1 + RULING_BYTES + _MAX_PIECE,
    Command.CONFIRM: RECEIPT_BYTES + MAX_PAYMENT_BYTES,
    Command.LOAD_KEY: NUMBER_BYTES + MAX_BUSY * KEY_BYTES,
    Command.PROVE: KEY_BYTES + NUMBER_BYTES + NAME_BYTES,
    Command.HOLDS: KEY_BYTES,
    Command.GIVE_BACK: MAX_PAYMENT_BYTES,
    Command.TAKE_BACK: _MAX_BACK,
}
"""Bytes of each command's body at most."""
LARGEST_ANSWER = _MAX_PIECE


class MessageError(Exception):
    """This is no such message; the message says why."""


def send(connection: socket.socket, kind: int, body: bytes) -> None:
    """Sends one message."""
    connection.sendall(_HEADER.pack(kind, len(body)) + body)


def receive(connection: socket.socket, largest: dict[int, int]) -> tuple[int, bytes] | None:
    """One message's kind and body; None when the other side has gone.

    Args:
        largest: bytes of each kind's body at most; other kinds are refused.

    Raises:
        MessageError: unknown, too long, or cut short.
    """
    header = _exactly(connection, _HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise MessageError("cut short")
    kind, length = _HEADER.unpack(header)
    if kind not in largest:
        raise MessageError(f"{kind} is no command")
    if length > largest[kind]:
        raise MessageError(f"{length} bytes are too many, {largest[kind]} are allowed")
    body = _exactly(connection, length)
    if len(body) < length:
        raise MessageError("cut short")
    return kind, body


def refusal(reason: int, words: str) -> bytes:
    """The body of a NO."""
    return _REASON.pack(reason) + words.encode()[:_MAX_WORDS]


def refused(body: bytes) -> tuple[int, str]:
    """Reason and words of a NO. Raises MessageError."""
    if len(body) < _REASON.size:
        raise MessageError("a refusal without a reason")
    return _REASON.unpack(body[: _REASON.size])[0], body[_REASON.size :].decode(errors="replace")


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 65_536))
        if not part:
            break
        parts += part
    return bytes(parts)
