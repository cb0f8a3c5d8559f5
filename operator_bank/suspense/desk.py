"""The officers' desk for what lies in suspense: listed, and paid out once each."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, select, update

from dcep.bank.v1 import bank_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank import accounts
from operator_bank.payments.inbound import Inbound
from operator_bank.reasons import reason_of
from operator_bank.suspense.entries import entry_of
from operator_bank.tables import office_acts, suspense
from operator_bank.wallets.directory import Directory, Wallet
from runtime.checks import journal_position, request_id
from runtime.clock import Clock
from runtime.database import Database, once_more
from runtime.errors import Refusal
from settlement.core import Answers, Batch
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind, RecordFlag, Result

_ACT = "pay"


@dataclass(frozen=True)
class PaidOut:
    """An entry that was paid out, and to whom."""

    wallet_number: str
    amount_fen: int
    repeated: bool


class SuspenseDesk:
    """The use-cases behind ListSuspense and PaySuspense."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        directory: Directory,
        inbound: Inbound,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._directory = directory
        self._inbound = inbound
        self._clock = clock
        # An entry that is paid twice at once is paid once.
        self._paying = threading.Lock()

    def page(self, limit: int, after_position: int) -> list[bank_pb2.SuspenseEntry]:
        """Entries that lie there, oldest first, with what keeps each from its wallet now."""
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

    def pay(self, wanted_id: str, position: int, number: str, officer: str, cause: str) -> PaidOut:
        """Pays an entry to a wallet of this bank; on the record with officer and cause.

        Args:
            number: of the wallet; empty for the one whose money it was to be.
        """
        key = request_id(wanted_id)
        journal_position(position, "position")
        with self._paying:
            return once_more(lambda: self._pay_once(key, position, number, officer, cause))

    def _pay_once(self, key: str, position: int, number: str, officer: str, cause: str) -> PaidOut:
        row = self._row(position)
        act = self._act(office_acts.c.request_id == key)
        if act is not None:
            same = (act.act, act.position, act.cause) == (_ACT, position, cause)
            if not same or number not in ("", act.wallet):
                raise Refusal(
                    errors_pb2.REASON_ID_REUSED,
                    "this request_id was used for another act",
                    field="request_id",
                )
            return PaidOut(act.wallet, row.amount_fen, repeated=True)
        if row.paid:
            raise self._paid_before(position)
        wallet = self._directory.get(number or row.wallet)
        self._pay(row, wallet, {"request_id": key, "officer": officer, "cause": cause})
        return PaidOut(wallet.number, row.amount_fen, repeated=False)

    def _pay(self, row: Any, wallet: Wallet, act: dict[str, str]) -> None:
        now_ms = self._clock.now_ms()
        record = np.zeros(1, RECORD)
        record["origin"] = record["debit"] = accounts.SUSPENSE
        record["credit"] = wallet.account
        record["sequence"] = row.sequence
        record["kind"] = Kind.TRANSFER
        record["flags"] = RecordFlag.NO_LIMIT
        record["amount_fen"] = row.amount_fen
        record["time_ms"] = now_ms
        of_row = update(suspense).where(suspense.c.position == row.position)

        def also(connection: Connection, answers: Answers) -> None:
            if not answers.result(0).accepted:
                # The next attempt is another record.
                used = int(answers.positions[0])
                connection.execute(of_row.values(sequence=used))
                return
            done = {"act": _ACT, "wallet": wallet.number, "time_ms": now_ms}
            connection.execute(of_row.values(paid=1))
            connection.execute(insert(office_acts).values(position=row.position, **act, **done))

        note = entry_of(row).SerializeToString()
        result = self._ledger.submit(Batch(record, [note], also)).result(0)
        if not result.accepted:
            raise _refused(result, wallet.number)

    def _row(self, position: int) -> Any:
        query = select(suspense).where(suspense.c.position == position)
        row = self._database.read(lambda c: c.execute(query).first())
        if row is None:
            raise Refusal(
                errors_pb2.REASON_PAYMENT_UNKNOWN,
                f"nothing with the number {position} lies in suspense; list what does",
                field="position",
            )
        return row

    def _act(self, condition: Any) -> Any:
        query = select(office_acts).where(condition)
        return self._database.read(lambda c: c.execute(query).first())

    def _paid_before(self, position: int) -> Refusal:
        act = self._act((office_acts.c.act == _ACT) & (office_acts.c.position == position))
        return Refusal(
            errors_pb2.REASON_ALREADY_DECIDED,
            f"it was paid to {act.wallet} by {act.officer}",
            field="position",
            wallet_number=act.wallet,
        )


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
