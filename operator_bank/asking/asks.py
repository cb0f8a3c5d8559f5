"""Takes requests to pay, and what their two wallets order about them, and lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from currency.number import NumberError, check, prefix_of
from dcep.bank.v1 import asking_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.asking import new_requests, rows
from operator_bank.asking.rows import DECLINED, OPEN, PAID, WITHDRAWING, WITHDRAWN
from operator_bank.asking.tables import asked, blocked_askers
from operator_bank.context import Context
from operator_bank.keys.in_force import check_in_force
from operator_bank.limits import MAX_BLOCKED, MAX_DUE_MS, MAX_REMINDERS, REMINDER_MS
from operator_bank.sub_wallets import tries
from operator_bank.sub_wallets.arrivals import Arrivals
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_unexpired
from operator_bank.wallets.wallet import check_may_order
from runtime.checks import invalid
from runtime.errors import Refusal
from runtime.one_call_each import OneCallEach
from runtime.pagination import decode_token, page_of, page_size

RequestToPay = VerifiedOrder[orders_pb2.RequestToPay]
ChangeAsked = VerifiedOrder[orders_pb2.ChangeAskedOrder]
DECLINE = orders_pb2.ASKED_CHANGE_DECLINE
WITHDRAW = orders_pb2.ASKED_CHANGE_WITHDRAW
REMIND = orders_pb2.ASKED_CHANGE_REMIND
ALLOW = orders_pb2.ASKED_CHANGE_ALLOW
_OF = asked.c


class Asks:
    """The use-cases behind Ask, ChangeAsked, BlockAsker and ListAsked."""

    def __init__(
        self, context: Context, orders: Orders, directory: Directory, arrivals: Arrivals
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._prefix = context.prefix
        self._orders = orders
        self._directory = directory
        self._families = orders.families
        self._arrivals = arrivals
        # What one wallet makes, and what one is shown, is counted by one call at a time. Anybody
        # can name a payer: so each asker has one call at a time there.
        self._making, self._showing = OneCallEach(), OneCallEach()
        self.on_work: Callable[[], None] = lambda: None
        self.on_allowed: Callable[[], object] = lambda: None
        """Tries at once what was just allowed."""

    def ask(self, envelope: SignedEnvelope) -> tuple[str, bool]:
        """Takes a request to pay.

        Returns:
            Its id, and whether it was taken before.

        Raises:
            Refusal: for what concerns its asker alone.
        """
        order = self._orders.open(orders_pb2.RequestToPay, envelope)
        request, now_ms = order.content, self._clock.now_ms()
        check_unexpired(request.expires_time_ms, now_ms)
        _check(request, now_ms)
        self._check_may_ask(order.wallet)
        asker, payer = {request.wallet_number}, {request.payer_number}
        with self._making.holding(asker), self._showing.holding(payer):
            repeated = self._database.transaction(lambda c: self._put(c, order, now_ms))
        if not repeated:
            self.on_work()
        return rows.id_of(request), repeated

    def _check_may_ask(self, wallet: Wallet) -> None:
        check_may_order(int(self._ledger.read([wallet.account])[0]["flags"]))

    def _put(self, connection: Connection, order: RequestToPay, now_ms: int) -> bool:
        check_in_force(connection, order.wallet)
        request = order.content
        before = rows.find(connection, rows.id_of(request))
        if before is not None:
            if bytes(before.payload) != order.payload:
                raise Refusal(
                    errors_pb2.REASON_ID_REUSED,
                    "this id was used for another request",
                    field="nonce",
                )
            return True
        new_requests.check_room(connection, request, now_ms)
        prefix = prefix_of(request.payer_number)
        here = prefix == self._prefix
        is_shown = here and self._arrivals.is_shown(connection, request, now_ms)
        new_requests.keep(
            connection,
            new_requests.Signed(request, order.payload, order.signature, order.wallet.public_key),
            other="" if here else prefix,
            is_shown=is_shown,
            to_tell=not here,
            now_ms=now_ms,
        )
        if is_shown:
            self._arrivals.arrived(connection, request, now_ms)
        return False

    def change(self, envelope: SignedEnvelope) -> asking_pb2.Asked:
        """Declines or withdraws a request, reminds of it, or allows a mandate to pay it; returns it
        as it is then.

        Raises:
            Refusal: REQUEST_TO_PAY_UNKNOWN, REQUEST_TO_PAY_OVER, TOO_MANY_REQUESTS.
        """
        order = self._orders.open(orders_pb2.ChangeAskedOrder, envelope)
        now_ms = self._clock.now_ms()
        check_unexpired(order.content.expires_time_ms, now_ms)
        changed = self._database.transaction(lambda c: self._change(c, order, now_ms))
        self.on_work()
        if order.content.change == ALLOW and changed.state == OPEN:
            self.on_allowed()
            return self.page(order.wallet, 1, "", order.content.request_to_pay_id)[0][0]
        return changed

    def _change(self, connection: Connection, order: ChangeAsked, now_ms: int) -> asking_pb2.Asked:
        check_in_force(connection, order.wallet)
        content = order.content
        row = rows.find(connection, content.request_to_pay_id, locked=True)
        if row is None or not self._may_change(row, order.wallet, content.change):
            raise rows.unknown()
        paid = rows.paid_fen(connection, [row.id]).get(row.id, 0)
        became = _becomes(row, content.change)
        state = rows.state_of(row, paid, now_ms)
        if content.change == ALLOW and state == PAID:
            return rows.shown(row, paid, now_ms)
        if state == became and state != OPEN or (state, became) == (WITHDRAWN, WITHDRAWING):
            return rows.shown(row, paid, now_ms)
        if state != OPEN:
            raise rows.over(state)
        if content.change == ALLOW:
            self._arrivals.allowed(connection, row, order, now_ms)
            return rows.shown(row, paid, now_ms)
        values: dict[str, Any] = {"state": int(became)}
        if content.change == REMIND:
            check_reminder(row, now_ms)
            values |= {"reminders": row.reminders + 1, "reminded_time_ms": now_ms}
            self._arrivals.reminded(connection, row, now_ms)
        values |= {
            "change_key": order.wallet.public_key,
            "change_payload": order.payload,
            "change_signature": order.signature,
            # Whose mandate a request is to is nobody else's business, nor who declines it.
            "to_tell": int(row.other != "" and order.wallet.number in (row.asker, row.payer)),
        }
        connection.execute(update(asked).where(_OF.number == row.number).values(values))
        after = rows.find(connection, row.id)
        assert after is not None
        return rows.shown(after, paid, now_ms)

    def _may_change(self, row: Row[Any], wallet: Wallet, change: int) -> bool:
        if change not in (DECLINE, ALLOW):
            return bool(row.asker == wallet.number)
        is_payer = change == DECLINE and row.payer == wallet.number
        given = self._families.mandate(self._directory.account(row.payer))
        gave = given is not None and given.parent == wallet.account
        return bool(row.shown and (is_payer or gave))

    def block(self, envelope: SignedEnvelope) -> None:
        """Shows a wallet no more of an asker's requests, or again.

        Raises:
            Refusal: TOO_MANY_REQUESTS, for as many askers as a wallet may have spoken of.
        """
        order = self._orders.open(orders_pb2.BlockAskerOrder, envelope)
        check_unexpired(order.content.expires_time_ms, self._clock.now_ms())
        if order.content.asker_number:
            _check_number(order.content.asker_number, "asker_number")
        self._database.transaction(lambda c: _block(c, order))

    def page(
        self, wallet: Wallet, wanted_size: int, token: str, request: str
    ) -> tuple[list[asking_pb2.Asked], str]:
        """A page of the requests that a wallet has made or is shown, newest first.

        Args:
            wallet: who asks.
            wanted_size: how many; 0 for the usual number.
            token: of the page; "" for the first.
            request: the id of the only one that is wanted; "" for all.

        Returns:
            The requests, and the next page's token.
        """
        size, start = page_size(wanted_size), decode_token(token, 1)
        given = self._families.mandates_of(wallet.account)
        mandates = [self._directory.number_of(each.account) for each in given]
        seen = and_(_OF.payer.in_([wallet.number, *mandates]), _OF.shown == 1)
        query = select(asked).where(or_(_OF.asker == wallet.number, seen))
        if start is not None:
            query = query.where(_OF.number < start[0])
        if request:
            query = query.where(_OF.id == request)
        query = query.order_by(_OF.number.desc()).limit(size + 1)

        def read(connection: Connection) -> tuple[list[asking_pb2.Asked], str]:
            found, following = page_of(
                connection.execute(query).all(), size, lambda row: [row.number]
            )
            paid = rows.paid_fen(connection, [row.id for row in found])
            now_ms = self._clock.now_ms()
            of_mandates = [row.id for row in found if row.payer in mandates]
            why_not = tries.reasons(connection, of_mandates) if mandates else {}
            shown = [rows.shown(row, paid.get(row.id, 0), now_ms) for row in found]
            for row, one in zip(found, shown, strict=True):
                if one.state == OPEN:
                    one.not_paid = why_not.get(row.id, 0)  # type: ignore[assignment]
            return shown, following

        return self._database.read(read)


def check_reminder(row: Row[Any], now_ms: int) -> None:
    """Raises Refusal: TOO_MANY_REQUESTS, if a request's payer cannot be reminded now."""
    if row.reminders >= MAX_REMINDERS:
        raise rows.too_many(f"a payer is reminded {MAX_REMINDERS} times at most", rows.FIELD)
    again_ms = row.reminded_time_ms + REMINDER_MS
    if now_ms < again_ms:
        raise rows.too_many(
            "a payer is reminded once a day at most", rows.FIELD, retry_time_ms=str(again_ms)
        )


