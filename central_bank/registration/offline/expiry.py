"""Refunds what is left in the float of tokens that expired.

Nobody knows by then whose that money is: a device may be lost, a payee may never have deposited. It
goes to the wallet that loaded it, which its bank knows by the number of the load. If a deposit from
a load came in time and waits, nothing of that load is refunded until the deposit has ended or has
waited too long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, select, update

from central_bank.authentication.banks import AdmittedBank
from central_bank.context import Context
from central_bank.ledger import accounts
from central_bank.limits import MAX_DEPOSIT_WAIT_MS, MAX_RESTORED, RESTORE_GRACE_MS
from central_bank.registration.offline.double_spends import DEPOSITED
from central_bank.registration.offline.refund_clock import RefundClock
from central_bank.registration.offline.tables import pieces, tokens, waiting_deposits
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from settlement.builders import records_of, transfer
from settlement.core import Answers, Batch
from settlement.fifo_lock import FifoLock
from settlement.ledger import Overloaded
from settlement.records import RecordFlag, Records, Result


class RestoreBroken(Exception):
    """The float does not hold what the tokens say; the service must stop."""


@dataclass(frozen=True)
class Left:
    """What is left of one load, by its bank and number: fen by token id."""

    bank: int
    number: int
    fen: dict[bytes, int] = field(default_factory=dict)

    @property
    def amount_fen(self) -> int:
        """The fen that go back."""
        return sum(self.fen.values())


class Refunds:
    """Refunds what is left, step by step.

    Args:
        database: where tokens are kept.
        ledger: moves the money.
        registry: the banks.
        time: decides whether tokens have expired.
        clearing: the lock of whoever decides what leaves the float.
    """

    def __init__(self, context: Context, time: RefundClock, clearing: FifoLock) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._registry = context.registry
        self._time = time
        self._clearing = clearing

    def step(self) -> bool:
        """Refunds tokens whose grace is over, some at a time; returns True if there were any."""
        now_ms = self._time.now_ms()
        before_ms = now_ms - RESTORE_GRACE_MS
        with self._clearing:
            ended = self._database.read(lambda c: _left_of_expired(c, before_ms, MAX_RESTORED))
            if not ended:
                return False
            refunded = [left for left in ended if left.amount_fen]
            if not refunded:
                self._database.transaction(lambda c: _put_restored(c, ended))
                return True
            notes = [
                registration_pb2.TokensRestored(
                    number=left.number, amount_fen=left.amount_fen
                ).SerializeToString()
                for left in refunded
            ]

            def mark(connection: Connection, answers: Answers) -> None:
                if all(Result(result).accepted for result in answers.results.tolist()):
                    _put_restored(connection, ended)

            records = _refunding(refunded, self._registry.by_index(), now_ms)
            try:
                answers = self._ledger.submit(Batch(records, notes, mark))
            except Overloaded:
                return False
            for left, result in zip(refunded, answers.results.tolist(), strict=True):
                if not Result(result).accepted:
                    raise RestoreBroken(f"bank {left.bank}, load {left.number}: {Result(result)!r}")
        return True


def _left_of_expired(connection: Connection, before_ms: int, limit: int) -> list[Left]:
    """Up to `limit` loads whose tokens expired before a time and were not refunded."""
    beside = tokens.alias()
    waits = (
        select(waiting_deposits.c.token_id)
        .join(beside, beside.c.token_id == waiting_deposits.c.token_id)
        .where(beside.c.bank == tokens.c.bank, beside.c.number == tokens.c.number)
    )
    waited_enough = tokens.c.expires_time_ms < before_ms - MAX_DEPOSIT_WAIT_MS
    due = (
        select(tokens.c.bank, tokens.c.number)
        .where(tokens.c.restored_fen.is_(None), tokens.c.expires_time_ms < before_ms)
        .where(~waits.exists() | waited_enough)
        .distinct()
        .limit(limit)
        .subquery()
    )
    retired = (
        select(func.coalesce(func.sum(pieces.c.retired_fen), 0))
        .where(pieces.c.token_id == tokens.c.token_id, pieces.c.spent_by == DEPOSITED)
        .scalar_subquery()
    )
    left = tokens.c.value_fen - retired - tokens.c.pruned_fen
    query = select(tokens.c.bank, tokens.c.number, tokens.c.token_id, left).join(
        due, (tokens.c.bank == due.c.bank) & (tokens.c.number == due.c.number)
    )
    found: dict[tuple[int, int], Left] = {}
    for bank, number, token_id, fen in connection.execute(query):
        found.setdefault((bank, number), Left(bank, number)).fen[bytes(token_id)] = int(fen)
    return list(found.values())


def _put_restored(connection: Connection, refunded: Sequence[Left]) -> None:
    """Marks tokens as refunded, so that it happens once; their waiting deposits end."""
    for left in refunded:
        for token_id, fen in left.fen.items():
            same = tokens.c.token_id == token_id
            connection.execute(update(tokens).where(same).values(restored_fen=fen))
            ended = waiting_deposits.c.token_id == token_id
            connection.execute(delete(waiting_deposits).where(ended))


def _refunding(refunded: Sequence[Left], banks: Mapping[int, AdmittedBank], now_ms: int) -> Records:
    """A record for each load; the load's number makes it the only one."""
    return records_of(
        transfer(
            origin=banks[left.bank].accounts.restored,
            sequence=left.number,
            debit=accounts.OFFLINE_FLOAT,
            credit=banks[left.bank].accounts.circulation,
            amount_fen=left.amount_fen,
            purpose=purposes_pb2.PURPOSE_TOKEN_EXPIRY,
            time_ms=now_ms,
            flags=RecordFlag.NO_LIMIT,
        )
        for left in refunded
    )
