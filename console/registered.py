"""Lists the certificates and keys that are registered at the central bank, and which are valid."""

from __future__ import annotations

from typing import Any

from console.clients import CentralOfficerClient
from dcep.authentication.v1 import authentication_pb2
from deployment.topology import CENTRAL_BANK, StackPlan
from language import N_
from runtime.errors import NoAnswer

CERTIFICATE, KEY, ROOT = N_("certificate"), N_("business key"), N_("offline root")


def registered_at(plan: StackPlan) -> list[dict[str, Any]]:
    """Rows for programs, each party's newest first; none when the central bank does not answer."""
    try:
        with CentralOfficerClient(plan, plan.central_officers[0]) as office:
            banks, own = office.banks(), office.central_keys()
    except NoAnswer:
        return []
    rows = [
        _row(CENTRAL_BANK, KEY, key.key.hex(), key.until_time_ms, key.revoked)
        for key in reversed(own.keys)
    ]
    rows += [
        _row(CENTRAL_BANK, ROOT, root.key.hex(), root.until_time_ms, root.revoked)
        for root in reversed(own.offline_roots)
    ]
    rows += [
        _row(CENTRAL_BANK, CERTIFICATE, fingerprint, revoked=True)
        for fingerprint in revoked_certificates(own)
    ]
    for bank in banks:
        rows += [
            _row(bank.name, CERTIFICATE, bank.certificate_fingerprint),
            _row(bank.name, KEY, bank.business_key.hex()),
            *(_replaced(bank.name, old) for old in bank.replaced),
        ]
    return rows


def revoked_certificates(own: authentication_pb2.ListCentralKeysResponse) -> list[str]:
    """Fingerprints of the central bank's revoked TLS certificates, newest first."""
    told = [
        authentication_pb2.Announcement.FromString(envelope.payload)
        for envelope in reversed(own.announcements)
    ]
    return [fingerprint for each in told for fingerprint in each.revoked_certificates]


def _replaced(bank: str, old: authentication_pb2.ReplacedCredential) -> dict[str, Any]:
    kind, value = CERTIFICATE, old.certificate_fingerprint
    if old.business_key:
        kind, value = KEY, old.business_key.hex()
    return _row(bank, kind, value, old.until_time_ms, old.revoked)


def _row(
    party: str, kind: str, value: str, until_time_ms: int = 0, revoked: bool = False
) -> dict[str, Any]:
    return {
        "party": party,
        "kind": kind,
        "value": value,
        "until_time_ms": until_time_ms,
        "revoked": revoked,
    }
