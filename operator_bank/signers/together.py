"""Carries out what several signers sign together: once, when as many have signed as it takes.

Each signs the very same bytes. What some have signed waits, for a day at most, and never beyond the
order's own end or the list of signers that it was signed under.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from currency.days import DAY_MS
from currency.number import prefix_of
from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.replacing import key_of_wallet
from operator_bank.ledger.reasons import refusal_of
from operator_bank.limits import MAX_ORDER_VALIDITY_MS, PENDING_EACH
from operator_bank.payments.one_by_one import OneByOne, as_payer
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.payments import Payments
from operator_bank.payments.rows import PENDING, Going, Paid, outbound_body
from operator_bank.signers.keys import write_signatures
from operator_bank.signers.lists import SignerLists
from operator_bank.signers.tables import pending_orders, pending_signatures
from operator_bank.sweeps.sweeping import Sweeps
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_bank, check_times
from operator_bank.wallets.refused import Refused
from operator_bank.wallets.signers import PLACES, RELEASE, Signer, Signers, may_not
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.records import Kind, Result, key_of, record_digest

PAYMENT, LIST = 1, 2
NOBODY: Mapping[int, bytes] = MappingProxyType({})
OPEN, WITHDRAWN = 1, 2
_OF, _BY = pending_orders.c, pending_signatures.c
Together = VerifiedOrder[orders_pb2.PaymentOrder] | VerifiedOrder[signers_pb2.SignersOrder]
PaymentOrder = VerifiedOrder[orders_pb2.PaymentOrder]


@dataclass(frozen=True)
class Signed:
    """How far an order has come.

    Attributes:
        digest: SHA-256 of what is signed.
        places: of who has signed it and may release.
        threshold: how many it takes.
        done: whether it was carried out.
        paid: what came of it, if it is a payment.
        available_fen: what the wallet has after that.
    """

    digest: bytes
    places: list[int]
    threshold: int
    done: bool = False
    paid: Paid | None = None
    available_fen: int = 0


class SignedTogether:
    """The use-cases behind Sign, Withdraw and ListPending."""

    def __init__(
        self,
        context: Context,
        orders: Orders,
        directory: Directory,
        outgoing: Outbound,
        refused: Refused,
        payments: Payments,
        lists: SignerLists,
        sweeps: Sweeps,
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._bank = context.bank
        self._orders = orders
        self._directory = directory
        self._refused = refused
        self._payments = payments
        self._lists = lists
        self._outgoing = outgoing
        self._one_by_one = OneByOne(context, outgoing, refused, "order", as_payer, sweeps)

    def sign_payment(self, envelope: SignedEnvelope, wait_s: float) -> Signed:
        """Takes one signer's signature of a payment, and makes it when there are enough.

        The first is by who prepares it, with a sequence of hers; the others sign the same bytes.

        Raises:
            Refusal: it is not taken; or it was carried out and refused.
        """
        order = self._orders.open_together(orders_pb2.PaymentOrder, envelope)
        # Each signer is shown payee, amount and memo; a payment has nothing else here.
        for field in ("request_to_pay_id", "top_up_fen"):
            if getattr(order.content, field):
                raise invalid(field, "is for wallets that one signer orders for")
        with self._directory.one_at_a_time([key_of_wallet(order.wallet.number)]):
            made = self._sign_payment(order)
        if made.paid is None or made.paid.state != PENDING:
            return made
        state, reason = self._outgoing.wait(made.paid.number, wait_s)
        available_fen = int(self._ledger.read([order.wallet.account])[0]["available_fen"])
        paid = made.paid._replace(state=state, reason=reason)
        return replace(made, paid=paid, available_fen=available_fen)

    def _sign_payment(self, order: PaymentOrder) -> Signed:
        """As `sign_payment`, and waits for nothing."""
        signer, signers = self._in_force(order.wallet)
        preparer = order.content.sequence % PLACES
        if self._refused.earlier(order) is not None:
            return self._paid(order, signers)
        if key_of(order.content.sequence) != order.wallet.key_number:
            raise refusal_of(Result.KEY_REPLACED)
        signed = self._take(order, PAYMENT, signer, prepares=signer.place == preparer)
        able = _able(signed, signers)
        if len(able) < signers.threshold:
            return Signed(_digest(order), sorted(able), signers.threshold)
        return self._paid(order._replace(signature=signed[preparer]), signers, able)

    def sign_list(self, envelope: SignedEnvelope) -> Signed:
        """Takes one signer's signature of a list of signers, and puts it in force when there are
        enough. Raises Refusal.
        """
        order = self._orders.open_together(signers_pb2.SignersOrder, envelope)
        with self._lists.one_at_a_time(order):
            signer, signers = self._in_force(order.wallet)
            if signer.role != RELEASE:
                raise may_not()
            if self._lists.check(order):
                return Signed(_digest(order), [], signers.threshold, done=True)
            able = _able(self._take(order, LIST, signer, prepares=True), signers)
            if len(able) < signers.threshold:
                return Signed(_digest(order), sorted(able), signers.threshold)
            self._lists.put(order, able)
            return Signed(_digest(order), sorted(able), signers.threshold, done=True)

    def withdraw(self, envelope: SignedEnvelope) -> None:
        """Ends what waits for signatures, for good: by who prepared it, or who may release.

        Raises:
            Refusal: REQUEST_UNKNOWN, nothing of this digest waits; SIGNER_MAY_NOT.
        """
        order = self._orders.open_together(signers_pb2.WithdrawOrder, envelope)
        content, now_ms = order.content, self._clock.now_ms()
        check_times(content, now_ms, longest_ms=MAX_ORDER_VALIDITY_MS)
        check_bank(content.bank, self._bank)
        with self._directory.one_at_a_time([key_of_wallet(order.wallet.number)]):
            signer, _ = self._in_force(order.wallet)
            row = self._row(order.wallet.number, content.order_digest)
            if row is None:
                raise unknown()
            if signer.role != RELEASE and row.place != signer.place:
                raise may_not()
            if row.state == WITHDRAWN:
                return
            if row.kind == PAYMENT:
                self._use_up(order.wallet, row)
            its = (_OF.number == order.wallet.number, _OF.digest == content.order_digest)
            ended = update(pending_orders).where(*its).values(state=WITHDRAWN)
            self._database.transaction(lambda c: c.execute(ended) and None)

    def pending(self, wallet: Wallet) -> list[signers_pb2.PendingOrder]:
        """What waits for signatures of a wallet's signers, the oldest first."""
        now_ms, number = self._clock.now_ms(), wallet.number
        query = select(pending_orders).where(
            _OF.number == number,
            _OF.state == OPEN,
            _OF.list_number == wallet.key_number,
            _OF.expires_time_ms >= now_ms,
        )
        by = select(_BY.digest, _BY.place).where(_BY.number == number)
        rows = self._database.read(
            lambda c: c.execute(query.order_by(_OF.created_time_ms, _OF.digest)).all()
        )
        places = self._database.read(lambda c: c.execute(by.order_by(_BY.place)).all())
        return [
            signers_pb2.PendingOrder(
                is_list=row.kind == LIST,
                payload=bytes(row.payload),
                place=row.place,
                signed=[one.place for one in places if one.digest == row.digest],
                created_time_ms=row.created_time_ms,
            )
            for row in rows
        ]

    def _in_force(self, wallet: Wallet) -> tuple[Signer, Signers]:
        """The signer who signed, and the list, while nobody else changes it. Raises Refusal."""
        now = self._directory.get(wallet.number)
        if now.key_number != wallet.key_number:
            raise refusal_of(Result.KEY_REPLACED)
        assert wallet.signer is not None and wallet.signers is not None  # or it was not opened
        return wallet.signer, wallet.signers

    def _take(
        self, order: Together, kind: int, signer: Signer, *, prepares: bool
    ) -> dict[int, bytes]:
        """Keeps a signature; returns all of the order, by place.

        Raises:
            Refusal: EXPIRED; REQUEST_UNKNOWN, nobody has prepared it; ALREADY_DECIDED, it was
                withdrawn; OVERLOADED, too much that somebody has prepared waits.
        """
        now_ms, number, digest = self._clock.now_ms(), order.wallet.number, _digest(order)
        if order.content.expires_time_ms < now_ms:
            raise Refusal(errors_pb2.REASON_EXPIRED, "it has expired", field="expires_time_ms")
        same = (_BY.number == number, _BY.digest == digest)

        def body(connection: Connection) -> dict[int, bytes]:
            _forget_old(connection, number, now_ms)
            row = _find(connection, number, digest)
            if row is None:
                if not prepares:
                    raise unknown()
                _check_room(connection, number, signer.place)
                values = {"kind": kind, "place": signer.place}
                _prepare(connection, order, now_ms, values)
            elif row.state != OPEN:
                raise Refusal(errors_pb2.REASON_ALREADY_DECIDED, "it was withdrawn")
            query = select(_BY.place, _BY.signature).where(*same)
            found = {one.place: bytes(one.signature) for one in connection.execute(query)}
            if signer.place not in found:
                mine = {"place": signer.place, "signature": order.signature}
                connection.execute(
                    insert(pending_signatures), {"number": number, "digest": digest, **mine}
                )
                found[signer.place] = order.signature
            return found

        return self._database.transaction(body)

    def _paid(
        self, order: PaymentOrder, signers: Signers, able: Mapping[int, bytes] = NOBODY
    ) -> Signed:
        """Makes a payment that enough have signed, or says what came of it. Raises Refusal."""
        try:
            paid, available_fen = self._one_by_one.answer(
                order, lambda each: self._submit(each, able), 0.0
            )
        except Refusal:
            if self._refused.earlier(order) is not None:
                self._forget(order)
            raise
        self._forget(order)
        threshold = signers.threshold
        return Signed(_digest(order), sorted(able), threshold, True, paid, available_fen)

    def _submit(self, order: PaymentOrder, able: Mapping[int, bytes]) -> Paid:
        paid, rows = self._payments.begin(order)
        if paid is not None:
            return paid  # which this database alone had forgotten
        going = None
        if rows[0].kind == Kind.HOLD:
            payee = order.content.payee_number
            going = Going(prefix_of(payee), outbound_body(order.content))

        def put(connection: Connection, _: Result, position: int) -> None:
            write_signatures(connection, position, able)

        try:
            return self._one_by_one.submit(order, rows, going, put, "pay")
        except Refusal as refusal:
            self._payments.count_refusal(order, refusal)
            raise

    def _use_up(self, wallet: Wallet, row: Row[Any]) -> None:
        """Uses up the sequence of a payment that is not to be made: nobody can bring it again."""
        payload, number, digest = bytes(row.payload), wallet.number, row.digest
        content = orders_pb2.PaymentOrder.FromString(payload)
        query = select(_BY.signature).where(
            _BY.number == number, _BY.digest == digest, _BY.place == row.place
        )
        signature = self._database.read(lambda c: bytes(c.execute(query).scalar_one()))
        order = VerifiedOrder(wallet, content, record_digest(payload), payload, signature)
        if self._refused.earlier(order) is not None:
            raise unknown()
        self._refused.check_room(wallet.account)
        self._refused.keep(order, withdrawn())

    def _forget(self, order: Together) -> None:
        """Deletes what waited for signatures, once the journal says what came of it."""
        number, digests = order.wallet.number, [_digest(order)]
        self._database.transaction(lambda c: _delete(c, number, digests))

    def _row(self, number: str, digest: bytes) -> Row[Any] | None:
        return self._database.read(lambda c: _find(c, number, digest))


