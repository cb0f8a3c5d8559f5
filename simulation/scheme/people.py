"""Keys and officers of the simulated institutions, the same in every run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from google.protobuf.message import Message
from nacl.signing import SigningKey

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from officers.build import Founding
from officers.signing import OfficerKey, founding_record
from runtime.envelope import possession
from runtime.tls import Identity

_RIGHTS = sorted(set(office_pb2.Right.values()) - {office_pb2.RIGHT_UNSPECIFIED})


@dataclass(frozen=True)
class Officer:
    """An officer, as a server sees their certificate, and with the key that they sign with."""

    identity: Identity
    signer: OfficerKey

    def proposes(
        self, kind: Message, now_ms: int, act_id: str, *, lasts_ms: int = 0
    ) -> SignedEnvelope:
        """Signs a proposal of an act."""
        return self.signer.propose(kind, "a reason", now_ms, act_id=act_id, lasts_ms=lasts_ms)


def key_of(name: str) -> SigningKey:
    """The key of that name."""
    return SigningKey(_digest(f"key of {name}"))


def fingerprint_of(name: str) -> str:
    """The fingerprint of the certificate of that name."""
    return _digest(f"certificate of {name}").hex()


def officers_of(institution: str) -> tuple[Officer, Officer]:
    """An institution's two officers, who have every right."""
    first, second = (_officer(institution, name) for name in ("first", "second"))
    return first, second


def founding_of(institution: str) -> Founding:
    """What makes these two the officers of their institution."""
    first = [_registration(officer) for officer in officers_of(institution)]
    key = key_of(institution)
    return Founding(founding_record(institution, first, key, now_ms=1), bytes(key.verify_key))


def admission_of(bank: str, prefix: str) -> office_pb2.AdmitBank:
    """What the central bank's officers sign to admit a bank."""
    key = key_of(bank)
    return office_pb2.AdmitBank(
        name=bank,
        prefix=prefix,
        certificate_fingerprint=fingerprint_of(bank),
        business_key=bytes(key.verify_key),
        inner_address="localhost:1",
        proof=possession(key, bank),
    )


def _officer(institution: str, name: str) -> Officer:
    whole = f"{institution}/{name}"
    identity = Identity("officer", whole, fingerprint_of(whole))
    return Officer(identity, OfficerKey(institution, name, key_of(whole)))


def _registration(officer: Officer) -> office_pb2.RegisterOfficer:
    return office_pb2.RegisterOfficer(
        name=officer.signer.name,
        certificate_fingerprint=officer.identity.fingerprint,
        signing_key=bytes(key_of(officer.identity.name).verify_key),
        rights=_RIGHTS,
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(f"simulated {text}".encode()).digest()
