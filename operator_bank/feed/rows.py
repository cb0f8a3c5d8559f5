"""Writes what entries of the feed say as rows, in the transaction that moves the money."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection

from operator_bank.context import Context
from operator_bank.feed.entries import Move, ParsedEntry, not_moved
from operator_bank.feed.events import handler_of
from operator_bank.feed.written import Written
from operator_bank.ledger import accounts
from operator_bank.lost.windows import ComeBacks
from operator_bank.payments.probing import PayeeRefusals
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.refused import Refused
from settlement.builders import Row
from settlement.core import Answers
from settlement.records import Kind, Result

_UNDELIVERABLE, _NO_MOVE = int(Result.UNDELIVERABLE), int(Kind.REFUSAL)


class FeedRows:
    """Writes the rows of entries."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        refusals: PayeeRefusals,
        refused: Refused,
        windows: ComeBacks,
    ) -> None:
        self._windows = windows
        self._directory = directory
        self._clock = context.clock
        self._refusals = refusals
        self._refused = refused

    def write(
        self,
        connection: Connection,
        found: Sequence[ParsedEntry],
        moves: Sequence[Move],
        answers: Answers,
    ) -> None:
        """Writes what these entries say, except those that the rule refused or that repeat."""
        written = Written(self._refusals, self._refused, self._clock.now_ms())
        results, failed = answers.results.tolist(), frozenset(not_moved(answers, moves))
        for index in np.flatnonzero(~answers.repeated).tolist():
            if index in failed:
                continue
            one, row = found[index], moves[index].row
            if row.debit == accounts.LOST:
                if row.kind != _NO_MOVE:
                    lost = handler_of(one.event).lost_row(one)
                    written.lose(one.entry.number, row.amount_fen, lost)
                continue
            if results[index] == _UNDELIVERABLE or accounts.SUSPENSE in (row.debit, row.credit):
                self._suspend(one, row, int(answers.positions[index]), written)
            elif one.payment is not None and one.payment.request_to_pay_id:
                written.answer(one.payment, int(answers.positions[index]))
            handler_of(one.event).write(one, row, written)
        written.flush(connection)

    def _suspend(self, one: ParsedEntry, row: Row, position: int, written: Written) -> None:
        """Notes money that came into suspense, or that a failed return left there."""
        # A payment to a wallet that was lost had been delivered once, so it does not go back by
        # itself.
        goes_back = not self._windows.has(one.entry.number)
        if one.payment is not None and not one.gives_back and goes_back:
            written.undelivered(one.payment, position)
            return
        # A return or a refund that cannot be delivered is not sent back again.
        source = handler_of(one.event).source(one, self._directory.number_of(row.credit))
        if source is not None:
            written.suspend(source, position, row.amount_fen)
