"""The list of revoked devices and its filter: complete at every moment, and made anew seldom."""

from __future__ import annotations

import threading

import pytest

from central_bank.authentication.trust_bundle import revocation_of
from central_bank.limits import BUNDLE_MADE_EACH_MS
from offline_token.bundle import TrustBundle
from offline_token.formats import KEY_BYTES, Certificate
from offline_token.limits import MAX_LISTED
from offline_token.signing import certify_device
from offline_token.statements import Statements
from tests.central_bank.admitting import KEYS
from tests.central_bank.revoking import DAY_MS, certificate, key, name, revoke
from tests.central_bank.system import NOW_MS, ROOT, System
from tests.refusals import refused

HALF = MAX_LISTED // 2


def bundle(system: System) -> TrustBundle:
    return TrustBundle.decode(system.central.devices.trust_bundle()[KEY_BYTES:])


def test_as_long_as_the_list_has_room_it_has_everything_and_there_is_no_filter(
    system: System,
) -> None:
    revoke(system, range(MAX_LISTED))
    for central in (system.central, system.restart()):
        found = central.devices.bundle()
        assert set(found.revoked) == set(map(name, range(MAX_LISTED)))
        assert (found.filter, found.since_time_ms) == (b"", 0)


def test_what_leaves_the_list_is_in_the_filter_at_every_step(system: System) -> None:
    filters = set()
    for start in range(0, 3 * MAX_LISTED, 64):
        system.clock.advance(1)
        revoke(system, range(start, start + 64))
        found = bundle(system)
        assert all(found.may_be_revoked(name(number)) for number in range(start + 64))
        assert all(found.lists(name(number)) for number in range(start, start + 64))
        filters.add(found.filter)
    assert 3 <= len(filters) <= 3 * MAX_LISTED // HALF + 2, "it is not made for each revocation"
    again = system.restart().devices.bundle()
    assert all(again.may_be_revoked(name(number)) for number in range(3 * MAX_LISTED))
    assert all(again.lists(name(number)) for number in range(3 * MAX_LISTED - 64, 3 * MAX_LISTED))


def test_more_at_once_than_the_list_has_room_for_are_all_refused(system: System) -> None:
    revoke(system, range(2 * MAX_LISTED))
    found = bundle(system)
    assert all(found.may_be_revoked(name(number)) for number in range(2 * MAX_LISTED))
    assert len(found.revoked) == MAX_LISTED


def test_a_clearance_holds_until_the_list_no_longer_goes_back_to_it(system: System) -> None:
    revoke(system, range(2 * MAX_LISTED))
    mistaken = next(n for n in range(10_000, 10**9) if _is_mistaken(system, n))
    (said,) = [
        each
        for each in system.central.devices.statements([certificate(mistaken).encode()])
        if not isinstance(each, Certificate)
    ]
    beside = Statements([said], [bytes(ROOT.verify_key)])
    for start in (1_000, 1_100):
        assert beside.clear(name(mistaken), bundle(system).since_time_ms)
        revoke(system, range(start, start + 100))
    assert beside.clear(name(mistaken), bundle(system).since_time_ms), "200 are still listed"
    revoke(system, range(1_200, 1_260))
    assert not beside.clear(name(mistaken), bundle(system).since_time_ms)


def _is_mistaken(system: System, number: int) -> bool:
    """With the filter of few names nobody is: here it is made with two bits."""
    found = system.central.devices.revocations
    return found.now(700).filter != b"" and bundle_of(found).may_be_revoked(name(number))


def bundle_of(found: object) -> TrustBundle:
    listed = found.now(700)  # type: ignore[attr-defined]
    return TrustBundle(0, 0, 0, 0, 0, 0, (), (), listed.revoked, 0, listed.filter)


