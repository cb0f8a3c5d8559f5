"""Keeps deposits that wait until the bank that has to bear a double spend has enough reserves.

They came in time, even if the grace of their tokens ends before the reserves suffice; so it is
written down that they wait. While they do, for at most `MAX_DEPOSIT_WAIT_MS`, nothing of their
tokens is refunded.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import MAX_WAITING_DEPOSITS
from central_bank.registration.offline.tables import waiting_deposits
from central_bank.registration.offline.verification import Judged
from central_bank.registration.settlement import digest
from dcep.registration.v1 import registration_pb2
from runtime.chunks import chunks
from runtime.clock import Clock
from runtime.database import Database

_of = waiting_deposits.c


class PendingDeposits:
    """The deposits that wait, by bank and number."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def numbers(
        self, bank: AdmittedBank, items: Sequence[registration_pb2.TokenDepositItem]
    ) -> frozenset[int]:
        """Numbers of those deposits that wait; not of one whose number belonged to another
        payment.
        """
        digests = {item.number: _digest(item) for item in items}
        found = self._database.read(lambda c: _known(c, bank, list(digests)))
        return frozenset(number for number, known in found if known == digests[number])

    def begin(self, bank: AdmittedBank, judged: Judged) -> None:
        """Notes that a deposit waits; one that waits already keeps the time when it came.

        Beyond `MAX_WAITING_DEPOSITS` of a bank nothing is written down. A further deposit is
        pending all the same, but later it is not known when it came.
        """
        if judged.waited or self._is_full(bank):
            return
        number, now_ms = judged.item.number, self._clock.now_ms()
        rows = [
            {
                "bank": bank.index,
                "number": number,
                "token_id": token_id,
                "digest": _digest(judged.item),
                "time_ms": now_ms,
            }
            for token_id in judged.token_ids()
        ]

        def put(connection: Connection) -> None:
            self.end(connection, bank, number)
            connection.execute(insert(waiting_deposits), rows)

        self._database.transaction(put)

    def _is_full(self, bank: AdmittedBank) -> bool:
        own = select(_of.number).where(_of.bank == bank.index).distinct().subquery()
        count = select(func.count()).select_from(own)
        return self._database.read(lambda c: c.execute(count).scalar_one()) >= MAX_WAITING_DEPOSITS

    def end(self, connection: Connection, bank: AdmittedBank, number: int) -> None:
        """Notes that a deposit was answered, in this transaction."""
        same = (_of.bank == bank.index) & (_of.number == number)
        connection.execute(delete(waiting_deposits).where(same))


def item_digest(item: registration_pb2.TokenDepositItem) -> int:
    """The 64 bits that tell whether two deposits are the same."""
    return digest(item.offline_payment)


def _digest(item: registration_pb2.TokenDepositItem) -> bytes:
    return item_digest(item).to_bytes(8, "little")


def _known(
    connection: Connection, bank: AdmittedBank, numbers: Sequence[int]
) -> set[tuple[int, bytes]]:
    found: set[tuple[int, bytes]] = set()
    for chunk in chunks(numbers):
        query = select(_of.number, _of.digest).where(_of.bank == bank.index, _of.number.in_(chunk))
        found |= {(number, bytes(known)) for number, known in connection.execute(query)}
    return found
