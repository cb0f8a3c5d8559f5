"""Checks that somebody has the private half of a new key."""

from __future__ import annotations

from dcep.errors.v1 import errors_pb2
from runtime.checks import exact_bytes
from runtime.envelope import possessed
from runtime.errors import Refusal


def check_possession(public_key: bytes, owner: str, proof: bytes) -> None:
    """Raises Refusal if a key has not signed for itself, as a key of its owner.

    Without this check, officers who are given another party's key, or a wrong one, would only find
    out when nothing is accepted any more that the bank signs.
    """
    exact_bytes(proof, "proof", 64)
    if not possessed(public_key, owner, proof):
        raise Refusal(
            errors_pb2.REASON_SIGNATURE_INVALID,
            f"the new key has not signed for itself as a key of {owner}",
            field="proof",
        )
