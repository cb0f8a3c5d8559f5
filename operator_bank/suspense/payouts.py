"""Lists what lies in suspense for officers, and pays each entry out once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from dcep.bank.v1 import officers_pb2
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import reason_of
from operator_bank.suspense.entries import entry_of
from operator_bank.suspense.tables import suspense
from operator_bank.wallets.acceptance import Inbound
from operator_bank.wallets.directory import Directory, InTransaction, Wallet, nothing_else
from runtime.checks import journal_position
from runtime.errors import Refusal
from settlement.builders import records_of, transfer
from settlement.core import Answers, Batch
from settlement.records import RecordFlag, Result


class SuspensePayouts:
    """The use-cases behind ListSuspense and the act that pays an entry out."""

    def __init__(self, context: Context, directory: Directory, inbound: Inbound) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._directory = directory
        self._inbound = inbound
        self._clock = context.clock

    def page(self, limit: int, after_position: int) -> list[officers_pb2.SuspenseEntry]:
        """Unpaid entries, oldest first, each with the reason why its wallet cannot take it now."""
        query = (
            select(suspense)
            .where(suspense.c.paid == 0, suspense.c.position > after_position)
            .order_by(suspense.c.position)
            .limit(limit)
        )
        rows = self._database.read(lambda c: c.execute(query).all())
        if not rows:
            return []
        reasons = self._inbound.reasons([(row.wallet, row.amount_fen) for row in rows])
        return [entry_of(row, reason) for row, reason in zip(rows, reasons, strict=True)]

    def check(self, position: int, number: str) -> None:
        """Raises Refusal if there is no such entry or wallet, or the entry was paid."""
        self._unpaid(position, number)

    def pay(
        self,
        position: int,
        number: str,
        *,
        digest: int = 0,
        in_transaction: InTransaction = nothing_else,
    ) -> None:
        """Pays an entry to a wallet of this bank, once; to be called by one thread at a time.

        Args:
            position: the entry's.
            number: of the wallet; empty for the one whose money it was to be.
            digest: of what officers signed for it, for the record.
            in_transaction: further SQL for the same transaction, given the record's position.

        Raises:
            Refusal: it was not paid.
        """
        row, wallet = self._unpaid(position, number)
        paid_out = transfer(
            origin=accounts.SUSPENSE,
            sequence=row.sequence,
            debit=accounts.SUSPENSE,
            credit=wallet.account,
            amount_fen=row.amount_fen,
            purpose=purposes_pb2.PURPOSE_SUSPENSE_PAYOUT,
            time_ms=self._clock.now_ms(),
            flags=RecordFlag.NO_LIMIT,
            digest=digest,
        )
        of_row = update(suspense).where(suspense.c.position == row.position)

        def decided(connection: Connection, answers: Answers) -> None:
            made = int(answers.positions[0])
            if answers.result(0).accepted:
                connection.execute(of_row.values(paid=1, paid_to=wallet.number))
                in_transaction(connection, made)
            else:
                # The next attempt is another record.
                connection.execute(of_row.values(sequence=made))

        note = entry_of(row).SerializeToString()
        result = self._ledger.submit(Batch(records_of([paid_out]), [note], decided)).result(0)
        if not result.accepted:
            raise _refused(result, wallet.number)

    def _unpaid(self, position: int, number: str) -> tuple[Row[Any], Wallet]:
        """An unpaid entry, and the wallet to pay. Raises Refusal."""
        journal_position(position, "position")
        row = self._row(position)
        if row.paid:
            raise Refusal(
                errors_pb2.REASON_ALREADY_DECIDED,
                f"it was paid to {row.paid_to}",
                field="position",
                wallet_number=row.paid_to,
            )
        return row, self._directory.get(number or row.wallet)

    def _row(self, position: int) -> Row[Any]:
        query = select(suspense).where(suspense.c.position == position)
        row = self._database.read(lambda c: c.execute(query).first())
        if row is None:
            raise Refusal(
                errors_pb2.REASON_PAYMENT_UNKNOWN,
                f"nothing with the number {position} lies in suspense; list what does",
                field="position",
            )
        return row


def _refused(result: Result, number: str) -> Refusal:
    sentences = {
        Result.CREDIT_CLOSED: f"wallet {number} is closed; name another one of its holder",
        Result.CREDIT_FROZEN: f"wallet {number} is frozen; end the freeze first, or name another"
        " one of its holder",
        Result.OVER_BALANCE_CAP: f"wallet {number} would hold more than its class may; try again"
        " when there is room in it, or name another one of its holder",
    }
    sentence = sentences.get(result, f"wallet {number} cannot be paid: {result.name}")
    return Refusal(reason_of(result), sentence, field="wallet_number")
