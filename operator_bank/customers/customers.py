"""Keeps customers and what they have shown of who they are, sealed; it decides a wallet's class.

A customer is not a wallet: the code that moves and counts money knows a wallet's class, and nothing
of its holder.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from currency.papers import one_document
from currency.phones import one_phone
from currency.proofs import Proof
from operator_bank.customers.person import Person
from operator_bank.customers.sealing import Sealer
from operator_bank.customers.tables import customers, opening_orders, unsealed_customers
from operator_bank.limits import RESEALED_AT_ONCE
from runtime.database import Database

_BEFORE = "before"
"""Who confirmed what customers of before have shown: nobody whom the bank has asked."""


@dataclass(frozen=True, slots=True)
class OpeningOrder:
    """An OpenWalletOrder as it was signed.

    Attributes:
        digest: of the Holder, 32 bytes: it tells whether two orders by the same key and request_id
            ask for the same.
    """

    digest: bytes
    payload: bytes
    signature: bytes


class Admission(NamedTuple):
    """A new customer with their wallet, each by its id, and the order that opened it."""

    customer: int
    wallet: int
    person: Person
    order: OpeningOrder


class Customers:
    """Keeps customers, each with an id of its own. Any thread may ask."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        """Seals what another key has sealed, or none yet, by the newest one.

        Raises:
            KeyFileWrong: the keys do not open what is there.
        """
        self._database = database
        self._sealer = sealer
        last = database.read(lambda c: c.execute(select(func.max(customers.c.id))).scalar())
        self._next_id = (last or 0) + 1
        self._lock = threading.Lock()
        if last is not None:
            while self._seal_anew():
                pass
            self.person(last)

    def ids(self, count: int) -> range:
        """Ids for so many new customers; nobody else gets them while this process runs."""
        with self._lock:
            first = self._next_id
            self._next_id += count
        return range(first, first + count)

    def phone_key(self, phone: str) -> bytes | None:
        """By what customers with a telephone are found, whatever its spelling; None for ""."""
        return self._sealer.lookup("phone", one_phone(phone)) if phone else None

    def document_key(self, kind: int, number: str) -> bytes | None:
        """By what customers with a document are found; None for ""."""
        return self._sealer.lookup("document", one_document(kind, number)) if number else None

    def person(self, customer: int) -> Person | None:
        """What is known of a customer; None if there is no such customer.

        Raises:
            KeyFileWrong: the bank's keys do not open it.
        """
        query = select(customers).where(customers.c.id == customer)
        row = self._database.read(lambda c: c.execute(query).one_or_none())
        return None if row is None else self._opened(row)

    def write(
        self,
        connection: Connection,
        admitted: Sequence[Admission],
        now_ms: int,
    ) -> None:
        """Inserts new customers, and the orders that opened their wallets.

        Args:
            connection: of the transaction in which the wallets are opened.
            admitted: the new customers, each with a wallet.
            now_ms: Unix milliseconds.
        """
        rows: list[dict[str, object]] = [
            {
                "id": one.customer,
                "since_time_ms": now_ms,
                "holder_digest": one.order.digest,
                **self._sealed(one.customer, one.person),
            }
            for one in admitted
        ]
        connection.execute(insert(customers), rows)
        signed = [
            {
                "wallet": one.wallet,
                "digest": one.order.digest,
                "shown": int(one.person.shown),
                "order_payload": one.order.payload,
                "order_signature": one.order.signature,
            }
            for one in admitted
        ]
        connection.execute(insert(opening_orders), signed)

    def change(self, connection: Connection, customer: int, person: Person) -> None:
        """Keeps what is known of a customer now, in a transaction of the caller."""
        of_customer = update(customers).where(customers.c.id == customer)
        connection.execute(of_customer.values(**self._sealed(customer, person)))

    def _sealed(self, customer: int, person: Person) -> dict[str, object]:
        """The columns that change when a customer is sealed."""
        return {
            "sealed": self._sealer.seal(customer, person.to_bytes()),
            "sealed_by": self._sealer.newest,
            "phone_key": self.phone_key(person.phone),
            "document_key": self.document_key(person.document_kind, person.document),
            "shown": int(person.shown),
        }

    def _opened(self, row: Row[Any]) -> Person:
        return Person.from_bytes(self._sealer.open(row.id, row.sealed_by, bytes(row.sealed)))

    def _seal_anew(self) -> bool:
        """Seals some customers that the newest key has not sealed; returns whether there were."""
        query = select(customers, unsealed_customers.c.name, unsealed_customers.c.phone)
        query = query.outerjoin(unsealed_customers, unsealed_customers.c.id == customers.c.id)
        query = query.where(customers.c.sealed_by != self._sealer.newest).limit(RESEALED_AT_ONCE)

        def body(connection: Connection) -> bool:
            rows = connection.execute(query).all()
            for row in rows:
                person = self._opened(row) if row.sealed_by else _of_before(connection, row)
                of_customer = update(customers).where(customers.c.id == row.id)
                connection.execute(of_customer.values(**self._sealed(row.id, person)))
            done = [row.id for row in rows if not row.sealed_by]
            of_done = delete(unsealed_customers).where(unsealed_customers.c.id.in_(done))
            connection.execute(of_done)
            return bool(rows)

        return self._database.transaction(body)


def _of_before(connection: Connection, row: Row[Any]) -> Person:
    """A customer of before, with what they showed then. The order that opened the wallet names its
    holder, so it is sealed too.
    """
    # Each customer of that time had one wallet, with the same id.
    of_wallet = opening_orders.c.wallet == row.id
    query = select(opening_orders.c.order_payload).where(of_wallet)
    order = connection.execute(query).scalar_one_or_none() or b""
    connection.execute(update(opening_orders).where(of_wallet).values(order_payload=b""))
    person = Person(name=row.name or "", phone=row.phone or "", order=bytes(order).hex())
    return person.showing(Proof(row.shown), row.since_time_ms, _BEFORE)
