"""Signs what has no sequence: it is about this moment, and is not kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from runtime.clock import Clock
from runtime.envelope import sign

if TYPE_CHECKING:
    from nacl.signing import SigningKey


def signed_now(
    kind: Callable[..., Message],
    valid_ms: int,
    *,
    number: str,
    key: SigningKey,
    clock: Clock,
    key_id: bytes = b"",
    **fields: Any,
) -> SignedEnvelope:
    """A message about a wallet, signed now.

    Args:
        kind: the message's type.
        valid_ms: how long the bank may take it.
        number: the wallet's.
        key: signs it.
        clock: the time.
        key_id: by what the bank finds the key; unset: by the wallet's number.
        fields: those of the message, but for the wallet and the times.
    """
    now_ms = clock.now_ms()
    said = kind(
        wallet_number=number,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + valid_ms,
        **fields,
    )
    return sign(said, key, key_id or number.encode())
