"""A trust bundle of 100,000 revoked devices and 1,000 banks: its size, and that nobody is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from nacl.signing import SigningKey
from sqlalchemy import insert

from central_bank.authentication.tables import bank_certificates, bank_keys, banks, revoked_devices
from central_bank.authentication.trust_bundle import revocation_of
from central_bank.ledger.accounts import Purpose
from central_bank.ledger.tables import accounts
from central_bank.limits import MAX_FULL_BANKS, MAX_REVOKED
from offline_token.bundle import TrustBundle, head_bytes
from offline_token.formats import KEY_BYTES, Certificate
from offline_token.limits import MAX_BUNDLE_BYTES, MAX_LISTED, MAX_STATEMENT_BYTES
from offline_token.signing import certify_bank, certify_device
from offline_token.statements import Statements
from offline_token.verify import Bad, check_bundle, check_device
from tests.central_bank.system import NOW_MS, ROOT, System

DAY_MS = 86_400_000
BANKS = 1_000
LATER = NOW_MS + 1_000


def bank_key(number: int) -> SigningKey:
    return SigningKey(number.to_bytes(32, "big"))


def device_key(number: int) -> bytes:
    return hashlib.sha256(b"device %d" % number).digest()


def device(number: int, bank: int = 5) -> Certificate:
    """Of a bank of the many; the first 100,000 at the bank of the same number are revoked."""
    expires_ms = NOW_MS + 100 * DAY_MS
    return certify_device(bank_key(bank), f"bank{bank}", device_key(number), expires_ms)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System(Path(tmp_path_factory.mktemp("country")))
    numbers = range(3, BANKS + 1)  # with alpha and beta a thousand
    with system.engine.begin() as connection:
        rows = [
            {"name": f"bank{n}", "prefix": str(n), "inner_address": "", "suspended": 0, "id": n}
            for n in numbers
        ]
        connection.execute(insert(banks), rows)
        owned = [
            {"number": 1_000 + 10 * n + purpose, "owner": n, "purpose": purpose}
            for n in numbers
            for purpose in Purpose
        ]
        connection.execute(insert(accounts), owned)
        connection.execute(insert(bank_keys), [_key_row(n) for n in numbers])
        certificates = [{"fingerprint": f"{n:064x}", **_term(n)} for n in numbers]
        connection.execute(insert(bank_certificates), certificates)
        gone = [
            {
                "revocation": revocation_of("bank5", device_key(n)),
                "bank": 5,
                "by_officer": 0,
                "cause": "",
                "time_ms": NOW_MS - 50 * DAY_MS + n * 40_000,
            }
            for n in range(MAX_REVOKED)
        ]
        connection.execute(insert(revoked_devices), gone)
    system.clock.advance(1_000)
    system.restart()
    yield system
    system.engine.dispose()


def _key_row(number: int) -> dict[str, object]:
    key = bytes(bank_key(number).verify_key)
    certificate = certify_bank(ROOT, f"bank{number}", key, NOW_MS + 700 * DAY_MS)
    return {
        "business_key": key,
        "offline_certificate": certificate.encode(),
        **_term(number),
    }


def _term(bank: int) -> dict[str, object]:
    return {"bank": bank, "act": 0, "from_time_ms": NOW_MS, "until_time_ms": 0, "revoked": 0}


def newest(system: System) -> TrustBundle:
    return TrustBundle.decode(system.central.devices.trust_bundle()[KEY_BYTES:])


def verdict(certificate: Certificate, bundle: TrustBundle, *said: object) -> str:
    beside = Statements(said, [bytes(ROOT.verify_key)])  # type: ignore[arg-type]
    try:
        check_device(certificate, bundle, LATER, beside=beside)
    except Bad as bad:
        return bad.reason.name
    return "GOOD"


def test_it_fits_into_64_kilobytes_with_all_that_a_device_keeps_beside_it(full: System) -> None:
    encoded = full.central.devices.trust_bundle()
    assert MAX_BUNDLE_BYTES + MAX_STATEMENT_BYTES == 64 * 1_024
    assert len(encoded) <= MAX_BUNDLE_BYTES
    bundle = TrustBundle.decode(encoded[KEY_BYTES:])
    assert check_bundle(bundle, bytes(ROOT.verify_key), LATER).name == "GOOD"
    assert len(bundle.revoked) == MAX_LISTED
    assert len({each.bank for each in bundle.banks}) == MAX_FULL_BANKS


def test_what_changes_from_hour_to_hour_is_a_head_of_some_kilobytes(full: System) -> None:
    before = newest(full)
    fresh = device(900_000)
    bank = full.central.registry.get("bank5")
    full.central.devices.revoke(bank, fresh.key, "it was lost")
    after = newest(full)
    head = after.head()
    assert len(head) == head_bytes(head) < 8_000
    assert TrustBundle.decode(head + before.filter) == after
    assert verdict(fresh, after) == "DEVICE_REVOKED"


def test_no_revoked_device_is_taken_for_a_good_one(full: System) -> None:
    bundle = newest(full)
    gone = range(0, MAX_REVOKED, 97)
    assert all(bundle.may_be_revoked(revocation_of("bank5", device_key(n))) for n in gone)
    for number in (0, MAX_REVOKED // 2):
        said = full.central.devices.statements([device(number).encode()])
        assert verdict(device(number), bundle, *said) == "DEVICE_UNCLEAR"
        assert said == []
    assert verdict(device(MAX_REVOKED - 1), bundle) == "DEVICE_REVOKED"


def test_an_honest_device_that_the_filter_takes_for_one_is_cleared_by_the_root(
    full: System,
) -> None:
    bundle = newest(full)
    honest = range(200_000, 204_000)
    unclear = [n for n in honest if bundle.may_be_revoked(revocation_of("bank5", device_key(n)))]
    # A sixteenth of them is expected, give or take 15: the filter has a salt of its own each time.
    assert len(unclear) < len(honest) / 12
    for number in unclear[:10]:
        said = full.central.devices.statements([device(number).encode()])
        assert verdict(device(number), bundle) == "DEVICE_UNCLEAR"
        assert verdict(device(number), bundle, *said) == "GOOD"
    other = unclear[10]
    assert verdict(device(other), bundle, *said) == "DEVICE_UNCLEAR", "it is another's"


def test_a_device_of_a_bank_that_is_not_in_it_shows_its_banks_certificate(full: System) -> None:
    bundle = newest(full)
    small = next(
        one
        for one in (device(n, 900) for n in range(300_000, 300_100))
        if not bundle.may_be_revoked(one.revocation())
    )
    assert verdict(small, bundle) == "BANK_UNKNOWN"
    (said,) = full.central.devices.statements([small.encode()])
    assert verdict(small, bundle, said) == "GOOD"
