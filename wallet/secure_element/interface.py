"""Defines what the wallet asks of a secure element; `wallet/secure_element` is one in software."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Limits:
    """The holder's own limits for one payment and for the total, in fen; 0 for no limit."""

    single_fen: int = 0
    total_fen: int = 0


@dataclass(frozen=True)
class Rules:
    """The central bank's limits for one payment and for the total, in fen.

    Attributes:
        hops: how often a piece may change hands.
    """

    single_fen: int
    total_fen: int
    hops: int


@dataclass(frozen=True)
class Made:
    """A payment that was given out as a text, so no payee confirms that it was taken.

    Attributes:
        code: that of the request it pays.
        bank: name of the payee's bank.
        payment: encoded.
        came_back: whether its payee has given it back.
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
    """Signed over to a bank. The bank's answer is not known yet, or it is to be signed anew."""
    RETURNED = "RETURNED"
    """Its payee did not take it. It can be deposited."""
    REFUSED = "REFUSED"
    """It has ended: the central bank's root has signed that nobody is paid for it."""
    EXPIRED = "EXPIRED"
    NOT_PAYABLE = "NOT_PAYABLE"
    """A payee would refuse it. It can be deposited, unless the bank refuses it too."""


@dataclass(frozen=True)
class ShownPiece:
    """A piece of money in the device.

    Attributes:
        hops: how often it has changed hands.
        reason: why it is not spendable; "" if it is, or if that is not known.
        hops_left: how often it can still change hands, the holder's own payment included.
    """

    value_fen: int
    hops: int
    expires_time_ms: int
    state: PieceState
    reason: str = ""
    hops_left: int = 0


TAG_BYTES = 8


def question_of(challenge: bytes) -> bytes:
    """The tag by which a payer asks whether a device is the payee of a request: 8 bytes.

    Only a device that knows the request's challenge can answer.
    """
    return hashlib.sha256(b"dcep-request/question:" + challenge).digest()[:TAG_BYTES]


def answer_of(challenge: bytes) -> bytes:
    """The answer to `question_of` the same challenge: 8 bytes."""
    return hashlib.sha256(b"dcep-request/answer:" + challenge).digest()[:TAG_BYTES]


class BundleNews(NamedTuple):
    """Which trust bundle a device has: when it was made, and the SHA-256 of its filter.

    Both are zeros for a device that has none.
    """

    created_time_ms: int
    filter_digest: bytes


class Keys(Protocol):
    """A device's keys.

    It has one for each load, so that only its bank can tell that two loads were to one device.
    """

    def holds(self, public: bytes) -> bool:
        """Whether this key is one of the device's own."""
        ...

    def certified(self) -> bool:
        """Whether a bank has certified a key of the device, for a while yet."""
        ...

    def load_key(self, wallet: str, busy: Collection[bytes]) -> bytes:
        """The public key, 32 bytes, for a wallet's next load: the same until tokens come for it.

        Args:
            wallet: the wallet's number.
            busy: keys of that wallet's loads that have no answer yet; they are neither given
                again nor forgotten.
        """
        ...

    def prove(self, public: bytes, bank: str, wallet: str) -> bytes:
        """Proves that the device has a key, so that a bank certifies it for a wallet.

        Args:
            public: the key.
            bank: name of the bank that is to certify it.
            wallet: number of the wallet at that bank that it is for.

        Returns:
            A nonce, 16 bytes, followed by the signature.
        """
        ...

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Keeps the certificate of one of the device's keys."""
        ...


class Trust(Protocol):
    """What a device knows of the central bank, of banks and of other devices."""

    def follow(self, bundle: bytes) -> None:
        """Keeps a trust bundle, if it is good and newer."""
        ...

    def wanted(self) -> list[bytes]:
        """Certificates of devices that the bundle says too little about, to ask the bank about."""
        ...

    def note(self, said: Sequence[bytes]) -> None:
        """Keeps the root's statements about such devices and their banks."""
        ...


class Loads(Protocol):
    """The money in a device, as far as a bank adds to it."""

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal if the device would not take a load of so much."""
        ...

    def load(self, tokens: Sequence[bytes]) -> None:
        """Takes fresh tokens; one that was taken before changes nothing."""
        ...


class Deposits(Protocol):
    """Signs pieces over to a bank, and ends them."""

    def begin(self, bank: str, wallet: str) -> list[bytes]:
        """Signs pieces over to a wallet of a bank, and never pays them again.

        A piece is listed at each call until it is known what came of it.

        Returns:
            For each piece a nonce, 16 bytes, followed by the encoded deposit.
        """
        ...

    def end(self, deposit: bytes) -> None:
        """Records that a deposit is in the wallet: the piece is gone."""
        ...

    def refuse(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """Records that a deposit was refused.

        Only a ruling of the root ends the piece; else it is signed over anew the next time.

        Args:
            deposit: as `begin` gave it.
            ruling: the root's ruling, or whatever the bank showed in its place.
            why: the bank's reason.
        """
        ...

    def note(self, deposit: bytes, why: str) -> None:
        """Keeps for the holder what a deposit waits for."""
        ...


class DeviceTrust(Trust, Protocol):
    """What the wallet's own device knows: it hands a newer bundle on to other devices."""

    def news(self) -> BundleNews:
        """Which trust bundle the device has."""
        ...

    def newer_than(self, news: BundleNews) -> bytes:
        """The device's own bundle, for another device that has an older one.

        Returns:
            The root's key, 32 bytes, then the bundle, or its head alone if both have the same
            filter; b"" unless the device's own is newer.
        """
        ...


