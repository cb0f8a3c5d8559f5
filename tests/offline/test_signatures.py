"""A signature is 64 bytes by a key of 32 over exactly these bytes."""

from __future__ import annotations

import pytest

from offline_token.signing import verified
from tests.offline.signers import key_of

KEY, PART = key_of("alice"), b"what was signed"
PUBLIC, SIGNATURE = bytes(KEY.verify_key), KEY.sign(PART).signature


def test_a_signature_is_good_for_its_key_and_its_bytes_alone() -> None:
    assert verified(PUBLIC, PART, SIGNATURE)
    assert not verified(bytes(key_of("bob").verify_key), PART, SIGNATURE)
    assert not verified(PUBLIC, PART + b"\0", SIGNATURE)


@pytest.mark.parametrize("moved", [1, 5])
def test_no_byte_moves_between_a_signature_and_what_it_signs(moved: int) -> None:
    assert not verified(PUBLIC, PART[moved:], SIGNATURE + PART[:moved])
    assert not verified(PUBLIC, SIGNATURE[-moved:] + PART, SIGNATURE[:-moved])


@pytest.mark.parametrize("key", [b"", PUBLIC[:-1], PUBLIC + b"\0"])
def test_a_key_of_another_length_has_signed_nothing(key: bytes) -> None:
    assert not verified(key, PART, SIGNATURE)
