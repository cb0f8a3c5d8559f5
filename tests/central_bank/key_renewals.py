"""What officers of the central bank sign about its business key and its certificate."""

from __future__ import annotations

from nacl.signing import SigningKey

from dcep.office.v1 import office_pb2
from runtime.envelope import possession

NEW = SigningKey(b"\x1a" * 32)


def renewal(key: SigningKey = NEW, until_ms: int = 0) -> office_pb2.RenewCentralKey:
    return office_pb2.RenewCentralKey(
        business_key=bytes(key.verify_key),
        proof=possession(key, "central-bank"),
        old_until_time_ms=until_ms,
    )


STOLEN = "5a" * 32


def revocation(fingerprint: str = STOLEN) -> office_pb2.RevokeCentralCertificate:
    return office_pb2.RevokeCentralCertificate(certificate_fingerprint=fingerprint)
