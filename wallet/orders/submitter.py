"""Submits orders: writes them down, sends them, and sends them again until somebody answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from google.protobuf.message import Message

from currency.reasons import in_words
from dcep.bank.v1 import exchange_pb2, orders_pb2, payments_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from language import N_, _
from runtime.clock import Clock
from runtime.ed25519 import verified
from runtime.envelope import sign_payload, signed_bytes
from runtime.errors import NoAnswer, Refusal, is_undecided, reason_name
from runtime.pagination import MAX_PAGE
from wallet.limits import BANK_BEHIND_MS, PREPARED_VALID_MS, QUERY_VALID_MS
from wallet.orders.order_book import PLACES, Book, Flights, KeptOrder, OrderState
from wallet.orders.releases import Releases, Terms
from wallet.orders.signed_now import signed_now
from wallet.orders.types import (
    ASKED_PAYMENT,
    DEPOSIT,
    EXCHANGE,
    EXPIRED,
    KINDS,
    LOAD,
    PAYMENT,
    PENDING,
    REFUND,
    REFUSED,
    Answer,
    Order,
    OrderKind,
)
from wallet.peers.interface import GET_PAYMENT, GET_WALLET, LIST_PAYMENTS, BankPort

if TYPE_CHECKING:
    from nacl.signing import SigningKey

AnyKind = OrderKind[Any, Any]
Take = Callable[[Any, Any], None]
_OF_THE_DEVICE = (DEPOSIT.name, LOAD.name)
NOT_OURS = (errors_pb2.REASON_ID_REUSED, errors_pb2.REASON_SEQUENCE_STALE)
"""What a bank says of an order whose sequence is not this book's any more."""


class RefusedBefore(Refusal):
    """The outcome of an order that an earlier command made.

    Attributes:
        ordered_time_ms: when that was; a bank's word says nothing of it.
    """

    def __init__(self, order: KeptOrder) -> None:
        super().__init__(order.reason, order.message, payment_id=order.payment_id)
        self.ordered_time_ms = order.created_time_ms


class SignersChanged(Refusal):
    """An order was of a list of signers, or a key, that another one has replaced meanwhile: it was
    never carried out and never will be. The wallet's book goes on with the list of now.
    """


@dataclass(frozen=True)
class Placed(Generic[Answer]):
    """An order and the bank's answer to it.

    Attributes:
        message: the answer; its ``state`` may still be PENDING.
        resent: it had been made by an earlier command whose caller was not told what came of it.
    """

    order: KeptOrder
    message: Answer
    resent: bool

    @property
    def pending(self) -> bool:
        """Whether the bank's last word is still to come."""
        return getattr(self.message, "state", None) == PENDING


HAS_ENDED = N_("this sub-wallet has ended; its money goes home to the wallet it belongs to")
OF_THE_MACHINE = N_(
    "The cash machine's clock is ahead of the bank's. Repeat the same command later: it does not "
    "pay twice."
)
IS_AHEAD = N_(
    "This machine's clock is ahead of the bank's. Set it, then order with --anew in place of this; "
    "only one of the two can happen."
)
WAS_AHEAD = N_(
    "It was ordered while this machine's clock was ahead. Order with --anew in place of it; only "
    "one of the two can happen."
)
"""An order that is taken has a later sequence: the one before it is none any more."""


class NotYet(NoAnswer):
    """The bank does not take an order before its time; the clocks differ.

    Attributes:
        following: what can be done, in English.
    """

    def __init__(self, message: str, following: str) -> None:
        super().__init__(message)
        self.following = following


