"""What the model knows: wallets, orders, requests to pay, and banks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dcep.bank.v1 import orders_pb2

Identity = tuple[str, int]
"""A wallet's number, and the sequence of its order."""


class Wrong(AssertionError):
    """The system does or says what the model does not allow; the message says what."""


class Mandate(NamedTuple):
    """By what a sub-wallet's payee is paid when it asks: so much a request, and a month, in fen."""

    payee: str
    each_fen: int
    month_fen: int


@dataclass
class Wallet:
    """What a wallet holds, in fen; and what it may do.

    Attributes:
        swept_by: the order about sweeping that stands.
        parent: the number of the wallet that it belongs to; "" if it is no sub-wallet.
        cap_fen: the most that a sub-wallet may hold; 0 for others, which have their class's.
        single_fen: the most that it pays at once to others than its parent; 0 for others.
        closing: its parent has ordered to close it; its money goes home.
        closed: it has none left, and takes none.
        was_there: two officers have seen its holder at a counter, and did not withdraw it since;
            None if nobody can know.
        mandate: by which its payee is paid, if it is one.
        of_a_copy: its bank has come back from an older copy, and its holder has said nothing of the
            mandate since.
    """

    available_fen: int = 0
    held_fen: int = 0
    deposit_fen: int = 0
    frozen: bool = False
    swept_by: orders_pb2.SweepOrder | None = None
    parent: str = ""
    cap_fen: int = 0
    single_fen: int = 0
    closing: bool = False
    closed: bool = False
    was_there: bool | None = False
    mandate: Mandate | None = None
    of_a_copy: bool = False


@dataclass(frozen=True)
class Effect:
    """What an order does if it is taken.

    Attributes:
        changes: fen by wallet, (available, held, deposit).
        pending: it waits for another bank, or for tokens.
        device_key: of the device that it loads, if it is a load.
        parties: (payer, payee, fen), if it is a payment or a refund.
        refunds: id of the payment that it gives back.
        answers: id of the request to pay that it pays.
        sweeps: the order about sweeping that stands from then on, if it is one.
    """

    changes: Mapping[str, tuple[int, int, int]]
    pending: bool = False
    device_key: bytes = b""
    parties: tuple[str, str, int] | None = None
    refunds: str = ""
    answers: str = ""
    sweeps: orders_pb2.SweepOrder | None = None


@dataclass(frozen=True)
class Decision:
    """How an order was decided: a Reason if it was refused, else 0."""

    payload: bytes
    reason: int


@dataclass
class Request:
    """A request to pay whose payer is a wallet of the bank.

    Attributes:
        asked: as its asker signed it.
        over: it was declined or withdrawn.
        perhaps: a power cut came while it was being made or changed.
        allowed: the holder of the mandate that it asks may have said that it be paid.
    """

    asked: orders_pb2.RequestToPay
    over: bool = False
    perhaps: bool = False
    allowed: bool = False


@dataclass
class Bank:
    """What the model knows of one bank.

    Attributes:
        decided: orders that have their final answer, or wait for it.
        pending: (payer, payee, fen) of payments to other banks without an end, by payment id.
        received: fen of payments that its wallets got, by wallet and payment id.
        refunded: fen that they gave back or are giving back, likewise.
        not_refundable: refunds and returns that they got, likewise.
        loading: (wallet, fen) of loads without an end, by the device's key.
        deposits: SHA-256 of the pieces that it has sent to be deposited, by its number of them.
        in_suspense_fen: deposits that no wallet could take.
        place: how many entries of its feed it has applied.
        lost: (payee, fen, when it was ordered) of payments that the feed has told and the older
            copy did not know, by payment id.
        requests: that its wallets are asked to pay, by id.
        answered: requests and fen of the payments that pay them, by payment id; those that did not
            settle or came back are left out.
        family_orders: ids of the orders about sub-wallets that were carried out.
        last_try: the number of its last try to pay a request by a mandate.
        tries: numbers of those that have no end.
        to_try: requests that it has to try.
        by_mandate: what mandates have paid and nobody had to allow, as `answered`, with their
            numbers.
        was_put_back: its database was once put back to an older copy.
        came_back: it goes on from an older copy, so its feed tells of what it has lost.
    """

    wallets: dict[str, Wallet] = field(default_factory=dict)
    decided: dict[Identity, Decision] = field(default_factory=dict)
    pending: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    received: dict[tuple[str, str], int] = field(default_factory=dict)
    refunded: Counter[tuple[str, str]] = field(default_factory=Counter)
    not_refundable: set[tuple[str, str]] = field(default_factory=set)
    loading: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    deposits: dict[int, bytes] = field(default_factory=dict)
    in_suspense_fen: int = 0
    place: int = 0
    was_put_back: bool = False
    came_back: bool = False
    lost: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    answered: dict[str, tuple[str, int]] = field(default_factory=dict)
    family_orders: set[str] = field(default_factory=set)
    last_try: int = 0
    tries: set[int] = field(default_factory=set)
    to_try: list[str] = field(default_factory=list)
    by_mandate: dict[str, tuple[str, int]] = field(default_factory=dict)

    def decided_ids(self) -> set[str]:
        """The orders that were decided, as ids of payments."""
        return {f"{number}-{sequence}" for number, sequence in self.decided}
