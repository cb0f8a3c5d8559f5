"""What the tests of keys share: a key that is certified and loaded."""

from __future__ import annotations

from tests.offline.country import Country
from tests.offline.purses import Purse

WALLET, OTHER = "6201000000000017", "6201000000000025"


def certify(holder: Purse, country: Country, public: bytes) -> None:
    certificate = country.certify(public, "alpha").encode()
    holder.element.certify(certificate, country.bank_certificate("alpha").encode())
