"""Has others release orders that this home may not send alone, and reads what is to be released."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from dcep.bank.v1 import orders_pb2, signers_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from language import N_, _
from runtime.envelope import sign_payload
from runtime.errors import NoAnswer, Refusal
from runtime.messages import read_payload
from wallet.orders.types import ASKED_PAYMENT, CLOSE, EXCHANGE, PAYMENT, REFUND
from wallet.peers.interface import GET_RELEASE, LIST_PENDING, LIST_SIGNERS

if TYPE_CHECKING:
    from wallet.orders.order_book import KeptOrder
    from wallet.orders.submitter import OrderSubmitter

ID_DIGITS = 8
"""Of the SHA-256 of what waits for signatures, by which people name it."""

_PREPARE, _RELEASE = states_pb2.SIGNER_ROLE_PREPARE, states_pb2.SIGNER_ROLE_RELEASE
_KIND_OF = {
    PAYMENT.name: signers_pb2.RELEASED_KIND_PAYMENT,
    ASKED_PAYMENT.name: signers_pb2.RELEASED_KIND_PAYMENT,
    REFUND.name: signers_pb2.RELEASED_KIND_REFUND,
    EXCHANGE.name: signers_pb2.RELEASED_KIND_EXCHANGE,
    CLOSE.name: signers_pb2.RELEASED_KIND_CLOSE,
}
"""By the name of the order book."""

_MESSAGES: Mapping[int, type[Message]] = {
    signers_pb2.RELEASED_KIND_PAYMENT: orders_pb2.PaymentOrder,
    signers_pb2.RELEASED_KIND_REFUND: orders_pb2.RefundOrder,
    signers_pb2.RELEASED_KIND_EXCHANGE: orders_pb2.ExchangeOrder,
    signers_pb2.RELEASED_KIND_CLOSE: orders_pb2.CloseOrder,
}


class WaitsForOthers(NoAnswer):
    """An order is kept, and nobody sends it before others have released it.

    Attributes:
        name: by what they name what they sign.
        missing: how many signatures it lacks.
        following: what is to be done, in English.
    """

    def __init__(self, name: str, missing: int) -> None:
        super().__init__(_("{missing} more signatures").format(missing=missing))
        self.name = name
        self.missing = missing

    following = N_(
        "They look with `wallet pending` and sign with `wallet release ID`. Then repeat the same "
        "command."
    )


@dataclass(frozen=True)
class Terms:
    """How orders of this home are released.

    Attributes:
        list_number: of the wallet's list of signers.
        place: of this home in it.
        threshold: how many it takes.
        releasing: the places of those who may.
    """

    list_number: int
    place: int
    threshold: int
    releasing: frozenset[int]

    def left(self, signed: Sequence[int]) -> int:
        """How many signatures are missing, if these places have signed."""
        return max(0, self.threshold - len(self.releasing.intersection(signed)))


@dataclass(frozen=True)
class Item:
    """An order that is to be released.

    Attributes:
        kind: a ReleasedKind.
        order: what its bytes say.
        digest: SHA-256 of them.
    """

    kind: int
    order: Any
    digest: bytes

    @property
    def amount_fen(self) -> int:
        """How much it moves."""
        is_close = self.kind == signers_pb2.RELEASED_KIND_CLOSE
        return 0 if is_close else int(self.order.amount_fen)


@dataclass(frozen=True)
class Release:
    """Orders that wait together for signatures.

    Attributes:
        payload: what is signed.
        signed: the places of who has, as the bank says.
    """

    payload: bytes
    order: signers_pb2.ReleaseOrder
    items: Sequence[Item]
    signed: Sequence[int] = ()

    @property
    def name(self) -> str:
        """By what people name it."""
        return hashlib.sha256(self.payload).hexdigest()[:ID_DIGITS]

    @property
    def amount_fen(self) -> int:
        """The sum of its orders."""
        return sum(item.amount_fen for item in self.items)


def read_release(payload: bytes, number: str, signed: Sequence[int] = ()) -> Release:
    """Reads what is to be signed.

    Raises:
        Refusal: it is another wallet's, or has more in it than whoever signs it is shown.
    """
    order = read_payload(signers_pb2.ReleaseOrder, payload)
    items = [
        Item(
            item.kind,
            read_payload(_MESSAGES[item.kind], item.payload),
            hashlib.sha256(item.payload).digest(),
        )
        for item in order.items
    ]
    numbers = {order.wallet_number, *(item.order.wallet_number for item in items)}
    if numbers != {number} or not all(map(_is_plain, items)):
        raise Refusal(
            errors_pb2.REASON_FIELD_INVALID,
            N_("it has more in it than can be shown here"),
            field="items",
        )
    return Release(payload, order, items, signed)


def _is_plain(item: Item) -> bool:
    """Whether there is nothing in an order but what people are shown."""
    if item.kind == signers_pb2.RELEASED_KIND_EXCHANGE:
        return bool(item.order.medium == orders_pb2.EXCHANGE_MEDIUM_DEPOSIT)
    return item.kind in _MESSAGES


@dataclass(frozen=True)
class Releases:
    """The use-cases about what this home has others release."""

    submitter: OrderSubmitter

    def terms(self) -> Terms | None:
        """How this home's orders are released; None if it sends them alone, or not at all."""
        submitter = self.submitter
        submitter.begin()
        if submitter.book.place(submitter.number) is None:
            return None
        listed = submitter.bank.list_signers(submitter.query(LIST_SIGNERS))
        own = bytes(submitter.key.verify_key)
        me = next((one for one in listed.signers if bytes(one.public_key) == own), None)
        if me is None or me.role not in (_PREPARE, _RELEASE):
            return None
        if me.role == _RELEASE and listed.threshold == 1:
            return None
        releasing = frozenset(one.place for one in listed.signers if one.role == _RELEASE)
        return Terms(listed.list_number, me.place, listed.threshold, releasing)

    def put(self, orders: Sequence[KeptOrder], terms: Terms) -> signers_pb2.SignResponse:
        """Puts orders of this home before those who may release them.

        Args:
            orders: as many as one release may have, of the same validity.
        """
        submitter = self.submitter
        now_ms = submitter.clock.now_ms()
        content = signers_pb2.ReleaseOrder(
            wallet_number=submitter.number,
            list_number=terms.list_number,
            place=terms.place,
            items=[
                signers_pb2.ReleaseItem(kind=_KIND_OF[one.kind], payload=one.payload)
                for one in orders
            ],
            bank=submitter.bank_name,
            created_time_ms=now_ms,
            expires_time_ms=min(one.expires_time_ms for one in orders),
        )
        key_id = submitter.key_id or submitter.number.encode()
        payload = content.SerializeToString()
        envelope = sign_payload(signers_pb2.ReleaseOrder, payload, submitter.key, key_id)
        return submitter.bank.sign(signers_pb2.SignRequest(release=envelope))

    def waiting(self, terms: Terms) -> list[Release]:
        """What this home has put before others and waits, the oldest first."""
        pending = self.submitter.bank.list_pending(self.submitter.query(LIST_PENDING)).pending
        found = [self.shown(one) for one in pending if one.is_release and one.place == terms.place]
        return [one for one in found if one is not None]

    def put_alone(self, order: KeptOrder, terms: Terms) -> None:
        """Puts one order before the others; returns only if it may be sent at once.

        Raises:
            WaitsForOthers: it may not.
        """
        signed = self.put([order], terms)
        if not signed.done:
            name = bytes(signed.order_digest).hex()[:ID_DIGITS]
            raise WaitsForOthers(name, terms.left(signed.signed))

    def check_released(self, order: KeptOrder, terms: Terms) -> None:
        """Raises WaitsForOthers if an order that was put before the others waits there."""
        digest = hashlib.sha256(order.payload).digest()
        for one in self.waiting(terms):
            if any(item.digest == digest for item in one.items):
                raise WaitsForOthers(one.name, terms.left(one.signed))

    def shown(self, one: signers_pb2.PendingOrder) -> Release | None:
        """A release that waits; None if it does not any more.

        Raises:
            Refusal: as `read_release`; FIELD_INVALID, the bank shows other bytes than are signed.
        """
        query = self.submitter.query(GET_RELEASE)
        try:
            found = self.submitter.bank.get_release(query, bytes(one.order_digest))
        except Refusal as refusal:
            if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
                raise
            return None
        payload = bytes(found.payload)
        if hashlib.sha256(payload).digest() != bytes(one.order_digest):
            raise Refusal(
                errors_pb2.REASON_FIELD_INVALID,
                N_("the bank shows something else than what is signed"),
                field="payload",
            )
        return read_release(payload, self.submitter.number, list(one.signed))
