"""Evidence of a double spend: one device has signed two different endorsements of one piece.

Anybody who knows the root's public key can check it. docs/explanation/offline_token.md describes
the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from offline_token.deposit import DepositEndorsement, read_spend
from offline_token.formats import BANK, DEVICE, DIGEST_BYTES, Certificate, Endorsement, FormatError
from offline_token.signing import verified

FORMAT = "dcep-evidence/v1"


@dataclass(frozen=True)
class DoubleSpend:
    """Two endorsements of one piece, with the certificates of the device that made both.

    One of the two may be a deposit.
    """

    piece_id: bytes
    bank_certificate: Certificate
    device_certificate: Certificate
    first: Endorsement | DepositEndorsement
    second: Endorsement | DepositEndorsement

    def wrong(self, root: bytes) -> str:
        """What is wrong with this evidence under a root's key; empty if it proves a double spend.

        Expiry is not checked: an expired certificate still shows who signed.
        """
        bank, device = self.bank_certificate, self.device_certificate
        if len(self.piece_id) != DIGEST_BYTES:
            return "the piece's id is not of 32 bytes"
        if not verified(root, bank.signed_part(), bank.signature):
            return "the root has not signed the bank's certificate"
        if device.bank != bank.bank:
            return "the device's certificate is another bank's"
        if not verified(bank.key, device.signed_part(), device.signature):
            return "the bank has not signed the device's certificate"
        for name, endorsement in (("first", self.first), ("second", self.second)):
            signed = endorsement.signed_part(self.piece_id)
            if not verified(device.key, signed, endorsement.signature):
                return f"the device has not signed the {name} endorsement of this piece"
        if self.first.digest(self.piece_id) == self.second.digest(self.piece_id):
            return "both endorsements say the same"
        return ""

    def as_fields(self) -> dict[str, str]:
        """The fields as they stand in the file, all in hex."""
        return {
            "piece_id": self.piece_id.hex(),
            "bank_certificate": self.bank_certificate.encode().hex(),
            "device_certificate": self.device_certificate.encode().hex(),
            "first": self.first.encode().hex(),
            "second": self.second.encode().hex(),
        }

    @classmethod
    def from_fields(cls, fields: Any) -> Self:
        """Reads the fields of a file. Raises FormatError."""
        if not isinstance(fields, dict):
            raise FormatError("evidence: an object expected")
        return cls(
            _hex(fields, "piece_id"),
            Certificate.decode(_hex(fields, "bank_certificate"), BANK),
            Certificate.decode(_hex(fields, "device_certificate"), DEVICE),
            read_spend(_hex(fields, "first")),
            read_spend(_hex(fields, "second")),
        )


def _hex(fields: dict[str, Any], name: str) -> bytes:
    try:
        return bytes.fromhex(fields[name])
    except (KeyError, TypeError, ValueError):
        raise FormatError(f"evidence: {name} is not in hex") from None
