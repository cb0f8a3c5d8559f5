"""Checks the key of an order that is written down without the journal deciding about it."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from dcep.errors.v1 import errors_pb2
from operator_bank.keys.tables import key_replacements
from operator_bank.signers.tables import signer_lists
from operator_bank.wallets.known import Wallet
from runtime.errors import Refusal


def check_in_force(connection: Connection, wallet: Wallet) -> None:
    """Checks, in the transaction that writes an order down, that its key has not been replaced
    since it was verified.

    Raises:
        Refusal: KEY_REPLACED.
    """
    newest = max(
        connection.execute(
            select(func.max(of.c.key_number)).where(of.c.number == wallet.number)
        ).scalar()
        or 0
        for of in (key_replacements, signer_lists)
    )
    if newest != wallet.key_number:
        raise Refusal(
            errors_pb2.REASON_KEY_REPLACED, "the wallet's key was replaced", field="sequence"
        )
