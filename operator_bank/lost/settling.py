"""Lists lost payments, and settles them by two officers, from the payer's wallet or the vault.

The feed takes a lost payment out of the account LOST, whose balance is negative by what is still
open.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from currency.amount import format_yuan
from dcep.bank.v1 import officers_pb2
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from officers.effects import Act, Decision, Effect
from operator_bank.context import Context
from operator_bank.feed.entries import numbered
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import reason_of, refusal_of
from operator_bank.lost.tables import lost_moves
from operator_bank.lost.windows import ComeBacks
from operator_bank.wallets.directory import Directory
from runtime.checks import amount, invalid
from runtime.errors import Refusal
from settlement.builders import records_of, transfer
from settlement.core import Answers, Batch
from settlement.records import RecordFlag

_OF = lost_moves.c
_OPEN = _OF.settled_fen < _OF.amount_fen


class LostPayments:
    """The use-cases behind ListLost and SettleLost, and the answer to a payer who orders again."""

    def __init__(self, context: Context, directory: Directory, windows: ComeBacks) -> None:
        self._windows = windows
        self._database = context.database
        self._ledger = context.ledger
        self._directory = directory
        self._clock = context.clock

    def page(self, limit: int, after_entry: int) -> list[officers_pb2.LostEntry]:
        """Entries that are not settled completely, oldest first."""
        query = select(lost_moves).where(_OPEN, _OF.entry > after_entry).order_by(_OF.entry)
        rows = self._database.read(lambda c: c.execute(query.limit(limit)).all())
        return [_shown(row) for row in rows]

    @property
    def has_none(self) -> bool:
        """Whether this bank has never lost anything."""
        return not self._windows.incarnation

    def was_paid(self, payment_id: str, body: bytes) -> bool:
        """Whether the central bank settled this very payment, which this database has lost.

        Args:
            payment_id: the payment's id.
            body: the payment as it would be sent to the central bank, without its number.

        Raises:
            Refusal: ID_REUSED, another payment of that id was settled and lost.
        """
        query = select(_OF.number, _OF.payment).where(_OF.payment_id == payment_id)
        rows = self._database.read(lambda c: c.execute(query).all())
        if any(bytes(row.payment) == numbered(row.number, body) for row in rows):
            return True
        if rows:
            raise Refusal(errors_pb2.REASON_ID_REUSED, "this sequence was used for another payment")
        return False

    def last_sequence(self, number: str) -> int:
        """The greatest sequence of the payments of a wallet that this database has lost; 0 for
        none.
        """
        own = _OF.payment_id.startswith(f"{number}-")
        query = select(_OF.payment_id).where(_OF.payer == number, own)
        ids = self._database.read(lambda c: c.scalars(query).all())
        return max((int(each.rpartition("-")[2]) for each in ids), default=0)

    def refunded_fen(self, connection: Connection, number: str, payment_id: str) -> int:
        """Fen of a payment that a wallet has refunded, as the feed says, in refunds that this
        database has lost.
        """
        refund = _OF.purpose == purposes_pb2.PURPOSE_REFUND
        query = select(_OF.payment).where(_OF.payer == number, refund)
        lost = map(registration_pb2.OutboundPayment.FromString, connection.scalars(query))
        return sum(one.amount_fen for one in lost if one.refunds_payment_id == payment_id)

    def answered_fen(self, connection: Connection, number: str, request: str) -> int:
        """Fen that a wallet has paid on a request to pay, as the feed says, in payments that this
        database has lost.
        """
        payment = _OF.purpose == purposes_pb2.PURPOSE_PAYMENT
        query = select(_OF.payment).where(_OF.payer == number, payment)
        lost = map(registration_pb2.OutboundPayment.FromString, connection.scalars(query))
        return sum(one.amount_fen for one in lost if one.request_to_pay_id == request)

    def check(self, entry: int, amount_fen: int, wallet_number: str) -> None:
        """Raises Refusal if an entry cannot be settled so."""
        self._open(entry, amount_fen, wallet_number)

    def settle(self, act: Act, decision: Decision) -> None:
        """Takes an amount from the payer's wallet, or from the vault, for an entry; once for each
        act.
        """
        asked = act.asked
        row, debit = self._open(asked.entry, asked.amount_fen, asked.wallet_number)
        taken = transfer(
            origin=accounts.LOST,
            sequence=act.number,
            debit=debit,
            credit=accounts.LOST,
            amount_fen=asked.amount_fen,
            purpose=purposes_pb2.PURPOSE_LOST_SETTLEMENT,
            time_ms=self._clock.now_ms(),
            flags=RecordFlag.NO_LIMIT,
            digest=act.record_digest,
        )
        settled = update(lost_moves).where(_OF.entry == row.entry)

        def decided(connection: Connection, answers: Answers) -> None:
            if answers.result(0).accepted:
                now_fen = row.settled_fen + asked.amount_fen
                connection.execute(settled.values(settled_fen=now_fen))
                decision.mark(connection, position=int(answers.positions[0]))
            else:
                # The record has used up its sequence: another try needs another act.
                decision.mark(connection, reason=reason_of(answers.result(0)))

        note = bytes(row.payment)
        result = self._ledger.submit(Batch(records_of([taken]), [note], decided)).result(0)
        if not result.accepted:
            raise refusal_of(result)

    def _open(self, entry: int, amount_fen: int, wallet_number: str) -> tuple[Row[Any], int]:
        """An entry's row, and the account that is to pay. Raises Refusal."""
        query = select(lost_moves).where(_OF.entry == entry)
        row = self._database.read(lambda c: c.execute(query).first())
        if row is None:
            raise Refusal(
                errors_pb2.REASON_PAYMENT_UNKNOWN,
                f"entry {entry} of the feed speaks of nothing that was lost",
                field="entry",
            )
        amount(amount_fen)
        open_fen = row.amount_fen - row.settled_fen
        if amount_fen > open_fen:
            raise Refusal(
                errors_pb2.REASON_AMOUNT_INVALID,
                f"{format_yuan(open_fen)} yuan of it are open",
                field="amount_fen",
            )
        if not wallet_number:
            return row, accounts.VAULT
        if not row.payer or wallet_number != row.payer:
            raise invalid("wallet_number", "is the payer's whom the entry names, or unset")
        return row, self._directory.get(wallet_number).account


class LostSettlement(Effect):
    """The effect of the act SettleLost."""

    right = office_pb2.RIGHT_SUSPENSE

    def __init__(self, context: Context, lost: LostPayments) -> None:
        self._database = context.database
        self._lost = lost
        self._standing = context.standing

    def check(self, act: Act) -> None:
        """See `Effect.check`."""
        self._standing.check()
        self._lost.check(act.asked.entry, act.asked.amount_fen, act.asked.wallet_number)

    def perform(self, act: Act, decision: Decision) -> None:
        """See `Effect.perform`."""
        self._standing.check()
        self._lost.settle(act, decision)

    def end(self, act: Act, decision: Decision) -> None:
        """See `Effect.end`."""
        self._database.transaction(decision.mark)


def _shown(row: Row[Any]) -> officers_pb2.LostEntry:
    return officers_pb2.LostEntry(
        entry=row.entry,
        purpose=row.purpose,
        number=row.number,
        amount_fen=row.amount_fen,
        settled_fen=row.settled_fen,
        payment_id=row.payment_id,
        payer_number=row.payer,
    )