def unknown() -> Refusal:
    """The refusal of a signature for what nobody has prepared, or what is over."""
    return Refusal(
        errors_pb2.REASON_REQUEST_UNKNOWN,
        "nothing like this waits for signatures",
        field="order",
    )


def withdrawn() -> Refusal:
    """Why a payment that was prepared is none."""
    return Refusal(errors_pb2.REASON_ORDER_WITHDRAWN, "a signer has withdrawn it", field="order")


def _able(signed: Mapping[int, bytes], signers: Signers) -> dict[int, bytes]:
    """The signatures of those who may release."""
    may = {one.place for one in signers.signers if one.role == RELEASE}
    return {place: signature for place, signature in signed.items() if place in may}


def _digest(order: Together) -> bytes:
    return hashlib.sha256(order.payload).digest()


def _find(connection: Connection, number: str, digest: bytes) -> Row[Any] | None:
    query = select(pending_orders).where(_OF.number == number, _OF.digest == digest)
    return connection.execute(query).first()


def _prepare(
    connection: Connection, order: Together, now_ms: int, values: Mapping[str, int]
) -> None:
    row = {
        "number": order.wallet.number,
        "list_number": order.wallet.key_number,
        "digest": _digest(order),
        "payload": order.payload,
        "state": OPEN,
        "created_time_ms": now_ms,
        "expires_time_ms": order.content.expires_time_ms,
        **values,
    }
    connection.execute(insert(pending_orders), row)


