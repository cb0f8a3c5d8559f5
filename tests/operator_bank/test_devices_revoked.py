"""One revoked key of a wallet's device revokes them all, and bars the wallet."""

from __future__ import annotations

from typing import Any

import pytest

from dcep.bank.v1 import states_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.limits import (
    BUNDLE_FRESH_MS,
    DEVICE_LIFETIME_MS,
)
from runtime.errors import NoAnswer
from tests.operator_bank.device_orders import (
    certify,
    load_order,
    reported,
    revocation_of,
    revoke,
    some_key,
)
from tests.operator_bank.system import Holder, System
from tests.refusals import refused_because


@pytest.fixture(autouse=True)
def tokens(system: System) -> None:
    """The central bank makes one token for each load."""
    system.central.makes_tokens = True


def test_the_other_keys_of_the_wallet_are_reported_and_nobody_elses(
    system: System, alice: Holder, bob: Holder
) -> None:
    keys = [certify(system, alice, some_key()).key for _ in range(3)]
    certify(system, bob, some_key())
    revoke(system)
    assert reported(system) == set()
    revoke(system, keys[1], bytes(32))
    assert reported(system) == {keys[0], keys[2]}
    system.restart()
    revoke(system, *reported(system))
    assert len(system.central.reported) == 2, "once each"


def test_what_another_bank_says_of_a_key_bars_no_wallet_here(system: System, alice: Holder) -> None:
    key = certify(system, alice, some_key()).key
    system.central.revoked.append(revocation_of(system, key, "beta"))
    revoke(system)
    assert reported(system) == set()
    assert (
        system.bank.offline.loads.load(load_order(alice, key))[0]
        == states_pb2.PAYMENT_STATE_SETTLED
    )


def test_the_wallet_gets_no_more_certificates_and_no_tokens(
    system: System, alice: Holder, bob: Holder
) -> None:
    key = certify(system, alice, some_key()).key
    other = certify(system, alice, some_key()).key
    revoke(system, key)
    for call in (
        lambda: certify(system, alice, some_key()),
        lambda: certify(system, alice, other),
        lambda: system.bank.offline.loads.load(load_order(alice, other)),
    ):
        assert (
            "loads no more offline money"
            in refused_because(errors_pb2.REASON_DEVICE_REVOKED, call).message
        )
    assert alice.held_fen == 0
    certify(system, bob, some_key())


def test_a_load_from_before_keeps_its_answer(system: System, alice: Holder) -> None:
    key = certify(system, alice, some_key()).key
    order = load_order(alice, key)
    first = system.bank.offline.loads.load(order)
    revoke(system, key)
    assert system.bank.offline.loads.load(order) == first


def test_who_asks_for_a_certificate_is_judged_by_the_newest_bundle(
    system: System, alice: Holder
) -> None:
    woken: list[int] = []
    system.bank.offline.revocations.on_found = lambda: woken.append(1)
    key = certify(system, alice, some_key()).key
    assert not woken
    system.central.revoked.append(revocation_of(system, key))
    system.clock.advance(BUNDLE_FRESH_MS)
    refused_because(errors_pb2.REASON_DEVICE_REVOKED, certify, system, alice, some_key())
    assert woken == [1]


def test_a_report_that_gets_no_answer_is_made_again(system: System, alice: Holder) -> None:
    key, other = (certify(system, alice, some_key()).key for _ in range(2))

    def silent(*_: Any) -> None:
        raise NoAnswer("silence")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system.central, "revoke", silent)
        with pytest.raises(NoAnswer):
            revoke(system, key)
    refused_because(
        errors_pb2.REASON_DEVICE_REVOKED, system.bank.offline.loads.load, load_order(alice, other)
    )
    system.restart()
    revoke(system)
    assert reported(system) == {other}


def test_a_key_whose_certificate_has_run_out_is_not_reported(system: System, alice: Holder) -> None:
    old = certify(system, alice, some_key()).key
    system.clock.advance(DEVICE_LIFETIME_MS + 1)
    new = certify(system, alice, some_key()).key
    revoke(system, new)
    assert reported(system) == set()
    refused_because(
        errors_pb2.REASON_DEVICE_REVOKED, system.bank.offline.loads.load, load_order(alice, old)
    )


def test_many_keys_are_reported_part_by_part(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_bank.offline.device_keys.MAX_REPORTED", 2)
    keys = [certify(system, alice, some_key()).key for _ in range(6)]
    revoke(system, keys[0])
    assert reported(system) == set(keys[1:])
