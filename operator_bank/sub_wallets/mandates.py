"""Pays by mandates: what their payees ask, with money of the wallet that has given them.

A request that comes, a reminder, and the holder's word that what is beyond a mandate be paid all
the same, each leave a row. Each row is tried once. How much of a mandate is used is decided in the
transaction that journals the payment: see decision 60.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, func, select

from currency.amount import format_yuan
from currency.days import month_of
from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.asking import rows
from operator_bank.asking.answering import AskedPayments, PaymentOrder
from operator_bank.context import Context
from operator_bank.limits import (
    ASIDE_MS,
    MANDATE_PAYMENT_MS,
    MANDATE_TRIES_AT_ONCE,
    MAX_TRIES_ASIDE,
)
from operator_bank.lost.settling import LostPayments
from operator_bank.lost.windows import ComeBacks
from operator_bank.sub_wallets import tries
from operator_bank.sub_wallets.families import Families, SubWallet
from operator_bank.sub_wallets.tables import sub_wallet_orders
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.orders import VerifiedOrder
from runtime.errors import Refusal, is_undecided
from settlement.builders import Row as Record
from settlement.builders import linked, transfer
from settlement.records import RecordFlag, record_digest

_LAST, _NO_LIMIT = int(RecordFlag.DECIDED_LAST), int(RecordFlag.NO_LIMIT)
_MANDATE = purposes_pb2.PURPOSE_MANDATE
_OF_ONE = errors_pb2.REASON_TOO_MANY_REFUSALS
"""This one wallet has to wait; if its tries waited too, those of all others would behind them."""


class Mandates:
    """Tries what waits, one at a time."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        families: Families,
        payments: AskedPayments,
        windows: ComeBacks,
        lost: LostPayments,
    ) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._directory = directory
        self._families = families
        self._payments = payments
        self._windows = windows
        self._lost = lost
        self._trying = threading.Lock()
        self._aside: dict[int, int] = {}
        """When a try that ended in a fault is made again, by its number; passing time."""

    def step(self) -> bool:
        """Tries some of what waits; returns True if there may be more.

        A try that ends in a fault of ours is set aside for a while, so that the next step comes to
        those behind it.
        """
        with self._trying:
            now_ms = self._clock.monotonic_ms()
            self._aside = {one: at_ms for one, at_ms in self._aside.items() if at_ms > now_ms}
            aside = list(self._aside)[:MAX_TRIES_ASIDE]
            found = self._database.read(lambda c: tries.waiting(c, MANDATE_TRIES_AT_ONCE, aside))
            for one in found:
                try:
                    self._try(one)
                except Refusal as refusal:
                    if is_undecided(refusal.reason) and refusal.reason != _OF_ONE:
                        return False  # it waits
                    end = partial(tries.not_paid, number=one.number, reason=refusal.reason)
                    self._database.transaction(end)
                except Exception:
                    self._aside[one.number] = now_ms + ASIDE_MS
                    raise
        return len(found) == MANDATE_TRIES_AT_ONCE

    def _try(self, one: Row[Any]) -> None:
        """Pays a request. Raises Refusal."""
        sub = self._families.find(one.account)
        asked = self._database.read(lambda c: rows.find(c, one.request))
        if sub is None or asked is None:
            raise rows.unknown()
        now_ms = self._clock.now_ms()
        if sub.is_over(now_ms):
            raise Refusal(errors_pb2.REASON_WALLET_CLOSED, "the mandate has ended")
        self._check_allowed(one, sub)
        order = self._order(sub, asked, now_ms)
        self._database.read(lambda c: self._check(c, one, sub, order, now_ms))

        # A payment counts in the month of its own record.
        at_ms = now_ms

        def chain(payment: Record) -> list[Record]:
            nonlocal at_ms
            at_ms = payment.time_ms
            return _chain(sub, payment)

        def note(connection: Connection, position: int) -> None:
            month = self._check(connection, one, sub, order, at_ms)
            fen = order.content.amount_fen
            tries.paid(connection, one.number, position=position, month=month, amount_fen=fen)

        self._payments.pay_by_mandate(order, chain, note)

    def _check_allowed(self, one: Row[Any], sub: SubWallet) -> None:
        """Raises Refusal: KEY_REPLACED, if who allowed it could not do so any more."""
        holder = self._directory.get(self._directory.number_of(sub.parent))
        if one.allowed and bytes(one.allow_key) not in holder.alone:
            raise Refusal(errors_pb2.REASON_KEY_REPLACED, "the wallet's key was replaced")

    def _check(
        self, connection: Connection, one: Row[Any], sub: SubWallet, order: PaymentOrder, at_ms: int
    ) -> int:
        """Returns the month that a payment of a time counts in. Raises Refusal: BEYOND_MANDATE."""
        # A clock that is set back gives nobody a month anew.
        month = max(month_of(at_ms), tries.newest_month(connection, sub.account))
        spent_fen = tries.spent_fen(connection, [sub.account], month).get(sub.account, 0)
        mandate = sub.terms.mandate
        left_fen = min(mandate.each_fen, mandate.month_fen - spent_fen)
        if one.allowed:
            left_fen = sub.terms.balance_cap_fen
        elif self._is_of_a_copy(connection, sub):
            left_fen = 0
        if order.content.amount_fen > left_fen:
            raise Refusal(
                errors_pb2.REASON_BEYOND_MANDATE,
                f"the mandate has {format_yuan(max(0, left_fen))} yuan for it",
            )
        return month

    def _is_of_a_copy(self, connection: Connection, sub: SubWallet) -> bool:
        """Whether the holder has said nothing of a mandate since the bank came back from an older
        copy: it may have been ended in the time that was lost, and of the month some may be used.
        """
        went_on_at = self._windows.went_on_at
        if not went_on_at:
            return False
        of = sub_wallet_orders.c
        newest = select(func.max(of.position)).where(of.wallet == self._wallet(sub).row_id)
        return int(connection.scalar(newest) or 0) < went_on_at

    def _wallet(self, sub: SubWallet) -> Wallet:
        return self._directory.get(self._directory.number_of(sub.account))

    def _order(self, sub: SubWallet, asked: Row[Any], now_ms: int) -> PaymentOrder:
        """The payment as a wallet's order would say it; signed is what its payee asks."""
        wallet = self._wallet(sub)
        request = orders_pb2.RequestToPay.FromString(bytes(asked.payload))
        last = int(self._ledger.read([sub.account])[0]["last_sequence"])
        if not self._lost.has_none:
            last = max(last, self._lost.last_sequence(wallet.number))
        content = orders_pb2.PaymentOrder(
            wallet_number=wallet.number,
            # By the second: an older copy of the database does not use a number again that was
            # used after it was made. Nor if the clock was set back, as far as the feed has told.
            sequence=max(last + 1, now_ms // 1_000),
            payee_number=asked.asker,
            amount_fen=asked.amount_fen,
            created_time_ms=now_ms,
            expires_time_ms=min(
                now_ms + MANDATE_PAYMENT_MS, sub.terms.ends_time_ms, asked.due_time_ms
            ),
            memo=request.text,
            request_to_pay_id=asked.id,
            request_to_pay_digest=rows.digest_of(asked),
        )
        payload = bytes(asked.payload)
        digest = record_digest(payload)
        return VerifiedOrder(wallet, content, digest, payload, bytes(asked.signature))


def _chain(sub: SubWallet, payment: Record) -> list[Record]:
    """The records of a payment: its own, and before it is decided the one that brings its money
    into the mandate.
    """
    money = transfer(
        origin=sub.account,
        sequence=0,
        debit=sub.parent,
        credit=sub.account,
        amount_fen=payment.amount_fen,
        purpose=_MANDATE,
        time_ms=payment.time_ms,
        expires_ms=payment.expires_ms,
        flags=_NO_LIMIT,
        digest=sub.digest,
    )
    return linked([payment._replace(flags=payment.flags | _LAST, purpose=_MANDATE), money])