def _check_room(connection: Connection, number: str, place: int) -> None:
    """Raises Refusal: OVERLOADED, if so much waits that one signer has prepared, or was withdrawn
    of it in a day.
    """
    mine = select(_OF.state, func.count()).where(_OF.number == number, _OF.place == place)
    counts = {state: count for state, count in connection.execute(mine.group_by(_OF.state))}
    if max(counts.values(), default=0) >= PENDING_EACH:
        raise Refusal(
            errors_pb2.REASON_OVERLOADED,
            f"{PENDING_EACH} orders that one has prepared is all, and as many withdrawn in a day",
        )


def _forget_old(connection: Connection, number: str, now_ms: int) -> None:
    """Deletes a wallet's orders that have expired, of which nothing can come; those that were
    withdrawn only after a day. Each of them is kept in the journal at the cost of the whole wallet,
    so they count against who has prepared them.
    """
    over = (_OF.state == OPEN) | (_OF.created_time_ms < now_ms - DAY_MS)
    old = select(_OF.digest).where(_OF.number == number, _OF.expires_time_ms < now_ms, over)
    digests = connection.execute(old).scalars().all()
    if digests:
        _delete(connection, number, digests)


def _delete(connection: Connection, number: str, digests: Sequence[bytes]) -> None:
    for of in (pending_orders, pending_signatures):
        connection.execute(delete(of).where(of.c.number == number, of.c.digest.in_(digests)))
