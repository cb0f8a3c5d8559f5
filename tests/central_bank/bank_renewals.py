"""What officers sign to renew a bank, and what comes of what it signs then."""

from __future__ import annotations

from typing import Any

from nacl.signing import SigningKey

from central_bank.authentication.banks import AdmittedBank
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.envelope import possession, sign
from runtime.errors import Refusal
from tests.central_bank.admitting import KEYS
from tests.central_bank.system import System

DAY_MS = 86_400_000
OLD, NEW, THIRD = KEYS["alpha"], SigningKey(b"\x1a" * 32), SigningKey(b"\x2a" * 32)


def renew(
    system: System, *, key: SigningKey | None = None, certificate: str = "", until_ms: int = 0
) -> AdmittedBank:
    """Two officers renew alpha."""
    kind = office_pb2.RenewBank(
        name="alpha",
        certificate_fingerprint=certificate,
        business_key=bytes(key.verify_key) if key else b"",
        proof=possession(key, "alpha") if key else b"",
        old_until_time_ms=until_ms,
    )
    system.both(kind)
    return system.central.registry.get("alpha")


def new_key(key: SigningKey = NEW, name: str = "alpha", **changes: Any) -> office_pb2.RenewBank:
    """What officers sign to give a bank a key that has signed for itself as that bank's."""
    fields = {"business_key": bytes(key.verify_key), "proof": possession(key, name), **changes}
    return office_pb2.RenewBank(name=name, **fields)


def answer(system: System, key: SigningKey) -> str:
    """What comes of a batch that alpha signs with a key."""
    now_ms = system.clock.now_ms()
    batch = registration_pb2.OutboundBatch(
        bank="alpha",
        payments=[system.payment(system.alpha, system.beta, 1)],
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    signed = sign(batch, key, b"alpha")
    try:
        outcomes = system.central.settlement.submit(system.central.registry.get("alpha"), signed)
    except Refusal as refusal:
        return refusal.name
    return registration_pb2.OutcomeState.Name(outcomes.outcomes[0].state)
