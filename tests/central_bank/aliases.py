"""What banks sign about labels of aliases, and what they are told."""

from __future__ import annotations

from typing import Any

from central_bank.authentication.banks import AdmittedBank
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import aliases_pb2
from runtime.envelope import sign
from tests.central_bank.admitting import key_of
from tests.central_bank.system import System

REGISTER, CLAIM = aliases_pb2.ALIAS_ACTION_REGISTER, aliases_pb2.ALIAS_ACTION_CLAIM
KEEP, WITHDRAW = aliases_pb2.ALIAS_ACTION_KEEP, aliases_pb2.ALIAS_ACTION_WITHDRAW
LABEL, OTHER = b"\x01" * 32, b"\x02" * 32


def signed(system: System, by: AdmittedBank, action: int, **values: Any) -> SignedEnvelope:
    now_ms = system.clock.now_ms()
    system.last_number += 1
    fields: dict[str, Any] = {
        "bank": by.name,
        "number": system.last_number,
        "label": LABEL,
        "action": action,
        "created_time_ms": now_ms,
        "expires_time_ms": now_ms + 60_000,
        **values,
    }
    return sign(aliases_pb2.AliasChange(**fields), key_of(by), by.name.encode())


def change(system: System, bank: AdmittedBank, action: int, **values: Any) -> str:
    """What a bank is told of a label: its standing, or why it was refused."""
    envelope = signed(system, bank, action, **values)
    [outcome] = system.central.alias_changes.change(bank, [envelope])
    if outcome.reason:
        return errors_pb2.Reason.Name(outcome.reason).removeprefix("REASON_")
    return aliases_pb2.AliasStanding.Name(outcome.standing).removeprefix("ALIAS_STANDING_")
