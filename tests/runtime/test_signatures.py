"""The compiled loop says of each signature what libsodium says of it alone."""

import numpy as np
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
    checks, expected = [], []
    for signer, claimed, message, flipped in cases:
        made = bytearray(KEYS[signer].sign(message))
        if flipped < len(made):
            made[flipped] ^= 1
        key = bytes(KEYS[claimed].verify_key)
        checks.append((key, bytes(made[64:]), bytes(made[:64])))
        expected.append(alone(bytes(made), key))
    assert ONE.verify(checks).tolist() == expected
    assert TWO.verify(checks).tolist() == expected


def test_a_signature_has_64_bytes_and_a_key_32() -> None:
    good = KEYS[0].sign(b"pay").signature
    key = bytes(KEYS[0].verify_key)
    signatures = [good, b"", good[:63], good + b"p", good, good, good]
    keys = [key, key, key, key, b"", key + b"\0", key]
    checks = [(key, b"pay", good) for key, good in zip(keys, signatures, strict=True)]
    # With the first letter in the signature the bytes together are the same.
    checks[3] = (key, b"ay", good + b"p")
    expected = [True, False, False, False, False, False, True]
    assert ONE.verify(checks).tolist() == expected
    assert ONE.verify([]).tolist() == []


def test_several_may_be_begun_before_one_is_asked_for() -> None:
    def checks(message: bytes) -> list[tuple[bytes, bytes, bytes]]:
        good = KEYS[0].sign(b"pay").signature
        return [(bytes(KEYS[0].verify_key), message, good)] * 300

    begun = [TWO.begin(checks(message)) for message in (b"pay", b"say", b"pay")]
    assert [finish().all() for finish in begun] == [True, False, True]


def test_large_ones_are_spread_over_the_threads_and_none_is_forgotten() -> None:
    count = 1_001
    wrong = [0, 500, 501, 1_000]
    checks = []
    for number in range(count):
        message = b"%d" % number
        key = KEYS[(number + (number in wrong)) % 3].verify_key
        checks.append((bytes(key), message, KEYS[number % 3].sign(message).signature))
    assert np.flatnonzero(~TWO.verify(checks)).tolist() == wrong
