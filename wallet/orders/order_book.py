"""Defines the order book: every order is in it before it leaves the wallet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

PLACES = 16
"""A signer of a wallet that has several has the sequences whose rest by this is its place."""


class OrderState(StrEnum):
    """What the wallet knows about an order."""

    UNKNOWN = "UNKNOWN"
    """Made and perhaps sent, but nobody has said what came of it. It may be sent again
    unchanged."""
    DONE = "DONE"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class KeptOrder:
    """A signed order. (number, sequence) is its id everywhere.

    Attributes:
        content: SHA-256 of what is ordered, without sequence and times: equal for equal orders.
        request_id: the id that a program asked with; None for a person's command.
        reason: a Reason, if it was refused.
        message: why it was refused, in the bank's words.
        answer: the bank's answer, serialised, if it is DONE.
        heard: whether somebody was told what came of it. Until then an equal command of a person
            means this order.
        run: the payroll run that it belongs to; None for any other order. No command means it
            again but the run's own.
    """

    number: str
    sequence: int
    kind: str
    content: bytes
    request_id: str | None
    payload: bytes
    signature: bytes
    created_time_ms: int
    expires_time_ms: int
    state: OrderState = OrderState.UNKNOWN
    reason: int = 0
    message: str = ""
    answer: bytes = b""
    heard: bool = False
    run: str | None = None

    @property
    def payment_id(self) -> str:
        """The order's id at banks."""
        return f"{self.number}-{self.sequence}"


class Book(Protocol):
    """Keeps orders; what a method wrote is durable when it returns."""

    def begun(self, number: str) -> bool:
        """Whether this book knows the wallet's next sequence."""
        ...

    def begin(self, number: str, next_sequence: int, place: int | None = None) -> None:
        """Sets the wallet's next sequence, unless the book knows one; `place` as in `follow`."""
        ...

    def follow(self, number: str, next_sequence: int, place: int | None) -> None:
        """Goes on from this sequence, or after all orders made here.

        Args:
            place: in the wallet's list of signers: this book's sequences are those whose rest by
                PLACES it is; None: all are.
        """
        ...

    def place(self, number: str) -> int | None:
        """Which of the wallet's signers orders from here, as `follow` was told; None for all."""
        ...

    def elsewhere_ms(self, number: str) -> int | None:
        """When it was noticed that the wallet is used from another place too; None if it was
        not.
        """
        ...

    def seen_elsewhere(self, number: str, time_ms: int) -> None:
        """Writes down that the wallet is used from another place too."""
        ...

    def resume(self, number: str, next_sequence: int, place: int | None = None) -> None:
        """Lets the wallet order from here again, and goes on as `follow` says."""
        ...

    def sequences(self, number: str) -> set[int]:
        """Sequences of the orders made here, except those that another place used."""
        ...

    def add(
        self, number: str, request_id: str | None, make: Callable[[int], KeptOrder]
    ) -> tuple[KeptOrder, bool]:
        """Takes the next sequence and keeps the order made for it, in one transaction.

        Returns:
            The order and True; if there is one with that `request_id`, that order and False. `make`
            may run twice.
        """
        ...

    def add_all(
        self, number: str, count: int, make: Callable[[Sequence[int]], list[KeptOrder]]
    ) -> list[KeptOrder]:
        """Takes the next `count` sequences and keeps the orders made for them, in one transaction.

        Args:
            make: gives the orders for these sequences. It may run twice.
        """
        ...

    def get(self, number: str, sequence: int) -> KeptOrder:
        """The order as it stands."""
        ...

    def find(self, number: str, request_id: str) -> KeptOrder | None:
        """The order that a program asked for with this id."""
        ...

    def unknown(self, number: str) -> list[KeptOrder]:
        """Orders of unknown outcome, oldest first."""
        ...

    def unheard(self, number: str, kind: str, content: bytes) -> list[KeptOrder]:
        """Equal orders of persons whose outcome nobody was told, oldest first.

        A program repeats its own order by its id and a payroll run its own, so those are not
        listed.
        """
        ...

    def finish(
        self,
        order: KeptOrder,
        state: OrderState,
        *,
        reason: int = 0,
        message: str = "",
        answer: bytes = b"",
        heard: bool = False,
    ) -> KeptOrder:
        """Writes down what came of an order, and whether it is told at once."""
        ...

    def finish_all(self, orders: Sequence[KeptOrder]) -> None:
        """Writes down what came of many orders, as they are given, in one transaction."""
        ...

    def hear(self, order: KeptOrder) -> None:
        """Writes down that somebody was told what came of an order."""
        ...


class Flights(Protocol):
    """Which orders are on their way now, across the processes of one home."""

    def take(self, sequence: int) -> bool:
        """Marks it as on its way by us; False when it is on its way by another."""
        ...

    def release(self, sequence: int) -> None:
        """It is not on its way any more."""
        ...
