"""What a hard wallet is told: few fixed commands in bounded sizes.

They go over `wallet.hard_wallet.channel`. Numbers are unsigned and big-endian, amounts fen.

    command   needs   body                              answer
    SELECT                                              certified, amount without PIN
    PIN_BEGIN         reader's share                    card's share
    PIN_PROVE         reader's proof                    card's proof
    WALLET            wallet's number, signature        1 if it is paired with this card, else 0
    PAIR      PIN     wallet's number, its key
    REQUEST           amount                            request, signature
    PAY               signature, number of answers,     payment; without PIN a small one
                      answers, request
    ACCEPT            payment                           amount, receipt
    RETURN_PAYMENT    payment that was not accepted     what gives it back
    TAKE_BACK         what gives its payment back       amount
    CONFIRM           receipt, payment that was taken
    TRUST             bundle
    WANTED    owner                                     certificates of devices of which the bundle
                                                        says too little
    STATEMENTS        what the root says of them
    NEWS              when a bundle was made, digest    the same of the card's own, which follows if
                      of its filter                     it is newer; the head alone for that filter
    BALANCE   owner                                     held, payable
    HOLDS     owner   key                               1 if it is one of the card's, else 0
    DEPOSIT   owner   0, a number, wallet's number,     that piece of the wallet's, signed over to
                      bank                              it, or nothing after the last
    DEPOSIT   owner   1 (deposited) and piece
    DEPOSIT   owner   2 (refused), ruling and piece     by the root's ruling alone it has ended
    LOAD_KEY  PIN     wallet's number, its keys without key that the wallet's next load is for
                      answer
    PROVE     PIN     key, wallet's number, bank        nonce and signature that ask to certify it
    CERTIFY   PIN     two certificates
    CHECK_LOAD  PIN   amount                            nothing; it refuses what LOAD would refuse
    LOAD      PIN     tokens, one after the other

PIN: in this session both sides have shown that they know it. Owner: that, or a wallet that is
paired with the card has signed the channel's binding; such a wallet sees and deposits what is its
own. The signature beside a request is of the request's key over the binding: who is paid is at the
other end of the channel, and nobody in between.

PAY for the same request gives the same payment. Until CONFIRM, so does PAY for another request of
the same payee and amount. Neither counts as paid without the PIN. The payee is the same if the key
in the request is, or if one of its answers is that to the earlier request.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum

from offline_token.deposit import MAX_DEPOSIT_BYTES
from offline_token.formats import (
    CERTIFICATE_BYTES,
    DIGEST_BYTES,
    ENDORSEMENT_BYTES,
    ID_BYTES,
    KEY_BYTES,
    MAX_REQUEST_BYTES,
    NAME_BYTES,
    SIGNATURE_BYTES,
    TOKEN_BYTES,
)
from offline_token.limits import MAX_BUNDLE_BYTES, MAX_CHAINS, MAX_PAYMENT_BYTES, MAX_STATEMENTS
from offline_token.possession import NONCE_BYTES
from offline_token.receipt import RECEIPT_BYTES
from offline_token.ruling import RULING_BYTES
from wallet.hard_wallet.channel import MessageError
from wallet.hard_wallet.pin import PROOF_BYTES, SHARE_BYTES
from wallet.limits import MAX_TAGS
from wallet.secure_element.interface import TAG_BYTES

VERSION = b"DCEP-CARD-6"
AMOUNT = struct.Struct(">Q")
SELECTED = struct.Struct(">?Q")
NEWS = struct.Struct(f">Q{DIGEST_BYTES}s")
BALANCES = struct.Struct(">QQ")
NUMBER = struct.Struct(">H")
NUMBER_BYTES = 16
"""Length of a wallet's number, in ASCII."""
MAX_LOADED = 100
"""Tokens in one LOAD."""
MAX_BUSY = 64
"""Keys in one LOAD_KEY."""

LISTED, DEPOSITED, REFUSED = 0, 1, 2
OK, NO = 0, 1

