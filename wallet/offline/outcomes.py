"""Exceptions for payments from device to device that did not go through."""

from __future__ import annotations


class LinkError(Exception):
    """The other device was not reached or fell silent; repeating is safe."""


class NobodyListens(LinkError):
    """No device waits at the address; nothing was shown to anybody."""


class LinkRefused(Exception):
    """The payee's device refused what it was shown; the message says why."""


class PaymentReturned(Exception):
    """The payee's device did not take a payment, and gives it back; the message says why.

    Attributes:
        text: the signed return, as text.
        asked: the request that is shown no longer waits; if it still does, the payer may go on.
        told: the reason that the payer is told; "" if the reason is the payee's own business.
    """

    def __init__(self, text: str, why: str, *, asked: bool = True, told: str | None = None) -> None:
        super().__init__(why)
        self.text = text
        self.asked = asked
        self.told = why if told is None else told


class PaymentReturn(Exception):
    """The payee did not take a payment; this device has it again and can deposit it."""

    def __init__(self, amount_fen: int, why: str) -> None:
        super().__init__(why)
        self.amount_fen = amount_fen
