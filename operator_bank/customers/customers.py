"""Keeps customers and what they have shown of who they are, which decides their wallet's class.

A customer is not a wallet: the code that moves and counts money knows a wallet's class, and nothing
of its holder.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag

from sqlalchemy import Connection, func, insert, select

from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.customers.tables import customers, opening_orders
from runtime.checks import invalid
from runtime.database import Database
from runtime.errors import Refusal


class Proof(IntFlag):
    """What a customer has shown; several flags may be set."""

    PHONE = 1
    NAME = 2


def class_of(shown: Proof) -> int:
    """The class of wallet (a dcep.bank.v1.WalletClass) for a holder who has shown this much."""
    if Proof.NAME in shown:
        return wallets_pb2.WALLET_CLASS_II
    return wallets_pb2.WALLET_CLASS_IV


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who asks for a wallet, as they describe themselves."""

    name: str
    phone: str

    @classmethod
    def of(cls, order: orders_pb2.OpenWalletOrder) -> Applicant:
        """The applicant of an order. Raises Refusal if the order gives neither name nor phone
        number.
        """
        if not order.holder_name and not order.phone:
            raise Refusal(
                errors_pb2.REASON_FIELD_MISSING,
                "give a name or a phone number",
                field="holder_name",
            )
        if order.holder_name and order.holder_name.isspace():
            raise invalid("holder_name", "has more than blanks")
        return cls(order.holder_name, order.phone)

    @property
    def shown(self) -> Proof:
        """What the applicant has shown."""
        return (Proof.NAME if self.name else Proof(0)) | (Proof.PHONE if self.phone else Proof(0))


@dataclass(frozen=True, slots=True)
class OpeningOrder:
    """An OpenWalletOrder as it was signed.

    Attributes:
        digest: tells whether two orders by the same key and request_id ask for the same, 32 bytes.
    """

    digest: bytes
    payload: bytes
    signature: bytes


class Customers:
    """Keeps customers, each with an id of its own. Any thread may ask."""

    def __init__(self, database: Database) -> None:
        last = database.read(lambda c: c.execute(select(func.max(customers.c.id))).scalar())
        self._next_id = (last or 0) + 1
        self._lock = threading.Lock()

    def ids(self, count: int) -> range:
        """Ids for so many new customers; nobody else gets them while this process runs."""
        with self._lock:
            first = self._next_id
            self._next_id += count
        return range(first, first + count)

    def write(
        self,
        connection: Connection,
        admitted: Sequence[tuple[int, Applicant]],
        orders: Sequence[tuple[int, OpeningOrder]],
        now_ms: int,
    ) -> None:
        """Inserts new customers, and the orders that opened their wallets.

        Args:
            connection: of the transaction in which the wallets are opened.
            admitted: (customer's id, applicant) of each.
            orders: (wallet's id, order) of each.
            now_ms: Unix milliseconds.
        """
        rows: list[dict[str, object]] = [
            {
                "id": number,
                "name": one.name,
                "phone": one.phone,
                "shown": int(one.shown),
                "since_time_ms": now_ms,
            }
            for number, one in admitted
        ]
        connection.execute(insert(customers), rows)
        signed = [
            {
                "wallet": wallet,
                "digest": order.digest,
                "order_payload": order.payload,
                "order_signature": order.signature,
            }
            for wallet, order in orders
        ]
        connection.execute(insert(opening_orders), signed)
