"""A device as a payer: it lets go of money before it pays."""

from __future__ import annotations

from collections.abc import Callable

from language import N_
from offline_token.formats import FormatError, Request
from offline_token.signing import verified
from wallet.secure_element import paying
from wallet.secure_element.context import Context
from wallet.secure_element.interface import Made
from wallet.secure_element.pieces import made
from wallet.secure_element.refusals import invalid
from wallet.secure_element.returning import take_back
from wallet.secure_element.state import ElementState


class Payer:
    """Pays requests of other devices, and remembers what it paid."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def pay(
        self,
        request: bytes,
        *,
        unconfirmed: bool = False,
        allow: Callable[[ElementState], None] = lambda state: None,
    ) -> bytes:
        """Pays a request, and answers the same request with the same payment.

        The pieces are gone from the element, durably, before the payment is given out. A request
        that was paid before changes nothing, and is not listed again once it is confirmed.

        Args:
            request: as another device made it.
            unconfirmed: list the payment in `unconfirmed` until `confirm`; else in `made`.
            allow: raises Refusal if a request that was not paid before may not be paid. What it
                writes into the state is kept together with the payment, or not at all.

        Returns:
            The encoded payment.

        Raises:
            Refusal: nothing was paid.
        """
        try:
            asked = Request.decode(request)
        except FormatError as error:
            raise invalid("request", str(error)) from None
        if not verified(asked.certificate.key, asked.signed_part(), asked.signature):
            raise invalid("request", N_("it is not signed by the device that it names"))

        def body(state: ElementState) -> bytes:
            signer_of, trust_in = self._context.signer_of(state), self._context.trusting.trust
            confirmed = paying.is_confirmed(state, asked)
            payment = paying.pay(state, asked, trust_in, signer_of, self._context.randomness, allow)
            if not confirmed:
                now_ms = self._context.trusting.now_ms(state)
                paying.note(state, asked, now_ms, unconfirmed=unconfirmed)
            return payment

        return self._context.change(body)

    def has_paid(self, request: bytes) -> bool:
        """Whether the device has paid this very request, and the payment did not come back."""
        try:
            asked = Request.decode(request)
        except FormatError:
            return False
        state = self._context.read()
        return asked.challenge.hex() in state.paid.keys() - state.back.keys()

    def made(self) -> list[Made]:
        """Payments that were given out as texts, oldest first, as far as they are remembered."""
        return made(self._context.read())

    def unconfirmed(self) -> list[bytes]:
        """Payments that their payees have not confirmed, oldest first."""
        return paying.unconfirmed(self._context.read())

    def confirm(self, payment: bytes, receipt: bytes) -> None:
        """Records that the payee has taken a payment, as its receipt proves.

        Args:
            payment: as `pay` gave it.
            receipt: the payee's signature, 64 bytes.

        Raises:
            Refusal: SIGNATURE_INVALID when the receipt is not the payee's; then it is still not
                known whether the payment was taken.
        """
        self._context.change(lambda state: paying.confirm(state, payment, receipt))

    def take_back(self, back: bytes) -> int:
        """Takes back a payment of the device that its payee gave back.

        The same return again adds nothing. What came back can only be deposited.

        Args:
            back: the encoded signed return.

        Returns:
            The payment's value in fen.

        Raises:
            Refusal: it is not the payee's return of a payment that the device remembers.
        """
        return self._context.change(lambda state: take_back(state, back))
