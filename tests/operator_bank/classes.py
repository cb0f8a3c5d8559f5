"""What tests share that change a wallet's class."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from dcep.bank.v1 import orders_pb2, wallets_pb2
from operator_bank.wallets.directory import Wallet
from tests.operator_bank.system import Holder


def asked(holder: Holder, to: int, code: str = "", **more: Any) -> wallets_pb2.ChangeClassRequest:
    """A request for another class, with what is shown."""
    order: dict[str, Any] = {
        name: more.pop(name) for name in ("request_id", "over_the_cap", "bank") if name in more
    }
    shown = b""
    if more:
        shown = orders_pb2.Holder(salt=b"s" * 16, **more).SerializeToString()
        order["holder_digest"] = hashlib.sha256(shown).digest()
    given = {"bank": "alpha", "request_id": str(uuid.uuid4()), "wallet_class": to, **order}
    signed = holder.signed(orders_pb2.ChangeClassOrder, **given)
    return wallets_pb2.ChangeClassRequest(order=signed, holder=shown, code=code)


def change(holder: Holder, to: int, **more: Any) -> Wallet:
    changed = holder.system.bank.class_changes.change(asked(holder, to, **more))
    holder.wallet = changed
    return changed
