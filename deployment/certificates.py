"""Finds the certificates in a stack's folder, and when they expire."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from deployment.topology import StackPlan

SOON_DAYS = 30
ROOT_ROLE = "root"


@dataclass(frozen=True)
class Held:
    """A certificate of a stack."""

    role: str
    file: Path
    ends: datetime.datetime
    days_left: int


def held(plan: StackPlan) -> Iterator[Held]:
    """The certificates in a stack's folder; the root's copies are listed once."""
    now = datetime.datetime.now(datetime.UTC)
    folders = [plan.central_folder, *(plan.bank_folder(bank.name) for bank in plan.banks)]
    files = [folder / "tls.crt" for folder in folders]
    files += [file for file in sorted(plan.officers_folder.glob("*.crt")) if file.name != "ca.crt"]
    for file in [plan.root_certificate, *files]:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        ends = certificate.not_valid_after_utc
        yield Held(_role(certificate), file, ends, (ends - now).days)


def _role(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ROOT_ROLE
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0].removeprefix("dcep://") if uris else "none"
