"""Officers for tests, with their certificates and keys."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import Message
from nacl.signing import SigningKey

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from officers.build import Founding
from officers.signing import OfficerKey, founding_record
from runtime.tls import Identity

ALL_RIGHTS = sorted(set(office_pb2.Right.values()) - {office_pb2.RIGHT_UNSPECIFIED})


@dataclass(frozen=True)
class Person:
    """Somebody with an officer's certificate and key, registered or not."""

    institution: str
    name: str
    rights: tuple[office_pb2.Right, ...] = tuple(ALL_RIGHTS)
    seed: str = ""

    @property
    def signer(self) -> OfficerKey:
        seed = hashlib.sha256(f"{self.institution}/{self.name}{self.seed}".encode()).digest()
        return OfficerKey(self.institution, self.name, SigningKey(seed))

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"tls {self.institution}/{self.name}{self.seed}".encode()).hexdigest()

    @property
    def identity(self) -> Identity:
        """As a server sees the certificate."""
        return Identity("officer", f"{self.institution}/{self.name}", self.fingerprint)

    @property
    def key(self) -> bytes:
        return bytes(self.signer.key.verify_key)

    def registration(self) -> office_pb2.RegisterOfficer:
        return office_pb2.RegisterOfficer(
            name=self.name,
            certificate_fingerprint=self.fingerprint,
            signing_key=self.key,
            rights=self.rights,
        )

    def propose(self, kind: Message, now_ms: int, act_id: str = "", **more: int) -> SignedEnvelope:
        return self.signer.propose(kind, "a reason", now_ms, act_id=act_id, **more)


def founding(
    business_key: SigningKey,
    *people: Person,
    now_ms: int = 1,
    machines: Mapping[str, SigningKey] | None = None,
) -> Founding:
    """What makes these people the first officers of their institution, and these its machines."""
    record = founding_record(
        people[0].institution,
        [p.registration() for p in people],
        business_key,
        now_ms,
        cash_machines=[
            office_pb2.RegisterCashMachine(name=name, public_key=bytes(key.verify_key))
            for name, key in (machines or {}).items()
        ],
    )
    return Founding(record, bytes(business_key.verify_key))