class Holdings(Loads, Protocol):
    """The pieces of money in a device, and the limits that they are held to."""

    def balance_fen(self) -> int:
        """What the device holds and has not signed over; not all of it can be paid."""
        ...

    def payable_fen(self) -> int:
        """What of the balance a payee would take now."""
        ...

    def pieces(self) -> list[ShownPiece]:
        """All pieces in the device."""
        ...

    def limits(self) -> Limits:
        """The holder's own limits."""
        ...

    def set_limits(self, limits: Limits) -> None:
        """Sets the holder's limits; money that is already in the device stays."""
        ...

    def rules(self) -> Rules | None:
        """The central bank's limits; None before the first trust bundle."""
        ...


class DeviceDeposits(Deposits, Protocol):
    """Deposits of the wallet's own device."""

    def begin(self, bank: str, wallet: str, *, used_alone: bool = False) -> list[bytes]:
        """Signs pieces over, as `Deposits.begin` does.

        Args:
            bank: name of the wallet's bank.
            wallet: the wallet's number.
            used_alone: leave out fresh tokens that can be paid.
        """
        ...


class Payer(Protocol):
    """A device as a payer."""

    def pay(self, request: bytes, *, unconfirmed: bool = False) -> bytes:
        """Pays a request, and answers the same request with the same payment.

        Args:
            request: as another device made it.
            unconfirmed: list the payment in `unconfirmed` until `confirm`; else in `made`.
        """
        ...

    def has_paid(self, request: bytes) -> bool:
        """Whether the device has paid this very request, and the payment did not come back."""
        ...

    def made(self) -> list[Made]:
        """Payments that were given out as texts, oldest first, as far as they are remembered."""
        ...

    def unconfirmed(self) -> list[bytes]:
        """Payments that their payees have not confirmed, oldest first."""
        ...

    def confirm(self, payment: bytes, receipt: bytes) -> None:
        """Records that the payee took a payment. Raises Refusal if the receipt is not the
        payee's."""
        ...

    def take_back(self, back: bytes) -> int:
        """Takes back a payment that its payee gave back, for a deposit; returns its fen."""
        ...


class Payee(Protocol):
    """A device as a payee."""

    def request(self, amount_fen: int) -> bytes:
        """A new request for an amount, with a fresh challenge, encoded."""
        ...

    def requests(self) -> list[bytes]:
        """The device's requests that wait for their payment, oldest first."""
        ...

    def awaits(self, request: bytes) -> bool:
        """Whether this is a request of the device that still waits for its payment."""
        ...

    def answers(self) -> dict[bytes, bytes]:
        """Maps question to answer for each request that waits, was paid, or was given back.

        By the answers a payer that has heard no OK recognises its payee, whatever key that shows.
        """
        ...

    def vouch(self, request: bytes, binding: bytes) -> bytes:
        """Signs that the device that made a request is at this end of a channel.

        Args:
            request: one of the device's own.
            binding: names the channel, 32 bytes.

        Returns:
            The signature, 64 bytes.
        """
        ...

    def accept(self, payment: bytes) -> int:
        """Verifies a payment for one of the device's requests, keeps it, and returns its fen."""
        ...

    def has_taken(self, payment: bytes) -> bool:
        """Whether the device has taken this very payment."""
        ...

    def receipt(self, payment: bytes) -> bytes:
        """The device's signature, 64 bytes, that it took a payment; Refusal if it did not."""
        ...

    def return_payment(self, payment: bytes) -> bytes:
        """Gives back a payment that the device does not take through no fault of its payer.

        The request is used up. The same payment again gets the same bytes. Raises Refusal when
        the payment is to be accepted, or is not good for another reason.
        """
        ...


class Loadable(Protocol):
    """What a bank loads and takes deposits from: the wallet's device, or a card held to it.

    A change is durable when the method of a part returns. Methods raise `runtime.errors.Refusal`.
    """

    @property
    def keys(self) -> Keys:
        """Its keys."""
        ...

    @property
    def trust(self) -> Trust:
        """What it knows of the central bank and of banks."""
        ...

    @property
    def holdings(self) -> Loads:
        """The money in it."""
        ...

    @property
    def deposits(self) -> Deposits:
        """What it signs over to a bank."""
        ...


class Device(Protocol):
    """A device of a wallet: it keeps keys, and pieces of money that leave it only endorsed.

    It is a `Loadable` too.
    """

    @property
    def keys(self) -> Keys:
        """Its keys."""
        ...

    @property
    def trust(self) -> DeviceTrust:
        """What it knows of the central bank, of banks and of devices."""
        ...

    @property
    def holdings(self) -> Holdings:
        """The money in it, and its limits."""
        ...

    @property
    def deposits(self) -> DeviceDeposits:
        """What it signs over to a bank."""
        ...

    @property
    def payer(self) -> Payer:
        """What it pays."""
        ...

    @property
    def payee(self) -> Payee:
        """What it is paid."""
        ...
