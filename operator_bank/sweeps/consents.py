"""Knows which wallets have what payments bring over a level swept, and takes their orders.

What a wallet has ordered is a record of its own in the journal, which changes nothing: so each
sweep is known to come after the order that allows it.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.context import Context
from operator_bank.exchange.deposits import account_of
from operator_bank.ledger.accounts import Purpose
from operator_bank.ledger.reasons import refusal_of
from operator_bank.ledger.tables import accounts
from operator_bank.limits import SWEEP_ORDERS_PER_DAY
from operator_bank.sweeps.tables import sweep_orders
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.orders import Orders, VerifiedOrder, check_unexpired
from operator_bank.wallets.per_day import check_per_day
from operator_bank.wallets.refused import Refused
from operator_bank.wallets.wallet import check_may_order
from runtime.errors import Refusal
from settlement.builders import records_of, setting_limit_set
from settlement.core import Answers, Batch, CoreStopped
from settlement.payment_rows import PaymentRow
from settlement.records import Result, key_of

Order = VerifiedOrder[orders_pb2.SweepOrder]
_OF = sweep_orders.c


class Consent(NamedTuple):
    """What a wallet's holder has ordered.

    Attributes:
        deposit: the holder's deposit account.
        above_fen: the level; 0 for what the wallet's class allows.
        sequence: of the order, which says by which key it was signed.
        position: of the order's record.
    """

    deposit: int
    above_fen: int
    sequence: int
    position: int


class Consents:
    """The consents in force, by account; at most one for each wallet that has a deposit account.

    One that is withdrawn is gone before its record is written, and one that is given is there only
    after that. So no sweep stands before its order, or after one that ends it.
    """

    def __init__(self, context: Context) -> None:
        own, deposits = accounts.alias(), accounts.alias()
        newest = select(func.max(_OF.position)).group_by(_OF.wallet)
        query = (
            select(
                *(own.c.number, deposits.c.number.label("deposit")),
                *(_OF.above_fen, _OF.sequence, _OF.position),
            )
            .join(own, (own.c.owner == _OF.wallet) & (own.c.purpose == Purpose.WALLET))
            .join(
                deposits,
                (deposits.c.owner == _OF.wallet) & (deposits.c.purpose == Purpose.DEPOSIT),
            )
            .where(_OF.position.in_(newest), _OF.sweeps == 1)
        )
        rows = context.database.read(lambda c: c.execute(query).all())
        self._of = {row.number: Consent(*row[1:]) for row in rows}

    def find(self, account: int) -> Consent | None:
        """What the holder of an account has consented to; None for nothing."""
        return self._of.get(account)

    def end(self, account: int) -> Consent | None:
        """Ends a consent, and returns it."""
        return self._of.pop(account, None)

    def begin(self, account: int, consent: Consent) -> None:
        """Takes in a consent that is journaled."""
        self._of[account] = consent


class SweepOrders:
    """The use-case behind OrderSweep."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        orders: Orders,
        refused: Refused,
        consents: Consents,
    ) -> None:
        self._ledger = context.ledger
        self._database = context.database
        self._clock = context.clock
        self._directory = directory
        self._orders = orders
        self._refused = refused
        self._consents = consents

    def order(self, envelope: SignedEnvelope) -> bool:
        """Carries out an order; returns whether it was carried out before.

        Raises:
            Refusal: nothing has changed.
        """
        order = self._orders.open(orders_pb2.SweepOrder, envelope)
        with self._directory.one_at_a_time([order.wallet.number]):
            earlier = self._refused.earlier(order)
            if earlier is not None:
                return _again(earlier)
            now_ms = self._clock.now_ms()
            self._refused.check_room(order.wallet.account)
            self._check_per_day(order, now_ms)
            try:
                self._check(order, now_ms)
            except Refusal as refusal:
                raise self._refused.keep(order, refusal) from None
            self._carry_out(order, now_ms)
        return False

    def shown(self, account: int, key_number: int) -> Consent | None:
        """What a wallet's holder is told of it: nothing of a consent whose key was replaced."""
        found = self._consents.find(account)
        return found if found is not None and key_of(found.sequence) == key_number else None

    def _check_per_day(self, order: Order, now_ms: int) -> None:
        """Raises Refusal: OVERLOADED, which decides nothing."""
        check_per_day(
            self._database,
            _OF.time_ms,
            _OF.wallet == order.wallet.row_id,
            most=SWEEP_ORDERS_PER_DAY,
            what="orders about sweeping",
            now_ms=now_ms,
        )

    def _check(self, order: Order, now_ms: int) -> None:
        """Raises Refusal if the wallet may not order this."""
        check_unexpired(order.content.expires_time_ms, now_ms)
        self._orders.families.check_is_none(order.wallet)
        check_may_order(int(self._ledger.read([order.wallet.account])[0]["flags"]))
        if order.content.sweeps:
            account_of(order.wallet, "sweeps")

    def _carry_out(self, order: Order, now_ms: int) -> None:
        """Journals an order that may be carried out; nothing else about the wallet changes
        meanwhile.
        """
        wallet, content = self._directory.get(order.wallet.number), order.content
        row = setting_limit_set(
            wallet.account, wallet.wallet_class, time_ms=now_ms, digest=order.digest
        )._replace(origin=wallet.account, sequence=content.sequence)
        position = 0

        def put(connection: Connection, answers: Answers) -> None:
            nonlocal position
            if not answers.result(0).accepted or answers.repeated[0]:
                return
            position = int(answers.positions[0])
            values = {
                "position": position,
                "wallet": wallet.row_id,
                "sequence": content.sequence,
                "sweeps": int(content.sweeps),
                "above_fen": content.above_fen,
                "time_ms": now_ms,
            }
            connection.execute(insert(sweep_orders).values(values))

        kept = Batch(records_of([row]), [order.payload], put, signatures=[order.signature])
        before = self._consents.end(wallet.account)
        try:
            answers = self._ledger.submit(kept)
            self._refused.count(kept, answers)
            if not answers.result(0).accepted:
                raise refusal_of(answers.result(0))
        except CoreStopped:
            raise
        except Exception:
            if before is not None:
                self._consents.begin(wallet.account, before)
            raise
        if content.sweeps and wallet.deposit_account is not None:
            consent = Consent(wallet.deposit_account, content.above_fen, content.sequence, position)
            self._consents.begin(wallet.account, consent)


def _again(row: PaymentRow) -> bool:
    """The first answer to an order, by its row in the journal. Raises Refusal, if that was one."""
    if row.reason:
        raise Refusal(row.reason, "it was refused for this before; make it anew")
    if not Result(row.result).accepted:
        raise refusal_of(Result(row.result))
    return True
