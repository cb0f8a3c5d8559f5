"""Payments that several people sign: prepared, shown to the others, released, withdrawn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.errors.v1 import errors_pb2
from language import N_
from runtime.checks import amount, text
from runtime.envelope import sign_payload
from runtime.errors import Refusal
from wallet.limits import MAX_MEMO, OPENING_VALID_MS
from wallet.online.account import check_number
from wallet.online.keys import KeyHere
from wallet.orders.submitter import OrderSubmitter, Placed
from wallet.orders.types import PREPARED
from wallet.peers.interface import LIST_PENDING

ID_DIGITS = 8
"""Of the SHA-256 of an order, by which people name it."""


@dataclass(frozen=True)
class Waiting:
    """Something that waits for signatures, as its own bytes say it.

    Attributes:
        payload: what is signed.
        payment: the payment; None for a list of signers.
        signers: the list; None for a payment.
        place: of who has prepared it.
        signed: the places of all who have signed it, as the bank says.
    """

    payload: bytes
    payment: orders_pb2.PaymentOrder | None
    signers: signers_pb2.SignersOrder | None
    place: int
    signed: Sequence[int]

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is signed."""
        return hashlib.sha256(self.payload).digest()

    @property
    def name(self) -> str:
        """By what people name it."""
        return self.digest.hex()[:ID_DIGITS]

    @property
    def wallet_number(self) -> str:
        """Whose order it is."""
        return (self.payment or self.signers).wallet_number  # type: ignore[union-attr]

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing in it but what people are shown."""
        pay, listed = self.payment, self.signers
        if listed is not None:
            return not listed.gives_up_recovery
        return pay is not None and not (pay.request_to_pay_id or pay.top_up_fen)

    @property
    def expires_time_ms(self) -> int:
        """Until when it can be released."""
        return (self.payment or self.signers).expires_time_ms  # type: ignore[union-attr]


class Together:
    """The use-cases about what several people sign."""

    def __init__(self, here: KeyHere, submitter: OrderSubmitter) -> None:
        self._here = here
        self._submitter = submitter

    def prepare(
        self, payee_number: str, amount_fen: int, memo: str = "", *, anew: bool = False
    ) -> Placed[signers_pb2.SignResponse]:
        """Puts a payment before those who may release it; `anew` as in `OrderSubmitter.place`."""
        check_number(payee_number, "payee_number")
        amount(amount_fen)
        text(memo, "memo", longest=MAX_MEMO, shortest=0)
        return self._submitter.place(
            PREPARED, anew=anew, payee_number=payee_number, amount_fen=amount_fen, memo=memo
        )

    def waiting(self) -> list[Waiting]:
        """What waits for signatures, the oldest first."""
        found = self._submitter.bank.list_pending(self._submitter.query(LIST_PENDING)).pending
        made = [_waiting(one) for one in found]
        # A bank that shows another wallet's order, or one with more in it than is shown to whoever
        # signs it, gets no signature for it.
        return [one for one in made if one.wallet_number == self._here.number and one.is_plain]

    def release(self, name: str, agree: Callable[[Waiting], None]) -> signers_pb2.SignResponse:
        """Signs what others have put before this home's holder.

        Args:
            name: as `Waiting.name`, or the beginning of it.
            agree: is given it, and raises if it is not to be signed.

        Raises:
            Refusal: REQUEST_UNKNOWN, nothing of this name waits; or by the bank.
        """
        one = self._named(name)
        agree(one)
        kind = orders_pb2.PaymentOrder if one.payment is not None else signers_pb2.SignersOrder
        # The very bytes that were shown, and no others.
        envelope = sign_payload(kind, one.payload, self._here.key, self._here.key_id)
        request = signers_pb2.SignRequest()
        (request.payment if one.payment is not None else request.signers).CopyFrom(envelope)
        signed = self._submitter.bank.sign(request)
        listed = one.signers.signers if one.signers is not None else ()
        if signed.done and any(each.public_key == self._here.public for each in listed):
            self._submitter.begin()
            self._submitter.follow()
        return signed

    def withdraw(self, name: str, agree: Callable[[Waiting], None]) -> Waiting:
        """Ends something that waits for signatures, for good; arguments as of `release`."""
        one = self._named(name)
        agree(one)
        order = self._here.signed(
            signers_pb2.WithdrawOrder, OPENING_VALID_MS, order_digest=one.digest
        )
        self._submitter.bank.withdraw(order)
        return one

    def _named(self, name: str) -> Waiting:
        found = [
            one for one in self.waiting() if name and one.digest.hex().startswith(name.lower())
        ]
        if len(found) != 1:
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN,
                N_("nothing of this id waits for signatures"),
                field="id",
            )
        return found[0]


def _waiting(one: signers_pb2.PendingOrder) -> Waiting:
    payload = bytes(one.payload)
    payment = None if one.is_list else orders_pb2.PaymentOrder.FromString(payload)
    listed = signers_pb2.SignersOrder.FromString(payload) if one.is_list else None
    return Waiting(payload, payment, listed, one.place, list(one.signed))
