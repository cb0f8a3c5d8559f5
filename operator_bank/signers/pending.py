"""Writes down what waits for signatures: for a day at most, and so much of each who prepares it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from currency.days import DAY_MS
from dcep.bank.v1 import orders_pb2, signers_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.limits import PENDING_BYTES_EACH, PENDING_EACH
from operator_bank.signers.tables import pending_orders, pending_signatures, released_orders
from operator_bank.wallets.orders import VerifiedOrder
from operator_bank.wallets.released import OPEN
from runtime.errors import Refusal

Together = (
    VerifiedOrder[orders_pb2.PaymentOrder]
    | VerifiedOrder[signers_pb2.SignersOrder]
    | VerifiedOrder[signers_pb2.ReleaseOrder]
)
_OF, _IN = pending_orders.c, released_orders.c


def unknown() -> Refusal:
    """The refusal of a signature for what nobody has prepared, or what is over."""
    return Refusal(
        errors_pb2.REASON_REQUEST_UNKNOWN,
        "nothing like this waits for signatures",
        field="order",
    )


def digest_of(order: Together) -> bytes:
    """SHA-256 of what is signed."""
    return hashlib.sha256(order.payload).digest()


def find(connection: Connection, number: str, digest: bytes) -> Row[Any] | None:
    """What waits, or was withdrawn, of this digest."""
    query = select(pending_orders).where(_OF.number == number, _OF.digest == digest)
    return connection.execute(query).first()


def prepare(
    connection: Connection, order: Together, now_ms: int, values: Mapping[str, int]
) -> None:
    """Has an order wait; `values`: its kind, and the place of who has prepared it."""
    row = {
        "number": order.wallet.number,
        "list_number": order.wallet.key_number,
        "digest": digest_of(order),
        "payload": order.payload,
        "state": OPEN,
        "created_time_ms": now_ms,
        "expires_time_ms": order.content.expires_time_ms,
        **values,
    }
    connection.execute(insert(pending_orders), row)
    if isinstance(order.content, signers_pb2.ReleaseOrder):
        items = [
            {
                "number": order.wallet.number,
                "release_digest": row["digest"],
                "at": at,
                "kind": item.kind,
                "order_digest": hashlib.sha256(item.payload).digest(),
            }
            for at, item in enumerate(order.content.items)
        ]
        connection.execute(insert(released_orders), items)


def check_room(connection: Connection, number: str, place: int, more_bytes: int) -> None:
    """Raises Refusal: OVERLOADED, if so much waits that one signer has prepared, or was withdrawn
    of it in a day.
    """
    mine = select(_OF.state, func.count(), func.sum(func.length(_OF.payload))).where(
        _OF.number == number, _OF.place == place
    )
    rows = connection.execute(mine.group_by(_OF.state)).all()
    if max((count for _, count, _ in rows), default=0) >= PENDING_EACH:
        raise Refusal(
            errors_pb2.REASON_OVERLOADED,
            f"{PENDING_EACH} orders that one has prepared is all, and as many withdrawn in a day",
        )
    if sum(length for _, _, length in rows) + more_bytes > PENDING_BYTES_EACH:
        raise Refusal(
            errors_pb2.REASON_OVERLOADED,
            f"{PENDING_BYTES_EACH} bytes that one has prepared is all",
        )


def forget_old(connection: Connection, number: str, now_ms: int) -> None:
    """Deletes a wallet's orders that have expired, of which nothing can come; those that were
    withdrawn only after a day. Each of them is kept in the journal at the cost of the whole wallet,
    so they count against who has prepared them.
    """
    over = (_OF.state == OPEN) | (_OF.created_time_ms < now_ms - DAY_MS)
    old = select(_OF.digest).where(_OF.number == number, _OF.expires_time_ms < now_ms, over)
    digests = connection.execute(old).scalars().all()
    if digests:
        delete_these(connection, number, digests)


def delete_these(connection: Connection, number: str, digests: Sequence[bytes]) -> None:
    """Deletes what waits no more, with its signatures."""
    forget_items(connection, number, digests)
    no_longer_wait(connection, number, digests)


def forget_items(connection: Connection, number: str, digests: Sequence[bytes]) -> None:
    """Deletes the orders of releases that nobody sends any more."""
    its = (_IN.number == number, _IN.release_digest.in_(digests))
    connection.execute(delete(released_orders).where(*its))


def no_longer_wait(connection: Connection, number: str, digests: Sequence[bytes]) -> None:
    """Deletes what waits, with its signatures; the orders of a release stay."""
    for of in (pending_orders, pending_signatures):
        connection.execute(delete(of).where(of.c.number == number, of.c.digest.in_(digests)))
