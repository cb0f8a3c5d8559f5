"""Signs what officers sign: acts, approvals, rejections, and the founding record."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import Message

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from officers.limits import MAX_ACT_VALIDITY_MS, MAX_DECISION_VALIDITY_MS
from runtime.envelope import sign
from runtime.signing_keys import Signer

Signed = TypeVar("Signed", office_pb2.OfficerApproval, office_pb2.OfficerRejection)

KINDS = office_pb2.OfficerAct.DESCRIPTOR.oneofs_by_name["kind"].fields
_FIELDS = {field.message_type.full_name: field.name for field in KINDS}


def digest_of(proposal: bytes) -> bytes:
    """What an approval names: the SHA-256 of a proposal's payload, 32 bytes."""
    return hashlib.sha256(proposal).digest()


@dataclass(frozen=True)
class OfficerKey:
    """An officer with their key; the key stays with the officer."""

    institution: str
    name: str
    key: Signer

    def propose(
        self, kind: Message, cause: str, now_ms: int, *, act_id: str = "", lasts_ms: int = 0
    ) -> SignedEnvelope:
        """Signs a proposal.

        Args:
            kind: what is to happen, such as an `office_pb2.Issue`.
            cause: why.
            now_ms: the time.
            act_id: a UUID; "" for a new one.
            lasts_ms: how long it may be approved; 0 for the longest time.
        """
        act = office_pb2.OfficerAct(
            act_id=act_id or str(uuid.uuid4()),
            institution=self.institution,
            officer=self.name,
            created_time_ms=now_ms,
            expires_time_ms=now_ms + (lasts_ms or MAX_ACT_VALIDITY_MS),
            cause=cause,
        )
        chosen = getattr(act, _FIELDS[kind.DESCRIPTOR.full_name])
        chosen.SetInParent()
        chosen.MergeFrom(kind)
        return self.sign(act)

    def approve(self, proposal: bytes, now_ms: int) -> SignedEnvelope:
        """Signs the approval of a proposal, given its bytes as they were shown."""
        return self.sign(self._decision(office_pb2.OfficerApproval, proposal, now_ms))

    def reject(self, proposal: bytes, now_ms: int) -> SignedEnvelope:
        """Signs the rejection of a proposal, given its bytes as they were shown."""
        return self.sign(self._decision(office_pb2.OfficerRejection, proposal, now_ms))

    def _decision(self, kind: type[Signed], proposal: bytes, now_ms: int) -> Signed:
        return kind(
            act_id=office_pb2.OfficerAct.FromString(proposal).act_id,
            act_digest=digest_of(proposal),
            officer=self.name,
            created_time_ms=now_ms,
            expires_time_ms=now_ms + MAX_DECISION_VALIDITY_MS,
        )

    def sign(self, statement: Message) -> SignedEnvelope:
        """Signs a statement of the officer's."""
        return sign(statement, self.key, self.name.encode())


def founding_record(
    institution: str,
    first: Sequence[office_pb2.RegisterOfficer],
    business_key: Signer,
    now_ms: int,
    *,
    cash_machines: Sequence[office_pb2.RegisterCashMachine] = (),
) -> SignedEnvelope:
    """The founding record of an institution, signed by its business key.

    Args:
        institution: its name.
        first: the officers; at least two of them may register others.
        business_key: the institution's.
        now_ms: Unix milliseconds.
        cash_machines: the first of a bank.
    """
    record = office_pb2.FoundingRecord(
        institution=institution,
        created_time_ms=now_ms,
        officers=first,
        cash_machines=cash_machines,
    )
    return sign(record, business_key, institution.encode())
