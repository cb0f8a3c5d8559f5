"""Measures the trust bundle of a country: how fast a device checks it, and finds a device in it."""

from __future__ import annotations

import os
import random
import time
from typing import Any

from nacl.signing import SigningKey

from bench.harness import Measurement, Scale, compare, rate, rounds
from offline_token import signing
from offline_token.bundle import TrustBundle
from offline_token.formats import KEY_BYTES, REVOCATION_BYTES
from offline_token.limits import MAX_BUNDLE_BYTES, MAX_LISTED
from offline_token.revoked_filter import bits_within, build_filter
from offline_token.verify import Reason, check_bundle
from runtime.clock import SystemClock

_FULL_BANKS = 16
_DAY_MS = 86_400_000
_LISTS = 8_000
"""The bytes of a bundle besides its filter."""


def run(scale: Scale, facts: dict[str, Any]) -> Measurement:
    """Measures a bundle that is as full as one for a country.

    Args:
        scale: how large the measurement is.
        facts: the measurement's `durability`.
    """
    revoked, checks = scale.pick(100_000, 100_000, 1_000), scale.pick(2_000, 300, 3)
    source, now_ms = random.Random(1), SystemClock().now_ms()
    names = [source.randbytes(REVOCATION_BYTES) for _ in range(revoked)]
    bits = bits_within(revoked, MAX_BUNDLE_BYTES - _LISTS)
    started = time.perf_counter()
    made = build_filter(names, bits, os.urandom)
    build_s = time.perf_counter() - started
    root, bundle = SigningKey.generate(), _bundle(names, made.encode(), now_ms)
    signed = signing.sign_bundle(root, bundle)
    key, data, part = bytes(root.verify_key), signed.encode(), signed.signed_part()
    honest = [source.randbytes(REVOCATION_BYTES) for _ in range(10_000)]

    def check() -> bool:
        read = TrustBundle.decode(data)
        return check_bundle(read, key, now_ms) == Reason.GOOD and read.may_be_revoked(names[0])

    def alone() -> bool:
        return signing.verified(key, part, signed.signature)

    assert check() and alone()

    checked, signature = rounds(
        scale,
        lambda: rate(checks, lambda: [check() for _ in range(checks)]),
        lambda: rate(checks, lambda: [alone() for _ in range(checks)]),
    )
    lookups = rate(len(honest), lambda: [signed.may_be_revoked(name) for name in honest])
    result = Measurement(
        name="offline-bundle",
        samples=checked,
        batch=1,
        accounts=1,
        durability=facts,
        includes=f"a trust bundle with {revoked} revoked devices from its bytes: reading it, its "
        "filter's digest, the root's signature, and one device looked up; one thread",
        excludes="keeping it",
        scale=scale,
        ratio_to=compare("its-signature-check-alone", checked, signature),
        details={
            "bytes": KEY_BYTES + len(data),
            "bytes_of_the_head": len(signed.head()),
            "bits": bits,
            "lookups_per_s": round(lookups),
            "honest_taken_for_revoked": sum(map(made.has, honest)) / len(honest),
            "s_to_make_the_filter": round(build_s, 2),
        },
    )
    result.details["ms_a_bundle"] = round(1e3 / result.median, 3)
    return result


def _bundle(names: list[bytes], filter_bytes: bytes, now_ms: int) -> TrustBundle:
    root = SigningKey.generate()
    return TrustBundle(
        created_time_ms=now_ms,
        max_age_ms=30 * _DAY_MS,
        max_hops=16,
        max_value_fen=10_000_000,
        max_payment_fen=50_000,
        max_holding_fen=500_000,
        banks=tuple(
            signing.certify_bank(root, f"bank{at}", bytes(root.verify_key), now_ms + _DAY_MS)
            for at in range(_FULL_BANKS)
        ),
        revoked=tuple(names[-MAX_LISTED:]),
        since_time_ms=now_ms - _DAY_MS,
        filter=filter_bytes,
    )
