"""The feed: what the central bank's journal says about this bank, applied in order, once each.

Every entry becomes one record with the mirror as its origin and the feed's
position as its sequence, so the mirror's last sequence is the position that has
durably been applied; there is no second place where it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import Message
from sqlalchemy import Connection, bindparam, insert, select, update

from dcep.bank.v1 import bank_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank import accounts
from operator_bank.payments.outbound import Outbound
from operator_bank.peers import CentralBank
from operator_bank.suspense.entries import entry_row, put_entries, source_of
from operator_bank.tables import diverted, outbound, token_deposits
from operator_bank.vault.vault import Vault
from operator_bank.wallets.directory import Directory
from runtime.clock import Clock
from runtime.database import Database, execute_many, of_values
from runtime.parts import parts
from settlement.core import Answers, Batch
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind, RecordFlag, Result

FeedEntry = registration_pb2.FeedEntry
SETTLED = bank_pb2.PAYMENT_STATE_SETTLED
_ENDED = {
    registration_pb2.OUTCOME_STATE_REFUSED: bank_pb2.PAYMENT_STATE_REFUSED,
    registration_pb2.OUTCOME_STATE_EXPIRED: bank_pb2.PAYMENT_STATE_EXPIRED,
}


_OF_OUTBOUND = frozenset(
    ("outgoing_settled", "outgoing_ended", "tokens_registered", "tokens_restored")
)
_DEPOSITED = "tokens_deposited"
_NUMBERED = _OF_OUTBOUND | {_DEPOSITED}
_FLAGS = int(RecordFlag.NO_LIMIT)
_DELIVER, _CAPTURE, _RELEASE = int(Kind.DELIVER), int(Kind.CAPTURE), int(Kind.RELEASE)
_DIVERTED, _REFUSED = int(Result.DIVERTED), int(Result.MALFORMED)
_KNOWN = f"SELECT number, account, amount_fen, hold FROM {outbound.name} WHERE number IN ?"
_DEPOSITS = f"SELECT id, wallet FROM {token_deposits.name} WHERE id IN ?"
_SETTLE = f"UPDATE {outbound.name} SET state = {SETTLED} WHERE number IN ?"
_END = f"UPDATE {outbound.name} SET state = ?, reason = ? WHERE number = ?"


class _Heard(NamedTuple):
    """An entry, the name of its event, and the number of ours that it is about, or 0."""

    entry: FeedEntry
    event: str | None
    number: int


class _Move(NamedTuple):
    """What an entry becomes in the ledger."""

    kind: int
    debit: int
    credit: int
    amount_fen: int
    ref: int
    note: bytes


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
        heard = [_heard(entry) for entry in entries]
        known = self._known_outbound([one.number for one in heard if one.event in _OF_OUTBOUND])
        depositors = self._depositors([one.number for one in heard if one.event == _DEPOSITED])
        now_ms = self._clock.now_ms()
        moves = [self._move(one, known, depositors) for one in heard]
        rows = [
            (
                accounts.MIRROR, move.debit, move.credit, move.kind, _FLAGS, 0, entry.position,
                move.amount_fen, now_ms, 0, move.ref, 0,
            )
            for entry, move in zip(entries, moves, strict=True)
        ]  # fmt: skip
        answers = self._ledger.submit(
            Batch(
                np.array(rows, RECORD),
                [move.note for move in moves],
                lambda c, a: self._write(c, heard, moves, a),
            )
        )
        for index in np.flatnonzero(answers.results >= _REFUSED).tolist():
            if moves[index].kind != Kind.REFUSAL:
                raise FeedBroken(
                    f"entry {heard[index].entry.position} ({heard[index].event}) cannot be"
                    f" applied: {answers.result(index).name}"
                )
        self._outgoing.ended()

    def _known_outbound(self, numbers: Sequence[int]) -> dict[int, Any]:
        """(number, account, fen, hold) of these outbound payments, by number."""
        return {row[0]: row for row in self._rows(_KNOWN, numbers)}

    def _depositors(self, numbers: Sequence[int]) -> dict[int, int]:
        """Accounts of the wallets that made these deposits."""
        return {
            number: accounts.wallet(wallet) for number, wallet in self._rows(_DEPOSITS, numbers)
        }

    def _rows(self, statement: str, numbers: Sequence[int]) -> list[Any]:
        """What a statement finds for numbers in it."""

        def ask(connection: Connection) -> list[Any]:
            found: list[Any] = []
            for part in parts(numbers):
                found += of_values(connection, statement, part).all()
            return found

        return self._database.read(ask)

    def _move(self, heard: _Heard, known: dict[int, Any], depositors: dict[int, int]) -> _Move:
        """What an entry moves."""
        entry, event, number = heard
        if event == "incoming":
            payment = entry.incoming.payment
            wallet = self._directory.find(payment.payee_number)
            account = wallet.account if wallet else accounts.SUSPENSE
            return _delivered(account, payment.amount_fen, payment)
        if event == "issued":
            issued = entry.issued
            return _transfer(accounts.MIRROR, accounts.VAULT, issued.amount_fen, issued)
        if event == "redeemed":
            redeemed = entry.redeemed
            return _transfer(accounts.SET_ASIDE, accounts.MIRROR, redeemed.amount_fen, redeemed)
        if event == "redemption_rejected":
            rejected = entry.redemption_rejected
            move = _transfer(accounts.SET_ASIDE, accounts.VAULT, rejected.amount_fen, rejected)
            if self._vault.was_set_aside(rejected.number):
                return move
            return move._replace(kind=int(Kind.REFUSAL))
        if event == _DEPOSITED:
            depositor = depositors.get(number)
            if depositor is None:
                raise FeedBroken(
                    f"entry {entry.position} speaks of deposit {number}, which is not ours"
                )
            return _delivered(depositor, entry.tokens_deposited.amount_fen, entry.tokens_deposited)
        sent = known.get(number)
        if sent is None:
            raise FeedBroken(
                f"entry {entry.position} speaks of outbound {number}, which is not ours"
            )
        _, account, amount_fen, hold = sent
        if event == "tokens_restored":
            return _delivered(account, entry.tokens_restored.amount_fen, entry.tokens_restored)
        if event == "outgoing_ended":
            return _Move(_RELEASE, account, 0, amount_fen, hold, b"")
        return _Move(_CAPTURE, account, accounts.MIRROR, amount_fen, hold, b"")

    def _write(
        self,
        connection: Connection,
        heard: Sequence[_Heard],
        moves: Sequence[_Move],
        answers: Answers,
    ) -> None:
        """What these entries say, in the same transaction as the money that moves."""
        ends: list[tuple[int, int, int]] = []
        settled: list[int] = []
        deposits: list[dict[str, int]] = []
        strays: list[dict[str, Any]] = []
        lying: list[dict[str, Any]] = []
        results = answers.results.tolist()
        for index in np.flatnonzero(~answers.repeated).tolist():
            (entry, event, number), move = heard[index], moves[index]
            if results[index] == _DIVERTED or accounts.SUSPENSE in (move.debit, move.credit):
                position = int(answers.positions[index])
                if event == "incoming" and not entry.incoming.payment.returns_payment_id:
                    strays.append(_stray(entry, position))
                elif event != "outgoing_settled":
                    # A return that cannot be delivered is not sent back and forth.
                    lying.append(self._lying(entry, move, number, position))
            if event in ("outgoing_settled", "tokens_registered"):
                settled.append(number)
            elif event == "outgoing_ended":
                ended = entry.outgoing_ended
                ends.append((_ENDED[ended.state], ended.reason, ended.number))
            elif event == _DEPOSITED:
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
        if strays:
            connection.execute(insert(diverted), strays)
        put_entries(connection, lying)

    def _lying(self, entry: FeedEntry, move: _Move, number: int, position: int) -> dict[str, Any]:
        note = move.note or self._body(number)
        source = source_of(entry, self._directory.number_of(move.credit), note)
        now_ms = self._clock.now_ms()
        return entry_row(source, position=position, amount_fen=move.amount_fen, time_ms=now_ms)

    def _body(self, number: int) -> bytes:
        """The payment that went out under a number."""
        query = select(outbound.c.body).where(outbound.c.number == number)
        return bytes(self._database.read(lambda c: c.execute(query).scalar_one()))


def _heard(entry: FeedEntry) -> _Heard:
    event = entry.WhichOneof("event")
    number = getattr(entry, event).number if event in _NUMBERED else 0
    return _Heard(entry, event, number)


def _transfer(debit: int, credit: int, amount_fen: int, message: Message) -> _Move:
    return _Move(int(Kind.TRANSFER), debit, credit, amount_fen, 0, message.SerializeToString())


def _delivered(account: int, amount_fen: int, message: Message) -> _Move:
    note = message.SerializeToString()
    return _Move(_DELIVER, accounts.MIRROR, account, amount_fen, accounts.SUSPENSE, note)


def _stray(entry: FeedEntry, position: int) -> dict[str, Any]:
    payment = entry.incoming.payment
    return {
        "position": position,
        "payment_id": payment.payment_id,
        "body": payment.SerializeToString(),
        "returned": 0,
    }
