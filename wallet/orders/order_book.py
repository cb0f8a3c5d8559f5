"""The order book: every order is in it before it leaves the wallet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class OrderState(StrEnum):
    """What the wallet knows about an order."""

    UNKNOWN = "UNKNOWN"
    """Made, perhaps sent; nobody has said what came of it. It may be sent again unchanged."""
    DONE = "DONE"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class Order:
    """A signed order. (number, sequence) is its id everywhere.

    Attributes:
        content: SHA-256 of what is ordered, without sequence and times: equal for equal wishes.
        request_id: the id that a program asked with, or None for a person's command.
        answer: the bank's answer, serialised, when DONE.
        reason, message: why not, when REFUSED.
        heard: whether somebody has been told what came of it. Until then an equal wish of a person
            is this one.
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

    @property
    def payment_id(self) -> str:
        """What banks call it."""
        return f"{self.number}-{self.sequence}"


class Book(Protocol):
    """Keeps orders; what a method wrote is durable when it returns."""

    def begun(self, number: str) -> bool:
        """Whether this book knows where the wallet's sequences stand."""
        ...

    def begin(self, number: str, next_sequence: int) -> None:
        """Says where the wallet's sequences stand, unless the book knows."""
        ...

    def elsewhere_ms(self, number: str) -> int | None:
        """When the wallet was seen to be used from another place too; None: it was not."""
        ...

    def seen_elsewhere(self, number: str, time_ms: int) -> None:
        """Writes down that the wallet is used from another place too."""
        ...

    def resume(self, number: str, next_sequence: int) -> None:
        """The wallet is used from here again, from this sequence on, or behind all made here."""
        ...

    def sequences(self, number: str) -> set[int]:
        """Those of the orders made here, but for those that were another place's."""
        ...

    def add(
        self, number: str, request_id: str | None, make: Callable[[int], Order]
    ) -> tuple[Order, bool]:
        """Takes the next sequence and keeps the order made for it, in one transaction.

        `make` may run twice. Returns the order of that `request_id` and False when there is one.
        """
        ...

    def get(self, number: str, sequence: int) -> Order:
        """The order as it stands."""
        ...

    def find(self, number: str, request_id: str) -> Order | None:
        """The order that a program asked for with this id."""
        ...

    def unknown(self, number: str) -> list[Order]:
        """Orders of unknown outcome, oldest first."""
        ...

    def unheard(self, number: str, kind: str, content: bytes) -> list[Order]:
        """Equal orders of people whose outcome nobody was told, oldest first.

        A program repeats its own, by its id.
        """
        ...

    def finish(
        self,
        order: Order,
        state: OrderState,
        *,
        reason: int = 0,
        message: str = "",
        answer: bytes = b"",
        heard: bool = False,
    ) -> Order:
        """Writes down what came of an order, and whether it is told at once."""
        ...

    def hear(self, order: Order) -> None:
        """Writes down that somebody was told what came of an order."""
        ...


class Flights(Protocol):
    """Which orders are on their way right now, across the processes of one home."""

    def take(self, sequence: int) -> bool:
        """Marks it as on its way by us; False when it is on its way by another."""
        ...

    def release(self, sequence: int) -> None:
        """It is not on its way any more."""
        ...
