"""A wallet asked for, signed by its key, unless a test says otherwise."""

from __future__ import annotations

import uuid
from typing import Any

from google.protobuf.message import Message
from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from runtime.envelope import sign_payload


def opening(
    bank: str,
    now_ms: int,
    /,
    *,
    key: SigningKey | None = None,
    signer: SigningKey | None = None,
    key_id: bytes | None = None,
    kind: type[Message] = orders_pb2.OpenWalletOrder,
    **fields: Any,
) -> SignedEnvelope:
    """An order for a wallet at a bank.

    Args:
        key: that the wallet is for; a new one if None.
        signer: who signs; the same if None.
        key_id: the key's if None.
        fields: of the OpenWalletOrder, in place of good ones.
    """
    key = key or SigningKey.generate()
    public = bytes(key.verify_key)
    given = {
        "request_id": str(uuid.uuid4()),
        "public_key": public,
        "holder_name": "Somebody",
        "bank": bank,
        "created_time_ms": now_ms,
        "expires_time_ms": now_ms + 60_000,
    }
    payload = orders_pb2.OpenWalletOrder(**{**given, **fields}).SerializeToString()
    return sign_payload(
        kind, payload, signer or key, public.hex().encode() if key_id is None else key_id
    )


def opening_request(*args: Any, **how: Any) -> wallets_pb2.OpenWalletRequest:
    """As `opening`, as the request of a call."""
    return wallets_pb2.OpenWalletRequest(order=opening(*args, **how))
