"""Sends money back that could not be credited, by a new payment that names the old one."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from currency.number import prefix_of
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_ORDER_VALIDITY_MS
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.rows import Going, put_outbound
from operator_bank.payments.tables import undeliverable
from operator_bank.suspense.entries import entry_row, put_entries, undelivered
from settlement.builders import hold, records_of
from settlement.core import Answers, Batch
from settlement.records import RecordFlag


class Returns:
    """Sends undeliverable payments back out of suspense."""

    def __init__(self, context: Context, outgoing: Outbound) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._outgoing = outgoing
        self._clock = context.clock
        self._bank = context.bank

    def step(self) -> bool:
        """Starts the return of one undeliverable payment; returns True if there was one."""
        query = (
            select(undeliverable)
            .where(undeliverable.c.returned == 0)
            .order_by(undeliverable.c.position)
        )
        row = self._database.read(lambda c: c.execute(query.limit(1)).first())
        if row is None:
            return False
        now_ms = self._clock.now_ms()
        old = registration_pb2.OutboundPayment.FromString(bytes(row.body))
        body = registration_pb2.OutboundPayment(
            payment_id=f"{self._bank}-return-{row.position}",
            payer_number=old.payee_number,
            payee_number=old.payer_number,
            amount_fen=old.amount_fen,
            created_time_ms=now_ms,
            expires_time_ms=now_ms + MAX_ORDER_VALIDITY_MS,
            memo="returned",
            returns_payment_id=old.payment_id,
            returns_number=old.number,
        ).SerializeToString()
        record = records_of(
            [
                hold(
                    origin=accounts.SUSPENSE,
                    sequence=row.position,
                    debit=accounts.SUSPENSE,
                    amount_fen=old.amount_fen,
                    purpose=purposes_pb2.PURPOSE_RETURN,
                    time_ms=now_ms,
                    flags=RecordFlag.NO_LIMIT,
                )
            ]
        )

        def in_transaction(connection: Connection, answers: Answers) -> None:
            going = Going(prefix_of(old.payer_number), body)
            put_outbound(connection, record, {0: going}, answers, "return")
            if not answers.result(0).accepted:
                # There are too many holds: the money stays in suspense until an officer pays it
                # out.
                suspended = entry_row(
                    undelivered(old),
                    position=row.position,
                    amount_fen=old.amount_fen,
                    time_ms=now_ms,
                    sequence=int(answers.positions[0]),
                )
                put_entries(connection, [suspended])
            marked = update(undeliverable).where(undeliverable.c.position == row.position)
            connection.execute(marked.values(returned=1))

        self._ledger.submit(Batch(record, [body], in_transaction))
        self._outgoing.wake()
        return True
