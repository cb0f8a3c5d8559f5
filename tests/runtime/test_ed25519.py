"""One rule for Ed25519 signatures, wherever one is verified.

The cases are those on which implementations differ (see the file's own source). Each is put to
everything here that verifies: one alone, many at once, offline money's, and the second verifier,
which stands on OpenSSL.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.signing import SigningKey

from offline_token import signing
from runtime import checks, ed25519
from runtime.errors import Refusal
from runtime.signatures import SignatureVerifier
from tests.offline import second_verifier

VECTORS = Path(__file__).parent.parent / "vectors" / "ed25519.json"
CASES = json.loads(VECTORS.read_text())["cases"]
PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
MANY = SignatureVerifier(1)
VERIFIERS: dict[str, Callable[[bytes, bytes, bytes], bool]] = {
    "alone": ed25519.verified,
    "in-bulk": lambda key, message, signature: bool(MANY.verify([(key, message, signature)])[0]),
    "offline": signing.verified,
    "second-verifier": second_verifier.holds,
}


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("case", CASES, ids=[f"{case['number']}" for case in CASES])
def test_each_case_has_the_one_verdict(case: dict[str, Any], verifier: str) -> None:
    given = (bytes.fromhex(case[name]) for name in ("public_key", "message", "signature"))
    assert VERIFIERS[verifier](*given) == case["good"], case["what"]


def encoded(y: int, sign: int = 0) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_good_signature_is_good_and_its_other_forms_are_not(verifier: str) -> None:
    key = SigningKey(b"k" * 32)
    public, message = bytes(key.verify_key), b"pay"
    good = key.sign(message).signature
    scalar = int.from_bytes(good[32:], "little")
    holds = VERIFIERS[verifier]
    assert holds(public, message, good)
    for more in range(1, 15):
        other = good[:32] + (scalar + more * ORDER).to_bytes(32, "little")
        assert not holds(public, message, other), f"S + {more}L"
    # A key and an R that are each written with a y that is not below the prime.
    assert not holds(public, message, encoded(PRIME + 1) + good[32:])
    for y in (PRIME, PRIME + 1, PRIME + 3, 2**255 - 1):
        assert not holds(encoded(y), message, good)
        assert not holds(encoded(y, 1), message, good)


def test_no_key_of_a_case_can_become_a_wallets_but_those_of_full_order() -> None:
    """Of small or mixed order, or not canonical: no secret key is behind it, so none may sign."""
    refused = set()
    for case in CASES:
        key = bytes.fromhex(case["public_key"])
        try:
            checks.public_key(key, "public_key")
        except Refusal:
            refused.add(case["number"])
        else:
            assert crypto_core_ed25519_is_valid_point(key)
    assert refused == set(range(12)) - {6, 7}