def test_a_clock_that_steps_back_makes_no_device_good(system: System) -> None:
    """What was cleared by a clock that ran ahead is revoked by one that was set right."""
    devices = system.central.devices
    system.clock.advance(DAY_MS)
    revoke(system, range(10))
    cleared_ms = devices.revocations.cleared_time_ms()
    system.clock.set_back(DAY_MS)
    revoke(system, range(500, 501))
    rows = dict(devices.own_revoked(system.alpha, 1))
    assert rows[name(500)] > cleared_ms


def test_nothing_is_cleared_from_after_a_revocation_that_is_being_written(system: System) -> None:
    """Another one, which began later, may be noted first."""
    devices = system.central.devices
    revoke(system, range(10))
    cleared_ms: list[int] = []

    def meanwhile(_: object) -> None:
        with devices.revocations.revoking() as time_ms:
            devices.revocations.note([name(900)], time_ms)
        cleared_ms.append(devices.revocations.cleared_time_ms())

    devices.revoke(system.alpha, key(700), "it spent a piece twice", meanwhile)
    rows = dict(devices.own_revoked(system.alpha, 1))
    assert cleared_ms[0] < rows[name(700)]
    assert devices.revocations.cleared_time_ms() > max(rows.values())


def test_a_revocation_that_could_not_be_written_holds_up_no_clearance(system: System) -> None:
    devices = system.central.devices

    def fail(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        devices.revoke(system.alpha, key(700), "lost", fail)
    revoke(system, range(3))
    rows = dict(devices.own_revoked(system.alpha, 1))
    assert devices.revocations.cleared_time_ms() > max(rows.values())


def test_a_bank_is_told_what_of_its_own_was_revoked_and_nothing_of_others(system: System) -> None:
    devices = system.central.devices
    revoke(system, range(3))
    devices.revoke_own(
        system.beta,
        [certify_device(KEYS["beta"], "beta", key(9), NOW_MS + DAY_MS).encode()],
        "lost",
    )
    system.clock.advance(1_000)
    revoke(system, range(3, 4))
    told = devices.own_revoked(system.alpha, 1)
    assert [each for each, _ in told][-1] == name(3)
    assert {each for each, _ in told} == set(map(name, range(4)))
    assert devices.own_revoked(system.alpha, told[-1][1]) == told[-1:]
    assert [each for each, _ in devices.own_revoked(system.beta, 1)] == [
        revocation_of("beta", key(9))
    ]


def test_nothing_is_said_of_a_device_of_a_suspended_bank_or_of_nobodys(system: System) -> None:
    devices = system.central.devices
    forged = certify_device(KEYS["beta"], "alpha", key(1), NOW_MS + DAY_MS)
    unknown = certify_device(KEYS["beta"], "gamma", key(1), NOW_MS + DAY_MS)
    assert devices.statements([forged.encode(), unknown.encode()]) == []
    system.central.registry.set_suspended("alpha", True)
    assert devices.statements([certificate(1).encode()]) == []
    assert refused(devices.statements, [b"D" + bytes(120)]) == ("FIELD_INVALID", "certificates")


def test_while_a_filter_is_made_others_are_given_the_one_before(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoke(system, range(2 * MAX_LISTED))
    before = bundle(system).filter
    revoke(system, range(1_000, 1_000 + HALF + 1))  # one is due, and nothing is missing yet
    kept = system.central.devices.revocations
    ranked, making, gate = kept.ranked, threading.Event(), threading.Event()

    def slow(most: int) -> list[bytes]:
        making.set()
        assert gate.wait(20)
        return ranked(most)

    answered: list[TrustBundle] = []
    maker = threading.Thread(target=kept.now, args=(1 << 20,))
    other = threading.Thread(target=lambda: answered.append(bundle(system)))
    with monkeypatch.context() as patch:
        patch.setattr(kept, "ranked", slow)
        maker.start()
        assert making.wait(10)
        other.start()
        other.join(10)
        assert [each.filter for each in answered] == [before]
        gate.set()
        maker.join(10)
    system.clock.advance(BUNDLE_MADE_EACH_MS)
    assert bundle(system).filter != before