@dataclass(frozen=True)
class OrderSubmitter:
    """Sends the wallet's orders and questions to its bank.

    Attributes:
        open_book: opens the order book.
        key_id: by what the bank finds the key; unset: by the wallet's number.
        telling: collects orders, by sequence, whose outcome is told only after a call here has
            returned. Until `Book.hear` is called for such an order, an equal command means the same
            order. None if callers are told by the return.
        ends_ms: of a sub-wallet, when it ends: no order may be good for longer. 0: never.
    """

    number: str
    bank_name: str
    key: SigningKey
    bank: BankPort
    open_book: Callable[[], Book]
    flights: Flights
    clock: Clock
    key_id: bytes = b""
    telling: dict[int, KeptOrder] | None = None
    ends_ms: int = 0

    @property
    def book(self) -> Book:
        """The order book. It is opened when it is first needed; questions do not need it."""
        return self.open_book()

    def query(self, method: str) -> SignedEnvelope:
        """Signs a question for one method of this wallet's bank; it is not kept."""
        return self.signed_alone(
            orders_pb2.Query, QUERY_VALID_MS, method=method, bank=self.bank_name
        )

    def signed_alone(
        self, kind: Callable[..., Message], valid_ms: int, **fields: Any
    ) -> SignedEnvelope:
        """Something of this wallet that has no sequence, signed now.

        Args:
            kind: its message.
            valid_ms: how long the bank may take it.
            fields: those of the message, but for the wallet and the times.
        """
        return signed_now(
            kind,
            valid_ms,
            number=self.number,
            key=self.key,
            clock=self.clock,
            key_id=self.key_id,
            **fields,
        )

    def envelope_of(self, order: KeptOrder) -> SignedEnvelope:
        """An order as it is sent."""
        return SignedEnvelope(
            payload=order.payload,
            signature=order.signature,
            key_id=self.key_id or order.number.encode(),
        )

    def place(
        self,
        kind: OrderKind[Order, Answer],
        *,
        request_id: str = "",
        anew: bool = False,
        take: Callable[[Order, Answer], None] | None = None,
        check: Callable[[], None] | None = None,
        ready: Callable[[], dict[str, Any]] | None = None,
        ours: Callable[[Order], bool] = lambda _: True,
        **fields: Any,
    ) -> Placed[Answer]:
        """Gets an order done exactly once.

        If nobody was told the outcome of an equal order of an earlier command, that order takes the
        place of a new one: it is sent again, or its outcome is told, wherever that was learned
        meanwhile. With a `request_id`, it is the order with that id, whatever is equal to it.

        Args:
            kind: what to order; `fields` are those of its message.
            request_id: a program's id for it; "" for a person's command.
            anew: make a new order even if nobody was told the outcome of an equal one.
            take: is given the order and keeps what the answer brings; runs before the order counts
                as done, and may run again after a crash.
            check: raises Refusal if a new order should not be made at all.
            ready: gives further fields of a new order; orders that differ only in these are equal.
            ours: whether an order without an answer, given as its message, is to be sent again
                here.

        Raises:
            Refusal: the bank's final refusal, or ID_REUSED.
            WaitsForOthers: others have to release it first; the same call again sends it.
            NoAnswer: the outcome is unknown; the same call again is safe.
        """
        self.begin()
        content = content_of(kind, fields)
        left: KeptOrder | None = None
        if request_id:
            left = self._asked_before(request_id, kind, content)
        elif not anew:
            left = self._left_behind(kind, content, ours)
        terms = self._terms(kind, fields)
        if left is not None:
            try:
                return self._fly(left, take, resent=True, terms=terms)
            except Refusal as refusal:
                if terms is None or request_id or not _never_released(refusal):
                    raise
                # It was withdrawn, has expired, or was of another list: nobody sends it any more.
        self.check_alone()
        if ready is not None:
            fields |= ready()

        def make(sequence: int) -> KeptOrder:
            if check is not None:
                check()
            valid_ms = PREPARED_VALID_MS if terms is not None else 0
            return self._make(kind, fields, content, sequence, request_id, valid_ms)

        order, new = self.book.add(self.number, request_id or None, make)
        _check_same(order, kind, content)
        try:
            if terms is not None and new:
                self._put(order, terms)
            return self._fly(order, take, resent=not new, terms=None if new else terms)
        except SignersChanged:
            if request_id or not new:
                raise
            # It is none, and never will be: the same once more, under the list of now.
            order, new = self.book.add(self.number, None, make)
            if terms is not None:
                self._put(order, terms)
            return self._fly(order, take, resent=False)

    def _terms(self, kind: AnyKind, fields: dict[str, Any]) -> Terms | None:
        """How others have to release an order; None if they do not, or cannot."""
        if not kind.is_released or "cash_receipt" in fields:
            return None
        return Releases(self).terms()

    def _put(self, order: KeptOrder, terms: Terms) -> None:
        """Puts an order that is new before the others, and raises what comes of it.

        Raises:
            WaitsForOthers: it waits.
            Refusal: the bank does not keep it; it is over.
        """
        try:
            Releases(self).put_alone(order, terms)
        except Refusal as refusal:
            # Nobody was shown it, and it was not sent.
            self._refuse(order, errors_pb2.REASON_NOT_RELEASED, refusal.message, heard=True)
            self.flights.release(order.sequence)
            if refusal.reason == errors_pb2.REASON_KEY_REPLACED:
                self.follow()  # the wallet's signers are others
                raise SignersChanged(refusal.reason, refusal.message) from refusal
            raise
        except NoAnswer:
            self.flights.release(order.sequence)
            raise

    def resume(self) -> list[payments_pb2.Payment]:
        """Lets the wallet order from here again, after it was noticed to be used from another place
        too.

        Returns:
            The newest payments, at most a page, that were ordered with this wallet's key and are
            not in this book: what was ordered elsewhere.
        """
        known = self.bank.get_wallet(self.query(GET_WALLET))
        made_here, place = self.book.sequences(self.number), _place_in(known)
        page = self.bank.list_payments(self.query(LIST_PAYMENTS), MAX_PAGE, "").payments
        self.book.resume(self.number, known.last_sequence + 1, place)
        not_elsewhere = {0, *made_here}
        ordered = [(each, _sequence(each, self.number)) for each in page]
        return [
            each
            for each, sequence in ordered
            if sequence not in not_elsewhere and place in (None, sequence % PLACES)
        ]

    def follow(self) -> None:
        """Goes on where the wallet's key or list of signers of now begins."""
        known = self.bank.get_wallet(self.query(GET_WALLET))
        self.book.follow(self.number, known.last_sequence + 1, _place_in(known))

    def unanswered(self, kind: OrderKind[Order, Answer]) -> list[Order]:
        """Messages of the orders of a kind whose outcome is unknown, oldest first."""
        left = [order for order in self.book.unknown(self.number) if order.kind == kind.name]
        return [kind.order.FromString(order.payload) for order in left]

    def look_up(self, order: KeptOrder, *, expired: bool = False) -> KeptOrder:
        """Asks what became of an order, without sending it; unchanged if the bank does not know.

        What the bank does not know has ended once the bank cannot take it any more, by its own
        clock, and not by that of this machine. A bank's payments do not tell of deposits of offline
        money, so those are sent again instead.

        Args:
            expired: whether the bank has said before that the order has expired.
        """
        if order.kind == DEPOSIT.name:
            return order
        asked_ms = self.clock.now_ms()
        try:
            payment = self.bank.get_payment(self.query(GET_PAYMENT), order.payment_id)
        except Refusal as refusal:
            gone = expired or order.expires_time_ms + BANK_BEHIND_MS < asked_ms
            if refusal.reason != errors_pb2.REASON_PAYMENT_UNKNOWN or not gone:
                return order
            return self._refuse(order, errors_pb2.REASON_EXPIRED, N_("it never reached the bank"))
        if payment.state in (REFUSED, EXPIRED):
            reason = payment.reason or errors_pb2.REASON_EXPIRED
            return self._refuse(order, reason, refused_said(reason))
        return order if payment.state == PENDING else self._recover(order, payment)

    def _recover(self, order: KeptOrder, payment: payments_pb2.Payment) -> KeptOrder:
        """Writes down an answer that comes from the bank's books instead of the call."""
        if order.kind not in (PAYMENT.name, ASKED_PAYMENT.name, REFUND.name, EXCHANGE.name):
            return order
        available_fen = self.bank.get_wallet(self.query(GET_WALLET)).available_fen
        answer: Any = exchange_pb2.ExchangeResponse(available_fen=available_fen, repeated=True)
        if order.kind != EXCHANGE.name:
            answer = KINDS[order.kind].answer(
                payment_id=order.payment_id,
                state=payment.state,
                available_fen=available_fen,
                repeated=True,
            )
        return self.book.finish(order, OrderState.DONE, answer=answer.SerializeToString())

    def begin(self) -> None:
        """Asks the bank for the next sequence, if the book is younger than the wallet."""
        if not self.book.begun(self.number):
            known = self.bank.get_wallet(self.query(GET_WALLET))
            self.book.begin(self.number, known.last_sequence + 1, _place_in(known))

    def check_alone(self) -> None:
        """Raises Refusal if somebody else was noticed to order with this wallet's key, and nobody
        has looked; or if the wallet is a sub-wallet that has ended.
        """
        if self.ends_ms and self.clock.now_ms() > self.ends_ms:
            raise Refusal(errors_pb2.REASON_WALLET_CLOSED, HAS_ENDED)
        if self.book.elsewhere_ms(self.number) is not None:
            raise used_elsewhere()

    def _asked_before(self, request_id: str, kind: AnyKind, content: bytes) -> KeptOrder | None:
        order = self.book.find(self.number, request_id)
        if order is not None:
            _check_same(order, kind, content)
        return order

    def _left_behind(
        self, kind: OrderKind[Order, Answer], content: bytes, ours: Callable[[Order], bool]
    ) -> KeptOrder | None:
        for order in self.book.unheard(self.number, kind.name, content):
            if not ours(kind.order.FromString(order.payload)):
                continue
            if not self.flights.take(order.sequence):
                continue
            fresh = self.book.get(self.number, order.sequence)
            if not fresh.heard:
                return fresh
            self.flights.release(order.sequence)
        return None

    def _make(
        self,
        kind: AnyKind,
        fields: dict[str, Any],
        content: bytes,
        sequence: int,
        request_id: str,
        valid_ms: int,
    ) -> KeptOrder:
        # Marked before the book shows the order to anybody else.
        self.flights.take(sequence)
        request = request_id or None
        return self.signed(kind, fields, content, sequence, request_id=request, valid_ms=valid_ms)

    def signed(
        self,
        kind: AnyKind,
        fields: dict[str, Any],
        content: bytes,
        sequence: int,
        *,
        request_id: str | None = None,
        run: str | None = None,
        valid_ms: int = 0,
    ) -> KeptOrder:
        """An order of this wallet with this sequence, signed now; it is not kept yet.

        Args:
            fields: those of the kind's message, but for the wallet, the sequence and the times.
            content: their `content_of`.
            valid_ms: how long its bank may carry it out; 0: as its kind says.
        """
        now_ms = self.clock.now_ms()
        expires_ms = now_ms + (valid_ms or kind.valid_ms)
        if self.ends_ms:
            expires_ms = min(expires_ms, max(now_ms, self.ends_ms))
        payload = kind.order(
            wallet_number=self.number,
            sequence=sequence,
            created_time_ms=now_ms,
            expires_time_ms=expires_ms,
            **fields,
        ).SerializeToString()
        envelope = sign_payload(kind.order, payload, self.key, self.number.encode())
        return KeptOrder(
            number=self.number,
            sequence=sequence,
            kind=kind.name,
            content=content,
            request_id=request_id,
            payload=payload,
            signature=envelope.signature,
            created_time_ms=now_ms,
            expires_time_ms=expires_ms,
            run=run,
        )

    def _fly(
        self, order: KeptOrder, take: Take | None, *, resent: bool, terms: Terms | None = None
    ) -> Placed[Any]:
        """Sends an order; `terms`: unless it waits for others."""
        try:
            if terms is not None and order.state == OrderState.UNKNOWN:
                Releases(self).check_released(order, terms)
            return self._send(order, take, resent=resent)
        finally:
            # If it is still to be told, no equal command may take it.
            if self.telling is None or order.sequence not in self.telling:
                self.flights.release(order.sequence)

    def _send(self, order: KeptOrder, take: Take | None, *, resent: bool) -> Placed[Any]:
        if order.state != OrderState.UNKNOWN:
            return self._settled_before(order)
        kind = KINDS[order.kind]
        try:
            message = kind.send(self.bank, self.envelope_of(order))
        except Refusal as refusal:
            return self._told_no(order, refusal)
        state = getattr(message, "state", None)
        if state == PENDING:
            return Placed(order, message, resent)
        if state in (REFUSED, EXPIRED):
            reason = message.reason or errors_pb2.REASON_EXPIRED
            if reason in NOT_OURS:
                return self._told_no(order, Refusal(reason, refused_said(reason)))
            refused = self._refuse(order, reason, refused_said(reason), heard=self._at_once(order))
            self._tell(order)
            raise _refusal(refused, resent=resent)
        if take is not None:
            take(kind.order.FromString(order.payload), message)
        done = self.book.finish(
            order,
            OrderState.DONE,
            answer=message.SerializeToString(),
            heard=self._at_once(order),
        )
        self._tell(order)
        return Placed(done, message, resent)

    def _whose_clock(self, order: KeptOrder, refusal: Refusal) -> str:
        """What to do, in English, about an order that is dated ahead of the bank's clock."""
        if refusal.field == "cash_receipt":
            return OF_THE_MACHINE
        return WAS_AHEAD if order.created_time_ms > self.clock.now_ms() else IS_AHEAD

    def _told_no(self, order: KeptOrder, refusal: Refusal) -> Placed[Any]:
        """Raises what a refused call means for the order."""
        if is_undecided(refusal.reason):
            why = in_words(refusal.name, refusal.message, refusal.metadata)
            said = _("the bank could not say: {why}").format(why=why)
            if refusal.reason == errors_pb2.REASON_NOT_YET_VALID:
                raise NotYet(said, self._whose_clock(order, refusal)) from refusal
            raise NoAnswer(said) from refusal
        gone = refusal.reason == errors_pb2.REASON_EXPIRED or self.is_void(order, refusal.reason)
        if gone and order.kind not in _OF_THE_DEVICE:
            # Only the bank's books say whether it had once come in time.
            order = self.look_up(order, expired=refusal.field != "cash_receipt")
            if order.state == OrderState.UNKNOWN:
                raise NoAnswer(
                    _(
                        "order {payment_id} is too old to be sent again, and the bank does not "
                        "say yet what became of it"
                    ).format(payment_id=order.payment_id)
                ) from refusal
            return self._settled_before(order)
        if refusal.reason == errors_pb2.REASON_KEY_REPLACED and refusal.field == "sequence":
            # Of an order that it had decided the bank says how.
            self._refuse(order, refusal.reason, refusal.message, heard=True)
            self.follow()
            raise SignersChanged(refusal.reason, refusal.message, payment_id=order.payment_id)
        if refusal.reason == errors_pb2.REASON_KEY_REPLACED or self.is_void(order, refusal.reason):
            # It may have been carried out before that; who has the new key sees it in the history.
            raise refusal
        if refusal.reason in NOT_OURS:
            # The key has signed another order with this sequence: from a copy of this home, or
            # before an older copy of it was put back, or for somebody who has the key.
            self.book.seen_elsewhere(self.number, self.clock.now_ms())
            refusal = used_elsewhere()
        refusal.metadata["payment_id"] = order.payment_id
        self._refuse(order, refusal.reason, refusal.message, heard=self._at_once(order))
        self._tell(order)
        raise refusal

    def is_void(self, order: KeptOrder, reason: int) -> bool:
        """Whether the bank does not know an order's signature because a key of before has signed
        it: it takes none of that key's any more, and may have carried this one out before.
        """
        if reason != errors_pb2.REASON_SIGNATURE_INVALID:
            return False
        message = signed_bytes(KINDS[order.kind].order, order.payload)
        return not verified(bytes(self.key.verify_key), message, order.signature)

    def _settled_before(self, order: KeptOrder) -> Placed[Any]:
        if not order.heard:
            self._tell(order)
            if self._at_once(order):
                self.book.hear(order)
        if order.state == OrderState.REFUSED:
            raise _refusal(order, resent=True)
        return Placed(order, KINDS[order.kind].answer.FromString(order.answer), True)

    def _refuse(
        self, order: KeptOrder, reason: int, message: str, *, heard: bool = False
    ) -> KeptOrder:
        return self.book.finish(
            order, OrderState.REFUSED, reason=reason, message=message, heard=heard
        )

    def _at_once(self, order: KeptOrder) -> bool:
        """Whether an order's outcome counts as told as soon as a call here returns it."""
        return self.telling is None or order.request_id is not None or not KINDS[order.kind].wished

    def _tell(self, order: KeptOrder) -> None:
        """Notes that whoever asked will be told, after this call, what came of an order."""
        if self.telling is not None and not self._at_once(order):
            self.telling[order.sequence] = order


