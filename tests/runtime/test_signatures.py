"""The compiled loop says of each signature what libsodium says of it alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

from runtime.signatures import SignatureVerifier

KEYS = [SigningKey(bytes([number]) * 32) for number in range(1, 4)]
ONE, TWO = SignatureVerifier(1), SignatureVerifier(2)


def alone(signed: bytes, key: bytes) -> bool:
    try:
        crypto_sign_open(signed, key)
    except (BadSignatureError, ValueError):
        return False
    return True


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 2), st.binary(max_size=80), st.integers(0, 200)
        ),
        max_size=200,
    )
)
def test_it_says_what_libsodium_says(cases: list[tuple[int, int, bytes, int]]) -> None:
    signed, keys = [], []
    for signer, claimed, message, flipped in cases:
        made = bytearray(KEYS[signer].sign(message))
        if flipped < len(made):
            made[flipped] ^= 1
        signed.append(bytes(made))
        keys.append(bytes(KEYS[claimed].verify_key))
    expected = [alone(*case) for case in zip(signed, keys, strict=True)]
    assert ONE.verify(signed, keys).tolist() == expected
    assert TWO.verify(signed, keys).tolist() == expected


def test_nothing_is_no_signature_and_a_key_has_32_bytes() -> None:
    good = bytes(KEYS[0].sign(b"pay"))
    key = bytes(KEYS[0].verify_key)
    signed = [good, b"", good[:63], good, good, good]
    keys = [key, key, key, b"", key + b"\0", key]
    assert ONE.verify(signed, keys).tolist() == [True, False, False, False, False, True]
    assert ONE.verify([], []).tolist() == []


def test_a_key_for_each() -> None:
    with pytest.raises(ValueError, match="differ"):
        ONE.verify([bytes(KEYS[0].sign(b"pay"))], [])


def test_large_ones_are_spread_over_the_threads_and_none_is_forgotten() -> None:
    count = 1_001
    signed = [bytes(KEYS[number % 3].sign(b"%d" % number)) for number in range(count)]
    keys = [bytes(KEYS[number % 3].verify_key) for number in range(count)]
    wrong = [0, 500, 501, 1_000]
    for number in wrong:
        keys[number] = bytes(KEYS[(number + 1) % 3].verify_key)
    assert np.flatnonzero(~TWO.verify(signed, keys)).tolist() == wrong
