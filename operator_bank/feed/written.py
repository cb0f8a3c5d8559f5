"""Gathers the rows that entries of the feed write, so that one statement writes many of them."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, update

from dcep.bank.v1 import states_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.asking.tables import asked_payments
from operator_bank.feed.tables import returned_payments
from operator_bank.ledger.reasons import holders_reason
from operator_bank.limits import SHORT_VALIDITY_MS
from operator_bank.lost.tables import lost_moves
from operator_bank.offline.tables import token_deposits
from operator_bank.payments.probing import PayeeRefusals
from operator_bank.payments.tables import outbound, undeliverable
from operator_bank.suspense.entries import Source, entry_row, put_entries
from operator_bank.wallets.refused import Refused
from runtime.chunks import chunks
from runtime.database import execute_many, of_values
from runtime.errors import reason_name
from runtime.logs import logger

OutboundPayment = registration_pb2.OutboundPayment
_SETTLED = states_pb2.PAYMENT_STATE_SETTLED
_SETTLE = f"UPDATE {outbound.name} SET state = {_SETTLED} WHERE number IN ?"
_END = f"UPDATE {outbound.name} SET state = ?, reason = ? WHERE number = ?"
_LOST = {"payer": "", "payment_id": "", "payment": b"", "settled_fen": 0}


class Written:
    """Rows that wait for `flush`. Counts are not delayed: they are kept in memory."""

    def __init__(self, refusals: PayeeRefusals, refused: Refused, now_ms: int) -> None:
        """Begins with no rows.

        Args:
            refusals: counts payments that failed for their payees.
            refused: counts what is kept of refused orders.
            now_ms: Unix milliseconds, the time of all that is counted and written.
        """
        self._refusals = refusals
        self._refused = refused
        self._now_ms = now_ms
        self._settled: list[int] = []
        self._ends: list[tuple[int, int, int]] = []
        self._deposits: list[dict[str, int]] = []
        self._returned: list[dict[str, int]] = []
        self._answers: list[dict[str, object]] = []
        self._undeliverable: list[dict[str, object]] = []
        self._suspended: list[dict[str, object]] = []
        self._lost: list[dict[str, object]] = []
        self._log = logger("feed")

    def settle(self, number: int) -> None:
        """A payment or load that this bank sent has settled."""
        self._settled.append(number)

    def end(self, number: int, state: int, reason: int) -> None:
        """A payment or load has ended without settling, for a Reason of the contract."""
        told = holders_reason(reason)
        if told != reason:
            self._log.warning("refused", number=number, reason=reason_name(reason))
        self._ends.append((state, told, number))

    def deposit(self, number: int, amount_fen: int) -> None:
        """A deposit of tokens was accepted, worth so much in all."""
        self._deposits.append({"n": number, "s": _SETTLED, "a": amount_fen})

    def return_payment(self, number: int, entry: int) -> None:
        """A payment of this bank was returned by this entry."""
        self._returned.append({"number": number, "entry": entry})

    def answer(self, payment: OutboundPayment, position: int) -> None:
        """A payment has come that answers a request to pay of its payee."""
        row = {"position": position, "request": payment.request_to_pay_id}
        self._answers.append({**row, "amount_fen": payment.amount_fen})

    def undelivered(self, payment: OutboundPayment, position: int) -> None:
        """A payment lies in suspense, and will be sent back to its payer by itself."""
        self._undeliverable.append(
            {
                "position": position,
                "payment_id": payment.payment_id,
                "body": payment.SerializeToString(),
                "returned": 0,
            }
        )

    def suspend(self, source: Source, position: int, amount_fen: int) -> None:
        """Money lies in suspense until an officer pays it out."""
        self._suspended.append(
            entry_row(source, position=position, amount_fen=amount_fen, time_ms=self._now_ms)
        )

    def lose(self, entry: int, amount_fen: int, row: dict[str, object]) -> None:
        """Money left this bank, and this database does not know why."""
        self._lost.append({**_LOST, "entry": entry, "amount_fen": amount_fen, **row})

    def count_not_taken(self, account: int, payment: OutboundPayment) -> None:
        """Counts that a payment of an account failed for its payee."""
        self._refused.count_not_taken(account, payment.payee_number)
        self._refusals.count(account, payment.payee_number, self._now_ms)

    def count_expired(self, account: int, payment: OutboundPayment) -> None:
        """Counts a payment of an account that expired, if it was valid only for a short time."""
        if payment.expires_time_ms - payment.created_time_ms < SHORT_VALIDITY_MS:
            self.count_ended(account)

    def count_ended(self, account: int) -> None:
        """Counts a payment of an account that could not settle as its payer ordered it."""
        self._refused.count_ended(account)

    def count_returned(self, account: int, number: str) -> None:
        """Counts that a payment of an account came back from a wallet that the money did not
        reach.
        """
        self._refusals.count(account, number, self._now_ms)

    def flush(self, connection: Connection) -> None:
        """Writes all rows, in the transaction in which the money moves."""
        for chunk in chunks(self._settled):
            of_values(connection, _SETTLE, chunk)
        if self._ends:
            execute_many(connection, _END, self._ends)
        if self._deposits:
            statement = update(token_deposits).where(token_deposits.c.id == bindparam("n"))
            values = statement.values(state=bindparam("s"), amount_fen=bindparam("a"))
            connection.execute(values, self._deposits)
        for table, rows in (
            (asked_payments, self._answers),
            (undeliverable, self._undeliverable),
            (returned_payments, self._returned),
            (lost_moves, self._lost),
        ):
            if rows:
                connection.execute(insert(table), rows)
        put_entries(connection, self._suspended)
