"""What the order book knows of payroll runs.

A run has a name. Within it a wallet is paid once, whatever becomes of the file: what a row came to
is that of the newest order of the run for its payee.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select

from dcep.bank.v1 import orders_pb2, payments_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from runtime.chunks import chunks
from runtime.database import Database
from wallet.orders.order_book import KeptOrder, OrderState
from wallet.orders.sql_order_book import order_of
from wallet.tables import orders, payrolls

PAGE = 2_000
"""Orders that are read at once."""

PAYERS_OWN = frozenset(
    (
        errors_pb2.REASON_INSUFFICIENT_FUNDS,
        errors_pb2.REASON_OVER_DAY_LIMIT,
        errors_pb2.REASON_OVER_YEAR_LIMIT,
        errors_pb2.REASON_TOO_MANY_HOLDS,
        errors_pb2.REASON_WALLET_FROZEN,
        errors_pb2.REASON_WALLET_CLOSED,
        errors_pb2.REASON_SIGNER_MAY_NOT,
    )
)
"""Refusals that say nothing of the payee, and that the next payment would meet too."""

NOT_AN_END = PAYERS_OWN | {
    errors_pb2.REASON_EXPIRED,
    errors_pb2.REASON_KEY_REPLACED,
    errors_pb2.REASON_NOT_RELEASED,
}
"""After these refusals a row is ordered anew when its run goes on."""


class Entry(NamedTuple):
    """What a run has come to with one payee, by its newest order.

    Attributes:
        state: of the order.
        reason: a Reason, if it was refused.
        returned: it was settled, and the payee's bank sent it back.
    """

    sequence: int
    amount_fen: int
    memo: str
    state: OrderState
    reason: int
    returned: bool

    @property
    def refused(self) -> bool:
        """Whether it was refused for a reason that lies with the payee."""
        return self.state == OrderState.REFUSED and self.reason not in NOT_AN_END

    @property
    def open(self) -> bool:
        """Whether nobody has said yet what came of it."""
        return self.state == OrderState.UNKNOWN

    @property
    def settled(self) -> bool:
        """Whether it was paid."""
        return self.state == OrderState.DONE


@dataclass(frozen=True)
class Run:
    """A run that its holder has confirmed.

    Attributes:
        digest: SHA-256 of the file that was confirmed last, and of whom its aliases stand for.
    """

    name: str
    digest: bytes
    total_fen: int
    confirmed_time_ms: int


class Runs:
    """The payroll runs of a wallet."""

    def __init__(self, database: Database, number: str) -> None:
        self._database = database
        self._number = number

    def get(self, name: str) -> Run | None:
        """The run of that name; None if there is none."""
        return next(iter(self._where(payrolls.c.run == name)), None)

    def of_content(self, digest: bytes) -> list[Run]:
        """The runs whose file, as confirmed last, is this one, byte by byte."""
        return self._where(payrolls.c.digest == digest)

    def confirm(self, run: Run) -> None:
        """Writes down that the holder has confirmed a file for a run, a new one or one that is
        there.
        """

        def body(connection: Connection) -> None:
            connection.execute(
                delete(payrolls).where(
                    payrolls.c.number == self._number, payrolls.c.run == run.name
                )
            )
            values = {
                "number": self._number,
                "run": run.name,
                "digest": run.digest,
                "total_fen": run.total_fen,
                "confirmed_time_ms": run.confirmed_time_ms,
            }
            connection.execute(insert(payrolls), values)

        self._database.transaction(body)

    def orders(self, name: str, *, only_open: bool = False) -> Iterator[KeptOrder]:
        """The run's orders, oldest first.

        Args:
            only_open: only those of unknown outcome.
        """
        after = 0
        while True:
            query = (
                select(orders)
                .where(
                    orders.c.number == self._number,
                    orders.c.run == name,
                    orders.c.sequence > after,
                )
                .order_by(orders.c.sequence)
                .limit(PAGE)
            )
            if only_open:
                query = query.where(orders.c.state == OrderState.UNKNOWN.value)
            page = self._database.read(partial(_orders, query))
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].sequence

    def entries(self, name: str) -> dict[str, Entry]:
        """What the run has come to, by the payee's wallet number."""
        return {
            payment.payee_number: _entry(order, payment)
            for order in self.orders(name)
            for payment in (orders_pb2.PaymentOrder.FromString(order.payload),)
        }

    def elsewhere(self, name: str, contents: Sequence[bytes]) -> Counter[str]:
        """How many of these payments other runs have ordered and not been refused, by run.

        Args:
            name: the run that does not count; "" for none.
            contents: SHA-256 of each payment.
        """
        found: Counter[str] = Counter()
        for part in chunks(contents):
            query = select(orders.c.run).where(
                orders.c.number == self._number,
                orders.c.content.in_(part),
                orders.c.run.is_not(None),
                orders.c.run != name,
                orders.c.state != OrderState.REFUSED.value,
            )
            found.update(self._database.read(partial(_names, query)))
        return found

    def alike(self, name: str, rows: Mapping[str, int], since_ms: int) -> Counter[str]:
        """How many payments of the same amounts to the same payees other runs have ordered and not
        been refused, by run, whatever their memos.

        Args:
            name: the run that does not count.
            rows: fen by payee.
            since_ms: from when on.
        """
        query = (
            select(orders.c.run)
            .where(
                orders.c.number == self._number,
                orders.c.run.is_not(None),
                orders.c.run != name,
                orders.c.created_time_ms >= since_ms,
            )
            .distinct()
        )
        found: Counter[str] = Counter()
        for run in self._database.read(partial(_names, query)):
            for payee, entry in self.entries(run).items():
                if rows.get(payee) == entry.amount_fen and (entry.open or entry.settled):
                    found[run] += 1
        return found

    def _where(self, condition: Any) -> list[Run]:
        query = (
            select(
                payrolls.c.run,
                payrolls.c.digest,
                payrolls.c.total_fen,
                payrolls.c.confirmed_time_ms,
            )
            .where(payrolls.c.number == self._number, condition)
            .order_by(payrolls.c.confirmed_time_ms)
        )
        return self._database.read(lambda c: [Run(*row) for row in c.execute(query)])


def _orders(query: Select[Any], connection: Connection) -> list[KeptOrder]:
    return [order_of(row) for row in connection.execute(query)]


def _names(query: Select[Any], connection: Connection) -> list[str]:
    return list(connection.execute(query).scalars())


def _entry(order: KeptOrder, payment: orders_pb2.PaymentOrder) -> Entry:
    returned = (
        order.state == OrderState.DONE
        and payments_pb2.PayResponse.FromString(order.answer).state
        == states_pb2.PAYMENT_STATE_RETURNED
    )
    return Entry(
        order.sequence, payment.amount_fen, payment.memo, order.state, order.reason, returned
    )
