"""What several people sign: prepared, shown to the others, released, withdrawn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.errors.v1 import errors_pb2
from language import N_
from runtime.checks import amount, text
from runtime.envelope import sign_payload
from runtime.errors import Refusal, is_undecided
from runtime.messages import read_payload
from wallet.limits import MAX_MEMO, OPENING_VALID_MS
from wallet.online.account import check_number
from wallet.online.keys import KeyHere
from wallet.orders.releases import ID_DIGITS, Release, Releases
from wallet.orders.submitter import OrderSubmitter, Placed
from wallet.orders.types import PREPARED
from wallet.peers.interface import LIST_PENDING

Signed = orders_pb2.PaymentOrder | signers_pb2.SignersOrder | signers_pb2.ReleaseOrder
_BRANCH: dict[type, str] = {
    orders_pb2.PaymentOrder: "payment",
    signers_pb2.SignersOrder: "signers",
    signers_pb2.ReleaseOrder: "release",
}
"""Where the signature of each is sent."""


@dataclass(frozen=True)
class Waiting:
    """Something that waits for signatures, as its own bytes say it: one of the three.

    Attributes:
        payload: what is signed.
        payment: a payment.
        signers: a list of signers.
        release: orders that its preparer sends once they are released.
        place: of who has prepared it.
        signed: the places of all who have signed it, as the bank says.
    """

    payload: bytes
    place: int
    signed: Sequence[int]
    payment: orders_pb2.PaymentOrder | None = None
    signers: signers_pb2.SignersOrder | None = None
    release: Release | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is signed."""
        return hashlib.sha256(self.payload).digest()

    @property
    def name(self) -> str:
        """By what people name it."""
        return self.digest.hex()[:ID_DIGITS]

    @property
    def message(self) -> Signed:
        """What is signed, as its bytes say it."""
        if self.release is not None:
            return self.release.order
        message = self.signers if self.payment is None else self.payment
        assert message is not None
        return message

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing in it but what people are shown."""
        pay, listed = self.payment, self.signers
        if listed is not None:
            return not listed.gives_up_recovery
        return self.release is not None or (
            pay is not None and not (pay.request_to_pay_id or pay.top_up_fen)
        )

    @property
    def expires_time_ms(self) -> int:
        """Until when it can be released."""
        return self.message.expires_time_ms


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

    def waiting(self, name: str = "") -> list[Waiting]:
        """What waits for signatures, the oldest first; `name`: only what has this beginning."""
        found = self._submitter.bank.list_pending(self._submitter.query(LIST_PENDING)).pending
        wanted = [one for one in found if one.order_digest.hex().startswith(name.lower())]
        made = [self._read(one) for one in wanted]
        # A bank that shows another wallet's order, or one with more in it than is shown to whoever
        # signs it, gets no signature for it.
        return [
            one
            for one in made
            if one is not None and one.message.wallet_number == self._here.number and one.is_plain
        ]

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
        # The very bytes that were shown, and no others.
        kind = type(one.message)
        envelope = sign_payload(kind, one.payload, self._here.key, self._here.key_id)
        request = signers_pb2.SignRequest()
        getattr(request, _BRANCH[kind]).CopyFrom(envelope)
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
        found = self.waiting(name) if name else []
        if len(found) != 1:
            raise Refusal(
                errors_pb2.REASON_REQUEST_UNKNOWN,
                N_("nothing of this id waits for signatures"),
                field="id",
            )
        return found[0]

    def _read(self, one: signers_pb2.PendingOrder) -> Waiting | None:
        """What waits, as its bytes say it; None if it does not any more, or cannot be shown."""
        payload, made = bytes(one.payload), Waiting(b"", one.place, list(one.signed))
        try:
            if one.is_release:
                release = Releases(self._submitter).shown(one)
                if release is None:
                    return None
                return replace(made, payload=release.payload, release=release)
            if one.is_list:
                listed = read_payload(signers_pb2.SignersOrder, payload)
                return replace(made, payload=payload, signers=listed)
            payment = read_payload(orders_pb2.PaymentOrder, payload)
            return replace(made, payload=payload, payment=payment)
        except Refusal as refusal:
            if is_undecided(refusal.reason):
                raise
            return None
