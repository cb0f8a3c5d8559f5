"""What becomes of the device that spent twice, and what the evidence against it proves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.formats import Endorsement
from offline_token.verify import check_bundle
from tests.central_bank.double_spending import evidence, made, spent_twice
from tests.feeds import told
from tests.offline.centre import Centre


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return made(tmp_path)


def test_the_device_is_revoked_and_loads_no_more(centre: Centre) -> None:
    lost_answer = next(centre.numbers)
    _, made_before = centre.register(centre.alice, 10, lost_answer)
    for chain in spent_twice(centre):
        centre.deposit(chain)
    bundle = centre.central.devices.bundle()
    assert bundle.revoked == (centre.alice.revocation,)
    assert check_bundle(bundle, centre.central.devices.root_key, centre.clock.now_ms()) == 0
    number = next(centre.numbers)
    for _ in range(2):
        outcome, made_now = centre.register(centre.alice, 10, number)
        assert (outcome.state, outcome.reason, made_now) == (
            registration_pb2.OUTCOME_STATE_REFUSED,
            errors_pb2.REASON_DEVICE_REVOKED,
            [],
        )
    outcome, again = centre.register(centre.alice, 10, lost_answer)
    assert (outcome.state, again) == (registration_pb2.OUTCOME_STATE_SETTLED, made_before)
    entries = told(centre.central, centre.alpha)
    ended = [e.outgoing_ended for e in entries if e.WhichOneof("event") == "outgoing_ended"]
    assert [(e.number, e.reason) for e in ended] == [(number, errors_pb2.REASON_DEVICE_REVOKED)]


def test_payees_are_paid_although_the_device_or_its_bank_was_cut_off(centre: Centre) -> None:
    to_bob, to_dan = spent_twice(centre)
    centre.central.devices.revoke(centre.alpha, centre.alice.public, "stolen")
    centre.central.registry.set_suspended("alpha", True)
    for chain in (to_bob, to_dan):
        assert centre.deposit(chain, bank="beta") == (100, "")


def test_the_bundle_lists_the_devices_revoked_last(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.revocation_list.MAX_LISTED", 2)
    certificates = [centre.signers.certify(bytes([n]) * 32, "alpha") for n in range(3)]
    for number in range(3):
        centre.clock.advance(1)
        centre.central.devices.revoke(centre.alpha, certificates[number].key, "a test")
    bundle = centre.central.devices.bundle()
    assert bundle.revoked == tuple(each.revocation() for each in certificates[1:])
    assert bundle.may_be_revoked(certificates[0].revocation())
    assert centre.central.devices.is_revoked(certificates[0])


def test_evidence_is_shown_to_the_banks_that_it_concerns(centre: Centre) -> None:
    token = centre.token(centre.dan, 100)
    for payee in (centre.erin, centre.dan):
        centre.deposit(centre.pay(token, centre.dan, payee, 100), bank="beta")
    assert evidence(centre) == evidence(centre, "beta") == [centre.dan.public]
    assert evidence(centre, "alpha") == []
    assert centre.deposit(centre.pay(token, centre.dan, centre.bob, 100)) == (100, "")
    assert evidence(centre, "alpha") == [centre.dan.public]


def test_evidence_that_was_tampered_with_proves_nothing(centre: Centre) -> None:
    root = centre.central.devices.root_key
    for chain in spent_twice(centre):
        centre.deposit(chain)
    (case,) = centre.central.evidence.list(None, 1, None)
    good = case.double_spend
    assert good.wrong(root) == ""
    assert "root" in good.wrong(centre.alice.public)
    first, second = good.first, good.second
    assert isinstance(first, Endorsement)
    assert isinstance(second, Endorsement)
    changes: list[dict[str, Any]] = [
        {"piece_id": bytes(32)},
        {"piece_id": bytes(31)},
        {"first": good.second},
        {"first": replace(first, amount_fen=1)},
        {"second": replace(second, payee=bytes(32))},
        {"device_certificate": centre.bob.certificate},
        {"device_certificate": centre.dan.certificate},
        {"bank_certificate": replace(good.bank_certificate, key=centre.bob.public)},
    ]
    for change in changes:
        assert replace(good, **change).wrong(root)
    assert type(good).from_fields(good.as_fields()) == good
