"""A wallet asked for, signed by its key, unless a test says otherwise."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from google.protobuf.message import Message
from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2, wallets_pb2
from runtime.envelope import sign_payload

_HOLDER = ("salt", "name", "phone", "document", "bank_account")


def opening(
    bank: str,
    now_ms: int,
    /,
    *,
    key: SigningKey | None = None,
    signer: SigningKey | None = None,
    key_id: bytes | None = None,
    kind: type[Message] = orders_pb2.OpenWalletOrder,
    holder: bytes | None = None,
    code: str = "",
    **fields: Any,
) -> wallets_pb2.OpenWalletRequest:
    """A request for a wallet at a bank.

    Args:
        key: that the wallet is for; a new one if None.
        signer: who signs; the same if None.
        key_id: the key's if None.
        holder: the bytes of the Holder, in place of those that `fields` tell.
        code: that came to the telephone.
        fields: of the OpenWalletOrder and of the Holder, in place of good ones.
    """
    key = key or SigningKey.generate()
    public = bytes(key.verify_key)
    names = {"holder_name": "name", **{name: name for name in _HOLDER}}
    said = {names[name]: fields.pop(name) for name in list(fields) if name in names}
    if holder is None:
        salt = hashlib.sha256(bytes(key)).digest()[:16]
        said = {"salt": salt, "name": "Somebody", **said}
        holder = orders_pb2.Holder(**said).SerializeToString()
    given = {
        "request_id": str(uuid.uuid4()),
        "public_key": public,
        "holder_digest": hashlib.sha256(holder).digest(),
        "bank": bank,
        "created_time_ms": now_ms,
        "expires_time_ms": now_ms + 60_000,
    }
    payload = orders_pb2.OpenWalletOrder(**{**given, **fields}).SerializeToString()
    order = sign_payload(
        kind, payload, signer or key, public.hex().encode() if key_id is None else key_id
    )
    return wallets_pb2.OpenWalletRequest(order=order, holder=holder, code=code)
