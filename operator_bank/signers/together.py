"""Carries out what several signers sign together: once, when as many have signed as it takes.

Each signs the very same bytes. What some have signed waits, for a day at most, and never beyond the
order's own end or the list of signers that it was signed under.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, LargeBinary, Row, case, insert, literal, select, update

from currency.number import prefix_of
from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.keys.replacing import key_of_wallet
from operator_bank.ledger.reasons import refusal_of
from operator_bank.limits import MAX_ORDER_VALIDITY_MS
from operator_bank.payments.one_by_one import OneByOne, as_payer
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.payments import Payments
from operator_bank.payments.rows import PENDING, Going, Paid, outbound_body
from operator_bank.signers.keys import write_signatures
from operator_bank.signers.lists import SignerLists
from operator_bank.signers.pending import (
    Together,
    check_room,
    delete_these,
    digest_of,
    find,
    forget_old,
    prepare,
    unknown,
)
from operator_bank.signers.releases import Releases
from operator_bank.signers.tables import pending_orders, pending_signatures
from operator_bank.sweeps.sweeping import Sweeps
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_bank, check_times
from operator_bank.wallets.refused import Refused
from operator_bank.wallets.released import LIST, OPEN, PAYMENT, RELEASED, WITHDRAWN
from operator_bank.wallets.signers import PLACES, RELEASE, Signer, Signers, may_not
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.records import Kind, Result, key_of, record_digest

NOBODY: Mapping[int, bytes] = MappingProxyType({})
_OF, _BY = pending_orders.c, pending_signatures.c
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
    """The use-cases behind Sign, Withdraw, ListPending and GetRelease."""

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
        self._releases = Releases(context, orders)
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
            return Signed(digest_of(order), sorted(able), signers.threshold)
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
                return Signed(digest_of(order), [], signers.threshold, done=True)
            able = _able(self._take(order, LIST, signer, prepares=True), signers)
            if len(able) < signers.threshold:
                return Signed(digest_of(order), sorted(able), signers.threshold)
            self._lists.put(order, able)
            return Signed(digest_of(order), sorted(able), signers.threshold, done=True)

    def sign_release(self, envelope: SignedEnvelope) -> Signed:
        """Takes one signer's signature of a release, first that of who is to send its orders, and
        lets them be sent when there are enough. Raises Refusal.
        """
        order = self._orders.open_together(signers_pb2.ReleaseOrder, envelope)
        with self._directory.one_at_a_time([key_of_wallet(order.wallet.number)]):
            signer, signers = self._in_force(order.wallet)
            if self._releases.is_done(order):
                return Signed(digest_of(order), [], signers.threshold, done=True)
            self._releases.check(order)
            prepares = signer.place == order.content.place
            able = _able(self._take(order, RELEASED, signer, prepares=prepares), signers)
            done = len(able) >= signers.threshold
            if done:
                self._releases.put(order, able)
            return Signed(digest_of(order), sorted(able), signers.threshold, done=done)

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
            # Its digest is enough to refuse it by.
            payload = b"" if row.kind == RELEASED else bytes(row.payload)
            values = {"state": WITHDRAWN, "payload": payload}
            ended = update(pending_orders).where(*its).values(values)
            self._database.transaction(lambda c: c.execute(ended) and None)

    def pending(self, wallet: Wallet) -> list[signers_pb2.PendingOrder]:
        """What waits for signatures of a wallet's signers, the oldest first."""
        now_ms, number = self._clock.now_ms(), wallet.number
        of_release = (_OF.kind == RELEASED, literal(b"", LargeBinary))
        query = select(
            *(_OF.digest, _OF.kind, _OF.place, _OF.created_time_ms),
            case(of_release, else_=_OF.payload).label("payload"),
        ).where(
            _OF.number == number,
            _OF.state == OPEN,
            _OF.list_number == wallet.key_number,
            _OF.expires_time_ms >= now_ms,
        )
        by = select(_BY.digest, _BY.place).where(_BY.number == number)
        rows = self._database.read(
            lambda c: c.execute(query.order_by(_OF.created_time_ms, _OF.digest)).all()
        )
        signed: dict[bytes, list[int]] = defaultdict(list)
        for one in self._database.read(lambda c: c.execute(by.order_by(_BY.place)).all()):
            signed[bytes(one.digest)].append(one.place)
        return [
            signers_pb2.PendingOrder(
                is_list=row.kind == LIST,
                is_release=row.kind == RELEASED,
                order_digest=row.digest,
                payload=bytes(row.payload),
                place=row.place,
                signed=signed[bytes(row.digest)],
                created_time_ms=row.created_time_ms,
            )
            for row in rows
        ]

    def release(self, wallet: Wallet, digest: bytes) -> bytes:
        """The bytes of a release that waits for signatures. Raises Refusal: REQUEST_UNKNOWN."""
        row = self._row(wallet.number, digest)
        now_ms = self._clock.now_ms()
        if (
            row is None
            or (row.kind, row.state, row.list_number) != (RELEASED, OPEN, wallet.key_number)
            or row.expires_time_ms < now_ms
        ):
            raise unknown()
        return bytes(row.payload)

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
        now_ms, number, digest = self._clock.now_ms(), order.wallet.number, digest_of(order)
        if order.content.expires_time_ms < now_ms:
            raise Refusal(errors_pb2.REASON_EXPIRED, "it has expired", field="expires_time_ms")
        same = (_BY.number == number, _BY.digest == digest)

        def body(connection: Connection) -> dict[int, bytes]:
            forget_old(connection, number, now_ms)
            row = find(connection, number, digest)
            if row is None:
                if not prepares:
                    raise unknown()
                check_room(connection, number, signer.place, len(order.payload))
                values = {"kind": kind, "place": signer.place}
                prepare(connection, order, now_ms, values)
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
        return Signed(digest_of(order), sorted(able), threshold, True, paid, available_fen)

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
        number, digests = order.wallet.number, [digest_of(order)]
        self._database.transaction(lambda c: delete_these(c, number, digests))

    def _row(self, number: str, digest: bytes) -> Row[Any] | None:
        return self._database.read(lambda c: find(c, number, digest))


def withdrawn() -> Refusal:
    """Why a payment that was prepared is none."""
    return Refusal(errors_pb2.REASON_ORDER_WITHDRAWN, "a signer has withdrawn it", field="order")


def _able(signed: Mapping[int, bytes], signers: Signers) -> dict[int, bytes]:
    """The signatures of those who may release."""
    may = {one.place for one in signers.signers if one.role == RELEASE}
    return {place: signature for place, signature in signed.items() if place in may}
