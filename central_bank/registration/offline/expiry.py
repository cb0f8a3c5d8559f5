"""What is left in the float of tokens that expired, and the records that give it back.

Nobody knows whose it is by then: a device may be lost, a payee may never have deposited. It goes to
the wallet that loaded it, whose bank knows it by the number of the registration. Where a deposit
of it came in time and waits, nothing of that registration is given back until the deposit has ended
or has waited for too long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, select, update

from central_bank.authentication.banks import Bank, Registry
from central_bank.ledger import accounts
from central_bank.limits import MAX_DEPOSIT_WAIT_MS, MAX_RESTORED, RESTORE_GRACE_MS
from central_bank.registration.offline.double_spends import DEPOSITED
from central_bank.registration.offline.refund_clock import RefundClock
from central_bank.registration.offline.tables import pieces, tokens, waiting_deposits
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from runtime.database import Database
from runtime.fifo_lock import FifoLock
from settlement.builders import records_of, transfer
from settlement.core import Answers, Batch
from settlement.ledger import Ledger, Overloaded
from settlement.records import RecordFlag, Records, Result


class RestoreBroken(Exception):
    """The float does not hold what the tokens say; the service must not go on."""


@dataclass(frozen=True)
class Left:
    """What is left of one registration, by token."""

    bank: int
    number: int
    fen: dict[bytes, int] = field(default_factory=dict)

    @property
    def amount_fen(self) -> int:
        """What goes back."""
        return sum(self.fen.values())


class Refunds:
    """Gives back what is left, in steps.

    Args:
        time: by which tokens have expired.
        clearing: held by whoever decides what leaves the float.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        registry: Registry,
        time: RefundClock,
        clearing: FifoLock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._registry = registry
        self._time = time
        self._clearing = clearing

    def step(self) -> bool:
        """Gives back what is left of tokens whose grace is over; True when there was any."""
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
    """Up to `limit` registrations whose tokens expired before a time and were not given back."""
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
    """Marks tokens, so that they are given back once; no deposit waits for them any more."""
    for left in refunded:
        for token_id, fen in left.fen.items():
            same = tokens.c.token_id == token_id
            connection.execute(update(tokens).where(same).values(restored_fen=fen))
            ended = waiting_deposits.c.token_id == token_id
            connection.execute(delete(waiting_deposits).where(ended))


def _refunding(refunded: Sequence[Left], banks: Mapping[int, Bank], now_ms: int) -> Records:
    """A record for each registration; its number makes it the only one."""
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
