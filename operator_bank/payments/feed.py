"""The feed: what the central bank's journal says about this bank, applied in order, once each.

Every entry becomes one record with the mirror as its origin and the feed's
position as its sequence, so the mirror's last sequence is the position that has
durably been applied; there is no second place where it is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, insert, select, update

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank import accounts
from operator_bank.limits import FEED_AGAIN_MS
from operator_bank.payments.feed_moves import (
    DEPOSITED,
    ENDED,
    SETTLED,
    FeedBroken,
    Heard,
    Move,
    Moves,
    heard,
)
from operator_bank.payments.outbound import Outbound
from operator_bank.payments.probing import PayeeRefusals
from operator_bank.peers import CentralBank
from operator_bank.suspense.entries import entry_row, put_entries, source_of
from operator_bank.tables import diverted, outbound, token_deposits
from operator_bank.vault.vault import Vault
from operator_bank.wallets.directory import Directory
from runtime.clock import Clock
from runtime.database import Database, execute_many, of_values
from runtime.logs import logger
from runtime.parts import parts
from settlement.core import Answers, Batch
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind, RecordFlag, Result

FeedEntry = registration_pb2.FeedEntry
_FLAGS = int(RecordFlag.NO_LIMIT)
_DIVERTED, _REFUSED = int(Result.DIVERTED), int(Result.MALFORMED)
_SETTLE = f"UPDATE {outbound.name} SET state = {SETTLED} WHERE number IN ?"
_END = f"UPDATE {outbound.name} SET state = ?, reason = ? WHERE number = ?"


class Stop(NamedTuple):
    """Why the feed does not go on, and since when."""

    cause: str
    since_ms: int


class FeedFollower:
    """Applies the feed. `step` takes one message of it.

    What cannot be applied stops the feed where it stands, and nothing else: the bank goes on, the
    entry is asked for again after a while, and after a restart it is the next one again.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        directory: Directory,
        outgoing: Outbound,
        vault: Vault,
        central_bank: CentralBank,
        clock: Clock,
        refusals: PayeeRefusals,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._directory = directory
        self._outgoing = outgoing
        self._moves = Moves(database, ledger, directory, vault)
        self._central_bank = central_bank
        self._clock = clock
        self._refusals = refusals
        self._stream: Any = None
        self._again_at_ms = 0
        self._log = logger("feed")
        self.stopped: Stop | None = None

    def position(self) -> int:
        """The position that has durably been applied."""
        return int(self._ledger.read([accounts.MIRROR])[0]["last_sequence"])

    def step(self) -> bool:
        """Waits for the feed's next message and applies it; False when there is nothing to do."""
        if self.stopped and self._clock.now_ms() < self._again_at_ms:
            return False
        try:
            if self._stream is None:
                self._stream = iter(self._central_bank.feed(self.position()))
            entries = next(self._stream, None)
            if entries is not None:
                self.apply(entries)
        except FeedBroken as broken:
            self._stream = None
            self._stop(str(broken))
            return False
        except Exception:
            self._stream = None
            raise
        if entries is None:
            self._stream = None
            return False
        if self.stopped:
            self._log.info("the feed goes on", position=self.position())
            self.stopped = None
        return True

    def _stop(self, cause: str) -> None:
        now_ms = self._clock.now_ms()
        self._again_at_ms = now_ms + FEED_AGAIN_MS
        if self.stopped is None or self.stopped.cause != cause:
            self._log.error("the feed has stopped", cause=cause, position=self.position())
            self.stopped = Stop(cause, now_ms)

    def apply(self, entries: Sequence[FeedEntry]) -> None:
        """Applies entries in order; those that were applied before change nothing.

        Raises:
            FeedBroken: one of them cannot be applied; those before it have been.
        """
        applied = self.position()
        found = [heard(entry) for entry in entries if entry.position > applied]
        moves, broken = self._moves.of(found)
        if moves:
            self._submit(found[: len(moves)], moves)
            self._outgoing.ended()
        if broken is not None:
            raise broken

    def _submit(self, found: Sequence[Heard], moves: Sequence[Move]) -> None:
        now_ms = self._clock.now_ms()
        rows = [
            (
                accounts.MIRROR, move.debit, move.credit, move.kind, _FLAGS, 0, one.entry.position,
                move.amount_fen, now_ms, 0, move.ref, 0,
            )
            for one, move in zip(found, moves, strict=True)
        ]  # fmt: skip
        answers = self._ledger.submit(
            Batch(
                np.array(rows, RECORD),
                [move.note for move in moves],
                lambda c, a: self._write(c, found, moves, a),
                urgent=True,
            )
        )
        for index in np.flatnonzero(answers.results >= _REFUSED).tolist():
            if moves[index].kind != Kind.REFUSAL:
                raise FeedBroken(
                    f"entry {found[index].entry.position} ({found[index].event}) was refused by the"
                    f" ledger: {answers.result(index).name}"
                )

    def _write(
        self,
        connection: Connection,
        found: Sequence[Heard],
        moves: Sequence[Move],
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
            (entry, event, number), move = found[index], moves[index]
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
                ends.append((ENDED[ended.state], ended.reason, ended.number))
                if ended.reason == errors_pb2.REASON_PAYEE_CANNOT_BE_PAID:
                    self._refusals.count(move.debit, self._clock.now_ms())
            elif event == "incoming" and entry.incoming.payment.returns_payment_id:
                self._refusals.count(move.credit, self._clock.now_ms())
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
        if strays:
            connection.execute(insert(diverted), strays)
        put_entries(connection, lying)

    def _lying(self, entry: FeedEntry, move: Move, number: int, position: int) -> dict[str, Any]:
        note = move.note or self._body(number)
        source = source_of(entry, self._directory.number_of(move.credit), note)
        now_ms = self._clock.now_ms()
        return entry_row(source, position=position, amount_fen=move.amount_fen, time_ms=now_ms)

    def _body(self, number: int) -> bytes:
        """The payment that went out under a number."""
        query = select(outbound.c.body).where(outbound.c.number == number)
        return bytes(self._database.read(lambda c: c.execute(query).scalar_one()))


def _stray(entry: FeedEntry, position: int) -> dict[str, Any]:
    payment = entry.incoming.payment
    return {
        "position": position,
        "payment_id": payment.payment_id,
        "body": payment.SerializeToString(),
        "returned": 0,
    }
