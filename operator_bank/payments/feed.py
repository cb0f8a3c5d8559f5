"""The feed: what the central bank's journal says about this bank, applied in order, once each.

Every entry becomes one record with the mirror as its origin and the feed's
position as its sequence, so the mirror's last sequence is the position that has
durably been applied; there is no second place where it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, bindparam, insert, select, update

from dcep.bank.v1 import bank_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank import accounts
from operator_bank.payments.outbound import Outbound
from operator_bank.peers import CentralBank
from operator_bank.tables import diverted, outbound, token_deposits
from operator_bank.vault.vault import Vault
from operator_bank.wallets.directory import Directory
from runtime.clock import Clock
from runtime.database import Database
from settlement.core import Answers, Batch
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind, RecordFlag, Result

FeedEntry = registration_pb2.FeedEntry
SETTLED = bank_pb2.PAYMENT_STATE_SETTLED
_ENDED = {
    registration_pb2.OUTCOME_STATE_REFUSED: bank_pb2.PAYMENT_STATE_REFUSED,
    registration_pb2.OUTCOME_STATE_EXPIRED: bank_pb2.PAYMENT_STATE_EXPIRED,
}


class FeedBroken(Exception):
    """The feed says something that cannot be applied; the bank must not go on."""


class FeedFollower:
    """Applies the feed. `step` takes one message of it."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        directory: Directory,
        outgoing: Outbound,
        vault: Vault,
        central_bank: CentralBank,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._directory = directory
        self._outgoing = outgoing
        self._vault = vault
        self._central_bank = central_bank
        self._clock = clock
        self._stream: Any = None

    def position(self) -> int:
        """The position that has durably been applied."""
        return int(self._ledger.read([accounts.MIRROR])[0]["last_sequence"])

    def step(self) -> bool:
        """Waits for the feed's next message and applies it."""
        try:
            if self._stream is None:
                self._stream = iter(self._central_bank.feed(self.position()))
            entries = next(self._stream, None)
        except Exception:
            self._stream = None
            raise
        if entries is None:
            self._stream = None
            return False
        self.apply(entries)
        return True

    def apply(self, entries: Sequence[FeedEntry]) -> None:
        """Applies entries; those that were applied before change nothing."""
        known = self._known_outbound(entries)
        records = np.zeros(len(entries), RECORD)
        notes: list[bytes] = []
        for index, entry in enumerate(entries):
            notes.append(self._fill(records[index : index + 1], entry, known))
        records["origin"] = accounts.MIRROR
        records["sequence"] = [entry.position for entry in entries]
        records["time_ms"] = self._clock.now_ms()
        records["flags"] = RecordFlag.NO_LIMIT
        answers = self._ledger.submit(
            Batch(records, notes, lambda c, a: self._write(c, entries, a))
        )
        for index, entry in enumerate(entries):
            refused = not answers.result(index).accepted
            if refused and records[index]["kind"] != Kind.REFUSAL:
                raise FeedBroken(
                    f"entry {entry.position} ({entry.WhichOneof('event')}) cannot be applied:"
                    f" {answers.result(index).name}"
                )
        self._outgoing.ended()

    def _known_outbound(self, entries: Sequence[FeedEntry]) -> dict[int, Any]:
        numbers = [number for entry in entries if (number := _number_of(entry))]
        found: dict[int, Any] = {}
        for start in range(0, len(numbers), 500):
            query = select(outbound).where(outbound.c.number.in_(numbers[start : start + 500]))
            rows = self._database.read(partial(_all, query))
            found.update((row.number, row) for row in rows)
        return found

    def _fill(self, record: Any, entry: FeedEntry, known: dict[int, Any]) -> bytes:
        """Makes the record of an entry; returns its note."""
        event = entry.WhichOneof("event")
        if event == "issued":
            _move(record, accounts.MIRROR, accounts.VAULT, entry.issued.amount_fen)
            return bytes(entry.issued.SerializeToString())
        if event == "redeemed":
            _move(record, accounts.SET_ASIDE, accounts.MIRROR, entry.redeemed.amount_fen)
            return bytes(entry.redeemed.SerializeToString())
        if event == "redemption_rejected":
            rejected = entry.redemption_rejected
            _move(record, accounts.SET_ASIDE, accounts.VAULT, rejected.amount_fen)
            if not self._vault.was_set_aside(rejected.number):
                record["kind"] = Kind.REFUSAL
            return bytes(rejected.SerializeToString())
        if event == "incoming":
            payment = entry.incoming.payment
            self._deliver(record, payment.payee_number, payment.amount_fen)
            return bytes(payment.SerializeToString())
        if event == "tokens_deposited":
            deposited = entry.tokens_deposited
            self._deliver(record, deposited.wallet_number, deposited.amount_fen)
            return bytes(deposited.SerializeToString())
        number = _number_of(entry)
        row = known.get(number)
        if row is None:
            raise FeedBroken(
                f"entry {entry.position} speaks of outbound {number}, which is not ours"
            )
        record["kind"] = Kind.RELEASE if event == "outgoing_ended" else Kind.CAPTURE
        record["debit"] = row.account
        record["credit"] = accounts.MIRROR if event != "outgoing_ended" else 0
        record["amount_fen"] = row.amount_fen
        record["ref"] = row.hold
        return bytes(row.body)

    def _deliver(self, record: Any, number: str, amount_fen: int) -> None:
        wallet = self._directory.find(number)
        _move(record, accounts.MIRROR, wallet.account if wallet else accounts.SUSPENSE, amount_fen)
        record["kind"] = Kind.DELIVER
        record["ref"] = accounts.SUSPENSE

    def _write(
        self, connection: Connection, entries: Sequence[FeedEntry], answers: Answers
    ) -> None:
        """What these entries say, in the same transaction as the money that moves."""
        ends: list[dict[str, int]] = []
        deposits: list[dict[str, int]] = []
        strays: list[dict[str, Any]] = []
        for index, entry in enumerate(entries):
            if answers.repeated[index]:
                continue
            event = entry.WhichOneof("event")
            if event in ("outgoing_settled", "tokens_registered"):
                ends.append({"n": _number_of(entry), "s": SETTLED, "r": 0})
            elif event == "outgoing_ended":
                ended = entry.outgoing_ended
                ends.append({"n": ended.number, "s": _ENDED[ended.state], "r": ended.reason})
            elif event == "tokens_deposited":
                deposited = entry.tokens_deposited
                deposits.append({"n": deposited.number, "s": SETTLED, "a": deposited.whole_fen})
            elif event == "incoming" and (
                answers.result(index) == Result.DIVERTED
                or self._directory.find(entry.incoming.payment.payee_number) is None
            ):
                strays.append(_stray(entry, int(answers.positions[index])))
        if ends:
            statement = update(outbound).where(outbound.c.number == bindparam("n"))
            connection.execute(statement.values(state=bindparam("s"), reason=bindparam("r")), ends)
        if deposits:
            statement = update(token_deposits).where(token_deposits.c.id == bindparam("n"))
            connection.execute(
                statement.values(state=bindparam("s"), amount_fen=bindparam("a")), deposits
            )
        if strays:
            connection.execute(insert(diverted), strays)


def _all(query: Select[Any], connection: Connection) -> Sequence[Any]:
    return connection.execute(query).all()


def _number_of(entry: FeedEntry) -> int:
    event = entry.WhichOneof("event")
    if event in ("outgoing_settled", "outgoing_ended", "tokens_registered"):
        return int(getattr(entry, event).number)
    return 0


def _move(record: Any, debit: int, credit: int, amount_fen: int) -> None:
    record["kind"] = Kind.TRANSFER
    record["debit"], record["credit"] = debit, credit
    record["amount_fen"] = amount_fen


def _stray(entry: FeedEntry, position: int) -> dict[str, Any]:
    payment = entry.incoming.payment
    return {
        "position": position,
        "payment_id": payment.payment_id,
        "body": payment.SerializeToString(),
        # A return that cannot be delivered stays in suspense: it is not sent back and forth.
        "returned": 1 if payment.returns_payment_id else 0,
    }
