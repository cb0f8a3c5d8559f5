"""What it takes to admit a bank."""

from __future__ import annotations

import uuid

from nacl.signing import SigningKey

from central_bank.authentication.banks import AdmittedBank
from dcep.office.v1 import office_pb2
from runtime.envelope import possession
from runtime.tls import Identity

KEYS = {
    "alpha": SigningKey(b"\x0a" * 32),
    "beta": SigningKey(b"\x0b" * 32),
    "other": SigningKey(b"\x07" * 32),
}


def particulars(name: str, prefix: str, key: bytes = b"") -> AdmittedBank:
    """A bank to admit, with a key that its prefix makes unless one is given."""
    return AdmittedBank(
        index=0,
        name=name,
        prefix=prefix,
        certificate_fingerprint=f"{int(prefix):064x}",
        business_key=key or bytes(SigningKey(prefix.encode() * 8).verify_key),
        inner_address="localhost:7001",
        suspended=False,
        offline_certificate=b"certificate",
    )


def key_of(bank: AdmittedBank) -> SigningKey:
    """The key of `particulars`."""
    made = (*KEYS.values(), SigningKey(bank.prefix.encode() * 8))
    (found,) = (key for key in made if bytes(key.verify_key) == bank.business_key)
    return found


def admission(bank: AdmittedBank) -> office_pb2.AdmitBank:
    """What officers sign to admit it."""
    return office_pb2.AdmitBank(
        name=bank.name,
        prefix=bank.prefix,
        certificate_fingerprint=bank.certificate_fingerprint,
        business_key=bank.business_key,
        inner_address=bank.inner_address,
        proof=possession(key_of(bank), bank.name),
    )


def identity(bank: AdmittedBank) -> Identity:
    """An admitted bank as the server sees it."""
    return Identity("bank", bank.name, bank.certificate_fingerprint)


def new_id() -> str:
    return str(uuid.uuid4())
