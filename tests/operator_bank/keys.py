"""What tests of wallets' keys share: who asks for one, who approves it, and when it counts."""

from __future__ import annotations

from typing import Any

from nacl.signing import SigningKey

from dcep.bank.v1 import keys_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1.office_pb2 import ReplaceKey
from officers.effects import Act
from runtime.envelope import sign
from tests.operator_bank.system import Holder, System

WAIT_MS = 3_600_000
REQUESTED, APPROVED = keys_pb2.KEY_STATE_REQUESTED, keys_pb2.KEY_STATE_APPROVED
IN_FORCE, REPLACED = keys_pb2.KEY_STATE_IN_FORCE, keys_pb2.KEY_STATE_REPLACED
OBJECTED, REFUSED = keys_pb2.KEY_STATE_OBJECTED, keys_pb2.KEY_STATE_REFUSED
NOBODY = "6201000000000020"


def said(system: System, kind: type, number: str, key: SigningKey, **more: Any) -> SignedEnvelope:
    """What a key says of itself to the bank, now."""
    now_ms = system.clock.now_ms()
    fields = {
        "wallet_number": number,
        "bank": "alpha",
        "created_time_ms": now_ms,
        "expires_time_ms": now_ms + 60_000,
        **({"public_key": bytes(key.verify_key)} if kind is keys_pb2.KeyRequest else {}),
        **more,
    }
    return sign(kind(**fields), key, key.verify_key.encode().hex().encode())


def asked(system: System, number: str, key: SigningKey) -> SignedEnvelope:
    """Asks for a key; what was sent."""
    request = said(system, keys_pb2.KeyRequest, number, key)
    system.bank.keys.requests.ask(request)
    return request


def state(system: System, number: str, key: SigningKey) -> keys_pb2.GetKeyResponse:
    """How things stand with a key."""
    return system.bank.keys.state(said(system, keys_pb2.KeyQuery, number, key))


def wish(system: System, holder: Holder, key: SigningKey, **more: Any) -> ReplaceKey:
    """What officers sign to give a wallet a new key; Bob has shown who he is."""
    request = said(system, keys_pb2.KeyRequest, holder.number, key)
    fields = {
        "wallet_number": holder.number,
        "request": request,
        "holder_name": "Bob",
        "wait_ms": WAIT_MS,
    }
    return ReplaceKey(**{**fields, **more})


def approved(system: System, holder: Holder, key: SigningKey, **more: Any) -> Act:
    """Two officers approve a new key."""
    return system.both(wish(system, holder, key, **more))


def replaced(system: System, holder: Holder) -> Holder:
    """The same wallet with a new key in force."""
    key = SigningKey.generate()
    approved(system, holder, key)
    return in_force(system, holder, key)


def in_force(system: System, holder: Holder, key: SigningKey) -> Holder:
    system.clock.advance(WAIT_MS)
    system.bank.keys.replacements.step()
    again = Holder(system, system.bank.directory.get(holder.number), key)
    again.sequence = system.bank.wallets.state(again.wallet).last_sequence
    return again


def objection(system: System, holder: Holder, key: SigningKey, **more: Any) -> SignedEnvelope:
    fields = {"public_key": bytes(key.verify_key), "bank": "alpha", **more}
    return holder.signed(keys_pb2.KeyObjection, **fields)
