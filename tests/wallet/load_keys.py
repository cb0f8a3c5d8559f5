"""What the tests of keys share: a key that is certified and loaded."""

from __future__ import annotations

from tests.offline.devices import TestDevice
from tests.offline.signers import Signers

WALLET, OTHER = "6201000000000017", "6201000000000025"


def certify(holder: TestDevice, signers: Signers, public: bytes) -> None:
    certificate = signers.certify(public, "alpha").encode()
    holder.element.keys.certify(certificate, signers.bank_certificate("alpha").encode())
