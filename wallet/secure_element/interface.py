"""What the wallet asks of its secure element; `wallet/secure_element` is one in software."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Limits:
    """What the holder lets the device do, in fen; 0 for no limit."""

    single_fen: int = 0
    total_fen: int = 0


@dataclass(frozen=True)
class Rules:
    """The central bank's limits, in fen, and how often a piece may change hands."""

    single_fen: int
    total_fen: int
    hops: int


@dataclass(frozen=True)
class Made:
    """A payment that was made as a text. Nobody says whether its payee has taken it.

    Attributes:
        code: of the request that it pays.
        bank: of the payee's device.
        came_back: its payee has given it back.
    """

    code: str
    amount_fen: int
    bank: str
    time_ms: int
    payment: bytes
    came_back: bool


class PieceState(StrEnum):
    """What can be done with a piece of money."""

    SPENDABLE = "SPENDABLE"
    DEPOSITING = "DEPOSITING"
    """Signed over; whether the bank took it is not known yet, or it is to be signed anew."""
    RETURNED = "RETURNED"
    """Its payee did not take it; it can be deposited."""
    REFUSED = "REFUSED"
    """It has ended: the central bank's root has signed that nobody is paid for it."""
    EXPIRED = "EXPIRED"
    NOT_PAYABLE = "NOT_PAYABLE"
    """A payee would refuse it; it can be deposited, unless the bank refuses it too."""


@dataclass(frozen=True)
class Piece:
    """A piece of money in the device.

    Attributes:
        hops: how often it has changed hands.
        reason: why it is not spendable, or "".
        hops_left: how often it can be paid on: by its holder, then by whoever has it, and so on.
    """

    value_fen: int
    hops: int
    expires_time_ms: int
    state: PieceState
    reason: str = ""
    hops_left: int = 0


TAG_BYTES = 8


def question_of(challenge: bytes) -> bytes:
    """By what a payer asks for the payee of a request: who knows its challenge can answer."""
    return hashlib.sha256(b"dcep-request/question:" + challenge).digest()[:TAG_BYTES]


def answer_of(challenge: bytes) -> bytes:
    """What nobody else can answer."""
    return hashlib.sha256(b"dcep-request/answer:" + challenge).digest()[:TAG_BYTES]


class News(NamedTuple):
    """Which trust bundle a device has: when it was made, and the SHA-256 of its filter.

    Zeros of a device that has none.
    """

    created_time_ms: int
    filter_digest: bytes