def _place_in(known: wallets_pb2.GetWalletResponse) -> int | None:
    """This home's place among the wallet's signers; None for a wallet of one key."""
    return known.signer.place if known.HasField("signer") else None


def _never_released(refusal: Refusal) -> bool:
    """Whether an order that others had to release is refused because they never will."""
    may_not = refusal.reason == errors_pb2.REASON_SIGNER_MAY_NOT
    return may_not or isinstance(refusal, SignersChanged)


def used_elsewhere() -> Refusal:
    """The refusal once another place has ordered with this wallet's key."""
    return Refusal(
        errors_pb2.REASON_WALLET_USED_ELSEWHERE,
        N_("another place orders with this wallet's key too; nothing was ordered"),
    )


def _sequence(payment: payments_pb2.Payment, number: str) -> int:
    """The sequence of an order of this wallet; 0 for any other payment."""
    whose, _dash, sequence = payment.payment_id.partition("-")
    return int(sequence) if whose == number and sequence.isdigit() else 0


def _check_same(order: KeptOrder, kind: AnyKind, content: bytes) -> None:
    """Raises Refusal if a program's id was used for another order."""
    if (order.kind, order.content) != (kind.name, content):
        raise Refusal(
            errors_pb2.REASON_ID_REUSED,
            f"request {order.request_id} was used for something else",
            field="request_id",
        )


def content_of(kind: AnyKind, fields: dict[str, Any]) -> bytes:
    """SHA-256 of what is ordered, equal for equal orders; `fields` are those of its message."""
    wish = kind.order(**fields).SerializeToString(deterministic=True)
    return hashlib.sha256(kind.name.encode() + b"\0" + wish).digest()


def _refusal(order: KeptOrder, *, resent: bool) -> Refusal:
    if resent:
        return RefusedBefore(order)
    return Refusal(order.reason, order.message, payment_id=order.payment_id)


def refused_said(reason: int) -> str:
    """What the book keeps of a refusal of which the bank has said the reason alone."""
    return f"refused: {reason_name(reason)}"
