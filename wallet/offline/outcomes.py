"""How a payment from device to device can end other than well."""

from __future__ import annotations


class LinkError(Exception):
    """The other device was not reached or fell silent; repeating is safe."""


class NobodyListens(LinkError):
    """No device waits at the address; nothing was shown to anybody."""


class LinkRefused(Exception):
    """The payee's device said no."""


class PaymentReturned(Exception):
    """The payee's device did not take a payment, and gives it back; the message says why.

    Attributes:
        text: the signed return.
        asked: it was the payment that was asked for; otherwise the payer may go on.
        told: why, as the payer is told; "" where that is the payee's own business.
    """

    def __init__(self, text: str, why: str, *, asked: bool = True, told: str | None = None) -> None:
        super().__init__(why)
        self.text = text
        self.asked = asked
        self.told = why if told is None else told


class PaymentReturn(Exception):
    """The payee did not take what was paid, and this device has it again, for a deposit."""

    def __init__(self, amount_fen: int, why: str) -> None:
        super().__init__(why)
        self.amount_fen = amount_fen
