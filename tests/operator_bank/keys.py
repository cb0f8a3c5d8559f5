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
CANCELLED, SUPERSEDED = keys_pb2.KEY_STATE_CANCELLED, keys_pb2.KEY_STATE_SUPERSEDED
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
    return holding(system, holder, key)


def objection(system: System, holder: Holder, key: SigningKey, **more: Any) -> SignedEnvelope:
    fields = {"public_key": bytes(key.verify_key), "bank": "alpha", **more}
    return holder.signed(keys_pb2.KeyObjection, **fields)


def speaks(system: System, kind: type, phrase: SigningKey, **fields: Any) -> SignedEnvelope:
    """What a recovery key says to the bank, now."""
    now_ms = system.clock.now_ms()
    times = {"created_time_ms": now_ms, "expires_time_ms": now_ms + 60_000}
    content = kind(**{"bank": "alpha", **times, **fields})
    return sign(content, phrase, phrase.verify_key.encode().hex().encode())


def recovery(
    system: System, number: str, phrase: SigningKey, key: SigningKey, **fields: Any
) -> SignedEnvelope:
    """The order of a recovery key that a new key is to be the wallet's."""
    request = said(system, keys_pb2.KeyRequest, number, key)
    content = {"wallet_number": number, "request": request, **fields}
    return speaks(system, keys_pb2.RecoveryOrder, phrase, **content)


def recover(system: System, number: str, phrase: SigningKey, key: SigningKey) -> int:
    """Asks by the recovery key for a new key; its state."""
    return system.bank.keys.recoveries.recover(recovery(system, number, phrase, key))


def rotation(
    system: System, holder: Holder, key: SigningKey, phrase: SigningKey | None = None, **fields: Any
) -> SignedEnvelope:
    """The order of a wallet's key that another one is to take its place at once."""
    named = {"recovery_key": bytes(phrase.verify_key)} if phrase else {}
    request = said(system, keys_pb2.KeyRequest, holder.number, key)
    content = {"bank": "alpha", "request": request, **named, **fields}
    return holder.signed(keys_pb2.RotateKeyOrder, **content)


def rotated(
    system: System, holder: Holder, key: SigningKey, phrase: SigningKey | None = None
) -> Holder:
    """The same wallet with a new key in force, on the word of the one before it."""
    system.bank.keys.rotations.rotate(rotation(system, holder, key, phrase))
    return holding(system, holder, key)


def holding(system: System, holder: Holder, key: SigningKey) -> Holder:
    """Who has a wallet's key in force."""
    again = Holder(system, system.bank.directory.get(holder.number), key)
    again.sequence = system.bank.wallets.state(again.wallet).last_sequence
    return again