class Loadable(Protocol):
    """What a bank loads and takes deposits from: the wallet's device, or a card held to it.

    It has a key for each load, so that nobody but its bank can tell that two loads were its.
    """

    def holds(self, public: bytes) -> bool:
        """Whether this key is one of its own."""
        ...

    def certified(self) -> bool:
        """Whether it has a key that a bank has certified, for now."""
        ...

    def load_key(self, wallet: str, busy: Collection[bytes]) -> bytes:
        """The key that a wallet's next load is for; the same until tokens have come for it.

        Args:
            wallet: the wallet's number.
            busy: keys in loads of that wallet which have no answer; they are neither given
                again nor forgotten.
        """
        ...

    def prove(self, public: bytes, bank: str, wallet: str) -> bytes:
        """Nonce, 16 bytes, and signature by which one of its keys asks to be certified.

        Args:
            public: the key.
            bank: name of the bank that is to certify it.
            wallet: number of the wallet there that it is for.
        """
        ...

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Keeps the certificate of one of its keys."""
        ...

    def trust(self, bundle: bytes) -> None:
        """Keeps a trust bundle, if it is good and newer."""
        ...

    def wanted(self) -> list[bytes]:
        """Certificates of devices of which its bundle says too little: what to ask the bank for."""
        ...

    def note_statements(self, said: Sequence[bytes]) -> None:
        """Keeps what the root says of them."""
        ...

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal when so much more would not be loaded."""
        ...

    def load(self, tokens: Sequence[bytes]) -> None:
        """Takes fresh tokens; ones that it has ever taken change nothing."""
        ...

    def begin_deposit(self, bank: str, wallet: str) -> list[bytes]:
        """Signs pieces over to a wallet of a bank; until their end is known they are listed again.

        Each is a nonce, 16 bytes, and a deposit. They are never paid any more.
        """
        ...

    def end_deposit(self, deposit: bytes) -> None:
        """It is in the wallet, and the piece gone."""
        ...

    def refuse_deposit(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """It was refused. The piece ends only if the root rules so; else it is signed over anew.

        Args:
            deposit: as `begin_deposit` gave it.
            ruling: the root's, or whatever the bank showed in its place.
            why: the bank's words.
        """
        ...

    def note_deposit(self, deposit: bytes, why: str) -> None:
        """Keeps for its holder what a deposit waits for."""
        ...


class Device(Loadable, Protocol):
    """Holds keys, and pieces of money that leave it only by an endorsement they sign.

    What a method changes is durable when it returns. Methods raise `runtime.errors.Refusal`.
    """

    def news(self) -> News:
        """Which trust bundle it has."""
        ...

    def newer_than(self, news: News) -> bytes:
        """Its own behind the root's key, or the head alone; b"" unless it is newer."""
        ...

    def limits(self) -> Limits:
        """The holder's own limits."""
        ...

    def set_limits(self, limits: Limits) -> None:
        """Sets them; money that is there already stays."""
        ...

    def rules(self) -> Rules | None:
        """The central bank's limits; None before the first trust bundle."""
        ...

    def begin_deposit(self, bank: str, wallet: str, *, used_alone: bool = False) -> list[bytes]:
        """As of any loadable.

        Args:
            bank: the wallet's bank.
            wallet: its number.
            used_alone: leave out fresh tokens that can be paid.
        """
        ...

    def balance_fen(self) -> int:
        """What it holds and has not set aside."""
        ...

    def payable_fen(self) -> int:
        """What of it a payee would take now."""
        ...

    def pieces(self) -> list[Piece]:
        """Everything in it."""
        ...

    def request(self, amount_fen: int) -> bytes:
        """A new request, with a fresh challenge."""
        ...

    def vouch(self, request: bytes, binding: bytes) -> bytes:
        """The signature, 64 bytes, that who made a request is at the other end of a channel.

        Args:
            request: one of its own.
            binding: names the channel, 32 bytes.
        """
        ...

    def requests(self) -> list[bytes]:
        """Its requests that wait for their payment, oldest first."""
        ...

    def made(self) -> list[Made]:
        """Payments that were made as texts, oldest first, as far as they are remembered."""
        ...

    def has_paid(self, request: bytes) -> bool:
        """Whether it has paid this very request."""
        ...

    def awaits(self, request: bytes) -> bool:
        """Whether one of its requests still waits for its payment."""
        ...

    def answers(self) -> dict[bytes, bytes]:
        """Question and answer of each of its requests that waits, or has been answered.

        A payer who has heard no OK knows its payee again by them, whatever key it shows.
        """
        ...

    def pay(self, request: bytes, *, unconfirmed: bool = False) -> bytes:
        """The payment for a request; for the same request always the same.

        Args:
            unconfirmed: list it until `confirm`.
        """
        ...

    def unconfirmed(self) -> list[bytes]:
        """Payments that their payees have not said to have taken, oldest first."""
        ...

    def confirm(self, payment: bytes, receipt: bytes) -> None:
        """Its payee has taken it, and signed that. Raises Refusal when it has not signed."""
        ...

    def receipt(self, payment: bytes) -> bytes:
        """The signature that it has accepted a payment, 64 bytes."""
        ...

    def has_taken(self, payment: bytes) -> bool:
        """Whether it has accepted this very payment."""
        ...

    def accept(self, payment: bytes) -> int:
        """Verifies a payment for one of its requests and keeps it; returns its value in fen."""
        ...

    def return_payment(self, payment: bytes) -> bytes:
        """What gives a payment back that was refused through no fault of its payer.

        The same again for the same payment. Its request is used up. Raises Refusal when the
        payment is to be accepted, or is not good for other reasons.
        """
        ...

    def take_back(self, signed: bytes) -> int:
        """Takes what it paid and was given back, for a deposit; returns its value in fen."""
        ...
