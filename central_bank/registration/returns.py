"""Decides about returns and refunds: each gives back a payment that settled the other way round.

A payment is returned once, by the bank that could not deliver it. It is refunded by whoever
received it, in parts if they like; how much they come to is for their own bank to say, whose money
it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, insert, select, tuple_

from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
from central_bank.registration.tables import returned_payments
from currency.number import prefix_of
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.chunks import chunks
from runtime.one_call_each import OneCallEach
from settlement.core import Answers
from settlement.payment_rows import PaymentRow
from settlement.records import Kind, Result

OutboundPayment = registration_pb2.OutboundPayment
NOTHING_TO_RETURN = int(errors_pb2.REASON_NOTHING_TO_RETURN)
_OF = returned_payments.c


class _Original(NamedTuple):
    """A payment, by the index of the bank that submitted it and that bank's number."""

    bank: int
    number: int


class Returns:
    """Decides about returns and refunds. Whoever settles them is within `deciding` from before they
    are judged.
    """

    def __init__(self, context: Context) -> None:
        self._database = context.database
        self._history = context.history
        self._deciding = OneCallEach()

    def deciding(
        self,
        bank: AdmittedBank,
        payments: Sequence[OutboundPayment],
        indices: Iterable[int],
        banks: Mapping[str, AdmittedBank],
    ) -> AbstractContextManager[None]:
        """A context in which no other call of a bank decides whether it returned the same payments.

        Nobody waits for another bank: only who received a payment can return it, and whoever else
        says to has not been found out yet. Refunds take nothing, because how much they come to is
        for that bank to say.

        Args:
            bank: which sends them.
            payments: of the batch.
            indices: of those that are returns or refunds.
            banks: all banks by prefix.
        """
        returns = (payments[i] for i in indices if payments[i].returns_number)
        return self._deciding.holding({(bank.index, _original(one, banks)) for one in returns})

    def judge(
        self,
        bank: AdmittedBank,
        payments: Sequence[OutboundPayment],
        indices: Iterable[int],
        banks: Mapping[str, AdmittedBank],
    ) -> dict[int, int]:
        """The Reason for each return and refund of a bank, by its index in `payments`; 0 if it may
        settle.

        Args:
            bank: which sends them.
            payments: of the batch.
            indices: of those that are returns or refunds.
            banks: all banks by prefix.
        """
        originals = {i: _original(payments[i], banks) for i in indices}
        circulations = {one.index: one.accounts.circulation for one in banks.values()}
        settled = self._history.rows(
            {(circulations[original.bank], original.number) for original in originals.values()}
        )
        by_whom = self._database.read(lambda c: _returned(c, set(originals.values())))
        verdicts: dict[int, int] = {}
        for index, original in originals.items():
            payment = payments[index]
            row = settled.get((circulations[original.bank], original.number))
            mine = (bank.index, payment.number)
            fits = row is not None and _fits(row, payment, bank)
            if fits and payment.returns_number:
                fits = by_whom.setdefault(original, mine) == mine
            verdicts[index] = 0 if fits else NOTHING_TO_RETURN
        return verdicts

    def keep(
        self,
        connection: Connection,
        answers: Answers,
        bank: AdmittedBank,
        returns: Mapping[int, OutboundPayment],
        banks: Mapping[str, AdmittedBank],
    ) -> None:
        """Writes down which payments were returned, in the transaction that returns them.

        Args:
            connection: of that transaction.
            answers: the rule's.
            bank: which returns them.
            returns: by the place of their records in the answers.
            banks: all banks by prefix.
        """
        took = (answers.results == Result.ACCEPTED) & ~answers.repeated
        rows = [
            {
                **_original(returns[place], banks)._asdict(),
                "by_bank": bank.index,
                "by_number": returns[place].number,
            }
            for place in np.flatnonzero(took).tolist()
            if place in returns
        ]
        if rows:
            connection.execute(insert(returned_payments), rows)


def gives_back(payment: OutboundPayment) -> bool:
    """Whether a payment is a return or a refund of an earlier one."""
    return bool(payment.returns_number or payment.refunds_number)


def _original(payment: OutboundPayment, banks: Mapping[str, AdmittedBank]) -> _Original:
    number = payment.returns_number or payment.refunds_number
    return _Original(banks[prefix_of(payment.payee_number)].index, number)


def _fits(row: PaymentRow, payment: OutboundPayment, bank: AdmittedBank) -> bool:
    """Whether a row of the history is the payment that this return or refund gives back."""
    if not Result(row.result).accepted or row.kind != Kind.TRANSFER:
        return False
    if row.credit != bank.accounts.circulation:
        return False
    old = OutboundPayment.FromString(bytes(row.note))
    if payment.returns_number:
        fits = old.amount_fen == payment.amount_fen
    else:
        fits = old.amount_fen >= payment.amount_fen
    return (
        fits
        and old.payment_id == (payment.returns_payment_id or payment.refunds_payment_id)
        and not gives_back(old)
        and old.payer_number == payment.payee_number
        and old.payee_number == payment.payer_number
    )


def _returned(
    connection: Connection, originals: set[_Original]
) -> dict[_Original, tuple[int, int]]:
    """For those of these payments that were returned, the return: (bank, number)."""
    found: dict[_Original, tuple[int, int]] = {}
    for chunk in chunks(sorted(originals)):
        query = select(returned_payments).where(tuple_(_OF.bank, _OF.number).in_(chunk))
        for row in connection.execute(query):
            found[_Original(row.bank, row.number)] = (row.by_bank, row.by_number)
    return found