_REASON = struct.Struct(">H")
_MAX_WORDS = 1_000
_MAX_REQUEST = MAX_REQUEST_BYTES + SIGNATURE_BYTES + 1 + MAX_TAGS * TAG_BYTES
_MAX_BACK = 3 + ID_BYTES + MAX_CHAINS * ENDORSEMENT_BYTES
_MAX_PIECE = NONCE_BYTES + MAX_DEPOSIT_BYTES
_MAX_STATEMENTS = 2 * MAX_STATEMENTS * CERTIFICATE_BYTES


class CardCommand(IntEnum):
    """What a hard wallet does."""

    SELECT = 1
    BALANCE = 2
    REQUEST = 3
    PAY = 4
    PIN_BEGIN = 5
    PIN_PROVE = 6
    ACCEPT = 7
    CERTIFY = 8
    LOAD = 9
    DEPOSIT = 10
    CONFIRM = 11
    LOAD_KEY = 12
    HOLDS = 13
    RETURN_PAYMENT = 14
    TAKE_BACK = 15
    PROVE = 16
    TRUST = 17
    PAIR = 18
    WALLET = 19
    WANTED = 20
    STATEMENTS = 21
    NEWS = 22
    CHECK_LOAD = 23


WITH_PIN = frozenset(
    (
        CardCommand.PAIR,
        CardCommand.LOAD_KEY,
        CardCommand.PROVE,
        CardCommand.CERTIFY,
        CardCommand.CHECK_LOAD,
        CardCommand.LOAD,
    )
)
OWNERS = frozenset(
    (CardCommand.BALANCE, CardCommand.HOLDS, CardCommand.DEPOSIT, CardCommand.WANTED)
)

LARGEST: Mapping[int, int] = {
    CardCommand.SELECT: 0,
    CardCommand.BALANCE: 0,
    CardCommand.REQUEST: AMOUNT.size,
    CardCommand.PAY: _MAX_REQUEST,
    CardCommand.PIN_BEGIN: SHARE_BYTES,
    CardCommand.PIN_PROVE: PROOF_BYTES,
    CardCommand.ACCEPT: MAX_PAYMENT_BYTES,
    CardCommand.CERTIFY: 2 * CERTIFICATE_BYTES,
    CardCommand.CHECK_LOAD: AMOUNT.size,
    CardCommand.LOAD: MAX_LOADED * TOKEN_BYTES,
    CardCommand.DEPOSIT: 1 + RULING_BYTES + _MAX_PIECE,
    CardCommand.CONFIRM: RECEIPT_BYTES + MAX_PAYMENT_BYTES,
    CardCommand.LOAD_KEY: NUMBER_BYTES + MAX_BUSY * KEY_BYTES,
    CardCommand.PROVE: KEY_BYTES + NUMBER_BYTES + NAME_BYTES,
    CardCommand.HOLDS: KEY_BYTES,
    CardCommand.RETURN_PAYMENT: MAX_PAYMENT_BYTES,
    CardCommand.TAKE_BACK: _MAX_BACK,
    CardCommand.TRUST: MAX_BUNDLE_BYTES,
    CardCommand.WANTED: 0,
    CardCommand.STATEMENTS: _MAX_STATEMENTS,
    CardCommand.NEWS: NEWS.size,
    CardCommand.PAIR: NUMBER_BYTES + KEY_BYTES,
    CardCommand.WALLET: NUMBER_BYTES + SIGNATURE_BYTES,
}
"""The most bytes of each command's body."""
LARGEST_ANSWER = NEWS.size + MAX_BUNDLE_BYTES


def refusal(reason: int, words: str) -> bytes:
    """The body of a NO."""
    return _REASON.pack(reason) + words.encode()[:_MAX_WORDS]


def refused(body: bytes) -> tuple[int, str]:
    """Reason and words of a NO. Raises MessageError."""
    if len(body) < _REASON.size:
        raise MessageError("a refusal without a reason")
    return _REASON.unpack(body[: _REASON.size])[0], body[_REASON.size :].decode(errors="replace")
