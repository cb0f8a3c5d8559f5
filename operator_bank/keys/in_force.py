"""Checks the key of an order that is written down without the journal deciding about it."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from dcep.errors.v1 import errors_pb2
from operator_bank.keys.tables import key_replacements
from operator_bank.wallets.known import Wallet
from runtime.errors import Refusal


def check_in_force(connection: Connection, wallet: Wallet) -> None:
    """Checks, in the transaction that writes an order down, that its key has not been replaced
    since it was verified.

    Raises:
        Refusal: KEY_REPLACED.
    """
    newest = select(func.max(key_replacements.c.key_number)).where(
        key_replacements.c.number == wallet.number
    )
    if (connection.execute(newest).scalar() or 0) != wallet.key_number:
        raise Refusal(
            errors_pb2.REASON_KEY_REPLACED, "the wallet's key was replaced", field="sequence"
        )
