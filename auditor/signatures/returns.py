"""Compares the table of returned payments with the returns in the journal.

A row that is missing lets a payment be returned twice. A row too many keeps an honest return from
being settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Engine, column, select, table

from auditor.books import CIRCULATION, Owned
from auditor.signatures.orders import Wrong, lines, read
from currency.number import prefix_of
from dcep.registration.v1 import registration_pb2
from language import _
from settlement.journal import Journal, Tip

Payment = tuple[int, int]
"""A bank's id, and its number of a payment."""

_COLUMNS = ("bank", "number", "by_bank", "by_number")
_returned = table("returned_payments", *map(column, _COLUMNS))


class Returns:
    """The returns in the journal, and the rows as they were before it was read."""

    def __init__(self, engine: Engine, journal: Journal, accounts: Owned) -> None:
        self._journal = journal
        self._accounts = accounts
        self._said: dict[Payment, Payment] = {}
        with engine.connect() as connection:
            rows = connection.execute(select(_returned)).all()
        self._rows = {(row.bank, row.number): (row.by_bank, row.by_number) for row in rows}

    def take(
        self, original: int | None, bank: int, payment: registration_pb2.OutboundPayment
    ) -> None:
        """Takes a settled return.

        Args:
            original: the id of the bank that sent the original payment; None: it is not known.
            bank: the id of the bank that returns it.
            payment: the return, as the bank signed it.
        """
        if original is not None:
            self._said[original, payment.returns_number] = (bank, payment.number)

    def check(self, end: Tip, by_prefix: Mapping[str, int]) -> Iterator[str]:
        """A sentence for each row that is wrong or missing.

        Args:
            end: up to where the journal was read.
            by_prefix: the banks' ids, by the prefix of their wallet numbers.
        """
        if self._rows.keys() - self._said.keys():
            self._take_later(end, by_prefix)
        for original, by in sorted(self._rows.items()):
            if self._said.get(original) != by:
                yield _(
                    "table returned_payments, row bank={bank} number={number}: no return in the "
                    "journal gave this payment back so"
                ).format(bank=original[0], number=original[1])
        for bank, number in sorted(self._said.keys() - self._rows.keys()):
            yield _(
                "table returned_payments, row bank={bank} number={number} is missing: it was "
                "given back, and would be once more"
            ).format(bank=bank, number=number)

    def _take_later(self, end: Tip, by_prefix: Mapping[str, int]) -> None:
        """Takes the returns after the end, because the rows were read later than that."""
        for entry, _rest in self._journal.rows(end):
            for line in lines(entry):
                bank, purpose = self._accounts.place(line.origin)
                if purpose != CIRCULATION or not line.accepted:
                    continue
                try:
                    payment = read(registration_pb2.OutboundPayment, line.note)
                except Wrong:
                    continue  # a registration
                if payment.returns_payment_id:
                    original = by_prefix.get(prefix_of(payment.payee_number))
                    self.take(original, bank, payment)
