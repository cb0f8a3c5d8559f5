"""Writes down which keys are and were wallets' signers, and what they have signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from dcep.bank.v1 import signers_pb2
from operator_bank.signers.tables import (
    pending_orders,
    pending_signatures,
    released_orders,
    signer_keys,
    signer_signatures,
)
from operator_bank.wallets.known import Wallet


def write_signatures(
    connection: Connection, position: int, signatures: Mapping[int, bytes]
) -> None:
    """Writes down who has signed what a record stands for, by their places."""
    connection.execute(
        insert(signer_signatures),
        [
            {"position": position, "place": place, "signature": signature}
            for place, signature in sorted(signatures.items())
        ],
    )


def end_all(connection: Connection, number: str, now_ms: int) -> None:
    """Writes down that none of a wallet's signers is one any more."""
    statement = update(signer_keys).where(
        signer_keys.c.number == number, signer_keys.c.until_time_ms == 0
    )
    connection.execute(statement.values(until_time_ms=now_ms))
    forget_pending(connection, number)


def forget_pending(connection: Connection, number: str) -> None:
    """Deletes what waits for signatures under a list that is in force no more."""
    waits = select(pending_orders.c.digest).where(pending_orders.c.number == number)
    items = released_orders.c
    its = (items.number == number, items.release_digest.in_(waits))
    connection.execute(delete(released_orders).where(*its))
    for of in (pending_orders, pending_signatures):
        connection.execute(delete(of).where(of.c.number == number))


def write_keys(
    connection: Connection, wallet: Wallet, content: signers_pb2.SignersOrder, now_ms: int
) -> None:
    """Writes down which keys came and went."""
    known = select(signer_keys.c.public_key).where(signer_keys.c.number == wallet.number)
    have: set[bytes] = {bytes(key) for key in connection.execute(known).scalars()}
    listed = {bytes(one.public_key) for one in content.signers}
    for key in sorted({*listed, *wallet.all_keys} - have):
        values = {"public_key": key, "since_time_ms": now_ms, "until_time_ms": 0}
        connection.execute(insert(signer_keys), {"number": wallet.number, **values})
    for key in sorted(set(wallet.all_keys) - listed):
        gone = update(signer_keys).where(
            signer_keys.c.number == wallet.number, signer_keys.c.public_key == key
        )
        connection.execute(gone.values(until_time_ms=now_ms))


def key_row(connection: Connection, number: str, key: bytes) -> Row[Any] | None:
    """What is written down of a key of a wallet's signers."""
    query = select(signer_keys).where(
        signer_keys.c.number == number, signer_keys.c.public_key == key
    )
    return connection.execute(query).first()
