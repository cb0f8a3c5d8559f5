"""Verifies the central bank's signed refusal of a deposit.

An answer is only what came over a connection, and a refusal is final for the holder. So it counts
only if the central bank has signed it, for this bank, number and payment.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from dcep.registration.v1 import registration_pb2
from operator_bank.peers.central_keys import Verifies
from runtime.errors import Refusal
from runtime.logs import logger
from runtime.messages import read_payload


def signed_refusal(
    outcome: registration_pb2.DepositOutcome, row: Row[Any], bank: str, keys: Verifies
) -> registration_pb2.DepositRefusal | None:
    """The refusal of a deposit, verified; None if there is none, or none that counts.

    Args:
        outcome: the central bank's answer.
        row: the deposit in `token_deposits`.
        bank: name of this bank.
        keys: verify the central bank's signature.
    """
    if outcome.state != registration_pb2.OUTCOME_STATE_REFUSED:
        return None
    try:
        payload = keys.verify(registration_pb2.DepositRefusal, outcome.refusal)
        told = read_payload(registration_pb2.DepositRefusal, payload)
    except Refusal as refusal:
        logger("deposits").error("a refusal does not count", number=row.id, why=str(refusal))
        return None
    about = (told.bank, told.number, told.payment_digest)
    if about != (bank, row.id, bytes(row.digest)):
        logger("deposits").error("a refusal is of another deposit", number=row.id)
        return None
    return told