def _check(request: orders_pb2.RequestToPay, now_ms: int) -> None:
    """Raises Refusal if this is no request that anybody could pay."""
    _check_number(request.payer_number, "payer_number")
    if request.payer_number == request.wallet_number:
        raise Refusal(
            errors_pb2.REASON_SAME_ACCOUNT, "a wallet asks another one", field="payer_number"
        )
    check_due(request, now_ms)


def check_due(request: orders_pb2.RequestToPay, now_ms: int) -> None:
    """Raises Refusal: FIELD_INVALID, if a request is due too late, or was due before."""
    if not now_ms <= request.due_time_ms <= now_ms + MAX_DUE_MS:
        raise invalid("due_time_ms", "lies between now and 366 days from now")


def _check_number(number: str, field: str) -> None:
    try:
        check(number)
    except NumberError as error:
        raise invalid(field, f"is no wallet number: {error}") from None


def _becomes(row: Row[Any], change: int) -> int:
    """The AskedState that a change makes of an open request."""
    if change == WITHDRAW:
        # Only the payer's bank can say that nothing more is paid on it.
        return int(WITHDRAWING if row.other else WITHDRAWN)
    return int(DECLINED if change == DECLINE else OPEN)


def _block(connection: Connection, order: VerifiedOrder[orders_pb2.BlockAskerOrder]) -> None:
    check_in_force(connection, order.wallet)
    content, of = order.content, blocked_askers.c
    values = {
        "blocked": int(content.blocked),
        "ordered_time_ms": content.created_time_ms,
        "payload": order.payload,
        "signature": order.signature,
    }
    key = {"payer": content.wallet_number, "asker": content.asker_number}
    this = and_(of.payer == content.wallet_number, of.asker == content.asker_number)
    before = connection.execute(select(of.ordered_time_ms).where(this).with_for_update()).first()
    if before is not None:
        if before.ordered_time_ms < content.created_time_ms:
            connection.execute(update(blocked_askers).where(this).values(values))
        return
    count = select(func.count()).where(of.payer == content.wallet_number)
    if (connection.scalar(count) or 0) >= MAX_BLOCKED:
        raise rows.too_many(f"a wallet speaks of {MAX_BLOCKED} askers at most", "asker_number")
    connection.execute(insert(blocked_askers), {**key, **values})
