"""A device as a payee: it verifies money before it takes it."""

from __future__ import annotations

from offline_token.channel import sign_channel
from offline_token.formats import FormatError, Request
from offline_token.verify import Reason
from wallet.secure_element import keys, taking
from wallet.secure_element.context import Context
from wallet.secure_element.interface import answer_of, question_of
from wallet.secure_element.refusals import bad, invalid
from wallet.secure_element.returning import return_payment
from wallet.secure_element.state import ElementState

CHALLENGE_BYTES = 16


class Payee:
    """Makes requests, and takes the payments for them or gives them back."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def request(self, amount_fen: int, *, anybodys: bool = False) -> bytes:
        """A new request to pay the newest certified key, with a fresh challenge.

        Args:
            amount_fen: what is asked for.
            anybodys: whoever asks has not shown that they are the holder; some room for requests
                is kept for the holder.

        Raises:
            Refusal: the device is not certified, its bundle is too old, the amount is over a limit,
            there is no room, or too many requests wait.
        """
        challenge = self._context.randomness.bytes(CHALLENGE_BYTES)

        def body(state: ElementState) -> bytes:
            trust = self._context.trusting.trust(state)
            signer_of = self._context.signer_of(state)
            return taking.ask(state, amount_fen, challenge, trust, signer_of, anybodys=anybodys)

        return self._context.change(body)

    def requests(self) -> list[bytes]:
        """The device's requests that wait for their payment, oldest first."""
        return [bytes.fromhex(request) for request in self._context.read().asked.values()]

    def awaits(self, request: bytes) -> bool:
        """Whether this is a request of the device that still waits for its payment."""
        return request.hex() in self._context.read().asked.values()

    def answers(self) -> dict[bytes, bytes]:
        """Maps each request's question to its answer, 8 bytes each.

        First come requests whose payment was taken, then those whose payment was given back, then
        those that wait.
        """
        state = self._context.read()
        known = map(bytes.fromhex, [*state.taken, *state.given, *state.asked])
        return {question_of(challenge): answer_of(challenge) for challenge in known}

    def vouch(self, request: bytes, binding: bytes) -> bytes:
        """Signs that the device that made a request is at this end of a channel.

        Args:
            request: one of the device's own.
            binding: names the channel, 32 bytes.

        Returns:
            The signature, 64 bytes.

        Raises:
            Refusal: the request cannot be read, or is not to a key of this device.
        """
        state = self._context.read()
        try:
            key = keys.own_key(state, Request.decode(request).certificate.key)
        except FormatError as error:
            raise invalid("request", str(error)) from None
        if key is None:
            raise bad(Reason.NOT_THE_OWNER)
        return sign_channel(self._context.keyring.signer(state, key), binding)

    def accept(self, payment: bytes) -> int:
        """Verifies a payment for one of the device's requests and keeps it.

        The same payment again gets the same answer and adds nothing.

        Returns:
            Its value in fen.

        Raises:
            Refusal: the payment is not good, or there is no room for it; nothing was taken.
        """

        def body(state: ElementState) -> int:
            signer_of, trust_in = self._context.signer_of(state), self._context.trusting.trust
            return taking.take(state, payment, trust_in, signer_of)

        return self._context.change(body)

    def has_taken(self, payment: bytes) -> bool:
        """Whether the device has taken this very payment."""
        return taking.receipt_of(self._context.read(), payment) is not None

    def receipt(self, payment: bytes) -> bytes:
        """The device's signature, 64 bytes, that it took a payment; Refusal if it did not."""
        receipt = taking.receipt_of(self._context.read(), payment)
        if receipt is None:
            raise bad(Reason.WRONG_CHALLENGE)
        return receipt

    def return_payment(self, payment: bytes) -> bytes:
        """Gives back a payment that the device does not take through no fault of its payer.

        The request is used up. The same payment again gets the same bytes.

        Returns:
            The encoded signed return.

        Raises:
            Refusal: the payment is to be accepted, or is not good for another reason.
        """

        def body(state: ElementState) -> bytes:
            signer_of, trust_in = self._context.signer_of(state), self._context.trusting.trust
            return return_payment(state, payment, trust_in, signer_of, self._context.randomness)

        return self._context.change(body)
