"""Keeps the order book in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update

from dcep.errors.v1 import errors_pb2
from runtime.database import Database
from wallet.orders.order_book import PLACES, KeptOrder, OrderState
from wallet.tables import orders, requests, sequences

_OUTCOME = ("state", "reason", "message", "answer", "heard")


class SqlBook:
    """`wallet.orders.order_book.Book` over a `runtime.database.Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begun(self, number: str) -> bool:
        """Whether this book knows the wallet's next sequence."""
        query = select(sequences.c.next_sequence).where(sequences.c.number == number)
        return self._database.read(lambda c: c.execute(query).first()) is not None

    def begin(self, number: str, next_sequence: int, place: int | None = None) -> None:
        """Sets the wallet's next sequence, unless the book knows one; `place` as in `follow`."""

        def body(connection: Connection) -> None:
            query = select(sequences.c.next_sequence).where(sequences.c.number == number)
            if connection.execute(query).first() is None:
                values = {"number": number, "next_sequence": next_sequence, "place": place}
                connection.execute(insert(sequences), values)

        self._database.transaction(body)

    def place(self, number: str) -> int | None:
        """Which of the wallet's signers orders from here, as `follow` was told; None for all."""
        query = select(sequences.c.place).where(sequences.c.number == number)
        return self._database.read(lambda c: c.execute(query).scalar())

    def elsewhere_ms(self, number: str) -> int | None:
        """When it was noticed that the wallet is used from another place too; None if it was
        not.
        """
        query = select(sequences.c.elsewhere_time_ms).where(sequences.c.number == number)
        found: int | None = self._database.read(lambda c: c.execute(query).scalar())
        return found

    def seen_elsewhere(self, number: str, time_ms: int) -> None:
        """Writes down that the wallet is used from another place too."""
        statement = (
            update(sequences).where(sequences.c.number == number).values(elsewhere_time_ms=time_ms)
        )
        self._database.transaction(lambda c: c.execute(statement) and None)

    def follow(self, number: str, next_sequence: int, place: int | None) -> None:
        """Goes on from this sequence, or after all orders made here."""
        self._go_on(number, next_sequence, place=place)

    def resume(self, number: str, next_sequence: int, place: int | None = None) -> None:
        """Lets the wallet order from here again, and goes on as `follow` says."""
        self._go_on(number, next_sequence, place=place, elsewhere_time_ms=None)

    def _go_on(self, number: str, next_sequence: int, **values: Any) -> None:
        def body(connection: Connection) -> None:
            # The bank has not heard of sequences whose orders never reached it.
            newest = select(func.max(orders.c.sequence)).where(orders.c.number == number)
            behind_all = (connection.execute(newest).scalar() or 0) + 1
            connection.execute(
                update(sequences)
                .where(sequences.c.number == number)
                .values(next_sequence=max(next_sequence, behind_all), **values)
            )

        self._database.transaction(body)

    def sequences(self, number: str) -> set[int]:
        """Sequences of the orders made here, except those that another place used."""
        query = select(orders.c.sequence).where(
            orders.c.number == number,
            orders.c.reason != errors_pb2.REASON_WALLET_USED_ELSEWHERE,
        )
        return self._database.read(lambda c: set(c.execute(query).scalars()))

    def add(
        self, number: str, request_id: str | None, make: Callable[[int], KeptOrder]
    ) -> tuple[KeptOrder, bool]:
        """Takes the next sequence and keeps the order made for it, in one transaction."""

        def body(connection: Connection) -> tuple[KeptOrder, bool]:
            [sequence] = _next(connection, number, 1)
            if request_id is not None:
                found = connection.execute(
                    select(orders).where(orders.c.request_id == request_id)
                ).first()
                if found is not None:
                    return order_of(found), False
            order = make(sequence)
            connection.execute(insert(orders), asdict(order))
            _set_next(connection, number, sequence + 1)
            return order, True

        return self._database.transaction(body)

    def add_all(
        self, number: str, count: int, make: Callable[[Sequence[int]], list[KeptOrder]]
    ) -> list[KeptOrder]:
        """Takes the next `count` sequences and keeps the orders made for them, in one transaction.

        Args:
            make: gives the orders for these sequences. It may run twice.
        """

        def body(connection: Connection) -> list[KeptOrder]:
            taken = _next(connection, number, count)
            made = make(taken)
            connection.execute(insert(orders), [asdict(order) for order in made])
            _set_next(connection, number, taken[-1] + 1)
            return made

        return self._database.transaction(body)

    def get(self, number: str, sequence: int) -> KeptOrder:
        """The order as it stands."""
        query = select(orders).where(orders.c.number == number, orders.c.sequence == sequence)
        return self._database.read(lambda c: order_of(c.execute(query).one()))

    def find(self, number: str, request_id: str) -> KeptOrder | None:
        """The order that a program asked for with this id."""
        query = select(orders).where(orders.c.number == number, orders.c.request_id == request_id)

        def body(connection: Connection) -> KeptOrder | None:
            row = connection.execute(query).first()
            return order_of(row) if row is not None else None

        return self._database.read(body)

    def unknown(self, number: str) -> list[KeptOrder]:
        """Orders of unknown outcome, oldest first."""
        return self._unheard(number, orders.c.state == OrderState.UNKNOWN.value)

    def unheard(self, number: str, kind: str, content: bytes) -> list[KeptOrder]:
        """Equal orders of persons whose outcome nobody was told, oldest first."""
        return self._unheard(
            number,
            orders.c.kind == kind,
            orders.c.content == content,
            orders.c.request_id.is_(None),
            orders.c.run.is_(None),
        )

    def _unheard(self, number: str, *more: ColumnElement[bool]) -> list[KeptOrder]:
        query = (
            select(orders)
            .where(orders.c.number == number, orders.c.heard.is_(False), *more)
            .order_by(orders.c.sequence)
        )
        return self._database.read(lambda c: [order_of(row) for row in c.execute(query)])

    def finish(
        self,
        order: KeptOrder,
        state: OrderState,
        *,
        reason: int = 0,
        message: str = "",
        answer: bytes = b"",
        heard: bool = False,
    ) -> KeptOrder:
        """Writes down what came of an order, and whether it is told at once."""
        values = {"reason": reason, "message": message, "answer": answer, "heard": heard}
        self._change(order, state=state.value, **values)
        return replace(
            order, state=state, reason=reason, message=message, answer=answer, heard=heard
        )

    def finish_all(self, ended: Sequence[KeptOrder]) -> None:
        """Writes down what came of many orders, as they are given, in one transaction."""
        if not ended:
            return
        statement = (
            update(orders)
            .where(
                orders.c.number == bindparam("its_number"),
                orders.c.sequence == bindparam("its_sequence"),
            )
            .values({name: bindparam(name) for name in _OUTCOME})
        )
        values = [
            {
                "its_number": order.number,
                "its_sequence": order.sequence,
                **{name: getattr(order, name) for name in _OUTCOME},
            }
            for order in ended
        ]
        self._database.transaction(lambda c: c.execute(statement, values) and None)

    def hear(self, order: KeptOrder) -> None:
        """Writes down that somebody was told what came of an order."""
        self._change(order, heard=True)

    def _change(self, order: KeptOrder, **values: Any) -> None:
        statement = (
            update(orders)
            .where(orders.c.number == order.number, orders.c.sequence == order.sequence)
            .values(**values)
        )
        self._database.transaction(lambda c: c.execute(statement) and None)


class SqlRequests:
    """Offline requests over a direct link; one that nobody has seen is shown the next time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unseen(self, amount_fen: int) -> str | None:
        """The newest request for this amount that was shown to nobody; None if there is none."""
        query = (
            select(requests.c.text)
            .where(requests.c.amount_fen == amount_fen, requests.c.paid_time_ms.is_(None))
            .order_by(requests.c.created_time_ms.desc())
            .limit(1)
        )
        return self._database.read(lambda c: c.execute(query).scalar_one_or_none())

    def add(self, text: str, amount_fen: int, now_ms: int) -> None:
        """Keeps a request before it is shown."""
        values = {"text": text, "amount_fen": amount_fen, "created_time_ms": now_ms}
        self._database.transaction(lambda c: c.execute(insert(requests), values) and None)

    def seen(self, text: str, now_ms: int) -> None:
        """Records that a request is shown to somebody now, or that nobody can pay it any more."""
        statement = update(requests).where(requests.c.text == text).values(paid_time_ms=now_ms)
        self._database.transaction(lambda c: c.execute(statement) and None)


def _next(connection: Connection, number: str, count: int) -> Sequence[int]:
    """The wallet's next sequences. On PostgreSQL too, others wait until they have been taken."""
    query = select(sequences.c.next_sequence, sequences.c.place).where(sequences.c.number == number)
    row = connection.execute(query.with_for_update()).one()
    if row.place is None:
        return range(row.next_sequence, row.next_sequence + count)
    first = row.next_sequence + (row.place - row.next_sequence) % PLACES
    return range(first, first + count * PLACES, PLACES)


def _set_next(connection: Connection, number: str, sequence: int) -> None:
    connection.execute(
        update(sequences).where(sequences.c.number == number).values(next_sequence=sequence)
    )


def order_of(row: Row[Any]) -> KeptOrder:
    """An order as its row has it."""
    values = dict(row._mapping)
    values["state"] = OrderState(values["state"])
    return KeptOrder(**values)
