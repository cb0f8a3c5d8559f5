"""What entries of the feed say, as rows, in the transaction in which the money moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, insert, update

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.moves import DEPOSITED, ENDED, SETTLED, Heard, Move
from operator_bank.feed.tables import returned_payments
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import holders_reason
from operator_bank.limits import SHORT_VALIDITY_MS
from operator_bank.lost.tables import lost_moves
from operator_bank.lost.windows import ComeBacks
from operator_bank.offline.tables import token_deposits
from operator_bank.payments.probing import PayeeRefusals
from operator_bank.payments.tables import outbound, undeliverable
from operator_bank.suspense.entries import entry_row, put_entries, source_of
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.refused import Refused
from runtime.clock import Clock
from runtime.database import execute_many, of_values
from runtime.errors import reason_name
from runtime.logs import logger
from runtime.parts import parts
from settlement.builders import Row
from settlement.core import Answers
from settlement.records import Kind, Result

OutboundPayment = registration_pb2.OutboundPayment
OutgoingEnded = registration_pb2.OutgoingEnded
_UNDELIVERABLE, _REFUSED, _NO_MOVE = (
    int(Result.UNDELIVERABLE),
    int(Result.MALFORMED),
    int(Kind.REFUSAL),
)
_SETTLE = f"UPDATE {outbound.name} SET state = {SETTLED} WHERE number IN ?"
_END = f"UPDATE {outbound.name} SET state = ?, reason = ? WHERE number = ?"


class FeedRows:
    """Writes them."""

    def __init__(
        self,
        directory: Directory,
        clock: Clock,
        refusals: PayeeRefusals,
        refused: Refused,
        windows: ComeBacks,
    ) -> None:
        self._windows = windows
        self._directory = directory
        self._clock = clock
        self._refusals = refusals
        self._refused = refused
        self._log = logger("feed")

    def write(
        self,
        connection: Connection,
        found: Sequence[Heard],
        moves: Sequence[Move],
        answers: Answers,
    ) -> None:
        """Writes what these entries say; of one that was refused, nothing."""
        ends: list[tuple[int, int, int]] = []
        settled: list[int] = []
        deposits: list[dict[str, int]] = []
        undeliverables: list[dict[str, Any]] = []
        suspended: list[dict[str, Any]] = []
        came_back: list[dict[str, int]] = []
        lost: list[dict[str, Any]] = []
        results = answers.results.tolist()
        for index in np.flatnonzero(~answers.repeated).tolist():
            one, row = found[index], moves[index].row
            entry, event, number = one.entry, one.event, one.number
            if results[index] >= _REFUSED and row.kind != _NO_MOVE:
                continue
            if row.debit == accounts.LOST:
                if row.kind != _NO_MOVE:
                    lost.append(_lost(one, row))
                continue
            back = one.payment
            if back is not None and back.returns_payment_id and row.credit != accounts.SUSPENSE:
                came_back.append({"number": back.returns_number, "entry": entry.number})
            if results[index] == _UNDELIVERABLE or accounts.SUSPENSE in (row.debit, row.credit):
                position = int(answers.positions[index])
                # To a wallet that was lost it was delivered once: it does not go back by itself.
                sent_back = not self._windows.has(entry.number)
                a_payment = one.payment is not None and not one.payment.returns_payment_id
                if a_payment and sent_back and one.payment is not None:
                    undeliverables.append(_undeliverable(one.payment, position))
                elif event != "outgoing_settled":
                    # A return that cannot be delivered is not sent back and forth.
                    suspended.append(self._suspended(one, row, position))
            if event in ("outgoing_settled", "tokens_registered"):
                settled.append(number)
            elif event == "outgoing_ended":
                ended = entry.outgoing_ended
                told = holders_reason(ended.reason)
                if told != ended.reason:
                    self._log.warning(
                        "refused", number=ended.number, reason=reason_name(ended.reason)
                    )
                ends.append((ENDED[ended.state], told, ended.number))
                if ended.reason == errors_pb2.REASON_PAYEE_CANNOT_BE_PAID:
                    payee_number = OutboundPayment.FromString(ended.payment).payee_number
                    self._refused.count_not_taken(row.debit, payee_number)
                    self._refusals.count(row.debit, payee_number, self._clock.now_ms())
                elif _is_the_payers(ended):
                    self._refused.count_ended(row.debit)
            elif one.payment is not None and one.payment.returns_payment_id:
                payer_number = one.payment.payer_number  # whom the money did not reach
                self._refusals.count(row.credit, payer_number, self._clock.now_ms())
            elif event == DEPOSITED:
                deposited = entry.tokens_deposited
                deposits.append({"n": deposited.number, "s": SETTLED, "a": deposited.whole_fen})
        for part in parts(settled):
            of_values(connection, _SETTLE, part)
        if ends:
            execute_many(connection, _END, ends)
        if deposits:
            statement = update(token_deposits).where(token_deposits.c.id == bindparam("n"))
            connection.execute(
                statement.values(state=bindparam("s"), amount_fen=bindparam("a")), deposits
            )
        if undeliverables:
            connection.execute(insert(undeliverable), undeliverables)
        if came_back:
            connection.execute(insert(returned_payments), came_back)
        if lost:
            connection.execute(insert(lost_moves), lost)
        put_entries(connection, suspended)

    def _suspended(self, one: Heard, row: Row, position: int) -> dict[str, Any]:
        payment = one.payment
        if one.event == "outgoing_ended":
            payment = OutboundPayment.FromString(one.entry.outgoing_ended.payment)
        source = source_of(one.entry, self._directory.number_of(row.credit), payment)
        now_ms = self._clock.now_ms()
        return entry_row(source, position=position, amount_fen=row.amount_fen, time_ms=now_ms)


def _is_the_payers(ended: OutgoingEnded) -> bool:
    """Whether a payment could not settle by what its payer asked for, as far as can be told.

    One that was given little time may have been meant to expire.
    """
    if ended.reason == errors_pb2.REASON_EXPIRED:
        payment = OutboundPayment.FromString(ended.payment)
        return int(payment.expires_time_ms - payment.created_time_ms) < SHORT_VALIDITY_MS
    return ended.reason == errors_pb2.REASON_BANK_UNKNOWN


def _lost(one: Heard, moved: Row) -> dict[str, Any]:
    """A row of what left the bank without that this database knows of it."""
    entry, row = one.entry, {"kind": "payment", "payer": "", "payment_id": "", "payment": b""}
    if one.event == "outgoing_settled":
        payment = OutboundPayment.FromString(entry.outgoing_settled.payment)
        row |= {"payer": payment.payer_number, "payment_id": payment.payment_id}
        row["payment"] = entry.outgoing_settled.payment
    else:
        row["kind"] = "load" if one.event == "tokens_registered" else "redemption"
    number = entry.redeemed.number if one.event == "redeemed" else one.number
    return {
        **row,
        "entry": entry.number,
        "number": number,
        "amount_fen": moved.amount_fen,
        "settled_fen": 0,
    }


def _undeliverable(payment: OutboundPayment, position: int) -> dict[str, Any]:
    return {
        "position": position,
        "payment_id": payment.payment_id,
        "body": payment.SerializeToString(),
        "returned": 0,
    }
