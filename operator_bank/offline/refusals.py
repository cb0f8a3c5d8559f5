"""What ends a deposit at its bank without money: the central bank's signed word that it refused it.

An answer is no more than what came over a connection. Told to a holder, a refusal is final, so it
is believed only as the central bank's signature has it, for this bank, number and payment.
"""

from __future__ import annotations

from typing import Any

from dcep.registration.v1 import registration_pb2
from operator_bank.peers.central_keys import Verifies
from runtime.errors import Refusal
from runtime.logs import logger
from runtime.messages import read_payload


def signed_refusal(
    outcome: registration_pb2.DepositOutcome, row: Any, bank: str, keys: Verifies
) -> registration_pb2.DepositRefusal | None:
    """The refusal of a deposit, verified; None where there is none that counts.

    Args:
        outcome: as the central bank answered.
        row: the deposit in `token_deposits`.
        bank: this one.
        keys: the central bank's.
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
