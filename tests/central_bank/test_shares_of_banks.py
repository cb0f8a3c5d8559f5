"""What one bank may have written down at the central bank is bounded, and pushes nothing out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from central_bank import limits
from central_bank.authentication.revocation_list import RevocationList
from central_bank.authentication.trust_bundle import revocation_of
from central_bank.registration.offline.evidence import _put
from central_bank.registration.offline.tables import evidence, refused_deposits
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.formats import DEVICE, Certificate
from offline_token.limits import MAX_CHAINS
from offline_token.signing import certify_device
from runtime.database import Database
from runtime.errors import Refusal
from runtime.randomness import SystemRandomness
from tests.central_bank.admitting import KEYS
from tests.central_bank.system import NOW_MS, System
from tests.central_bank.waiting_deposit import (
    a_deposit_that_waits,
    ask,
    reserves_arrive,
    waiting,
)
from tests.feeds import told
from tests.offline.centre import Centre
from tests.refusals import refused_for, verdict_name


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def certificates(bank: str, numbers: range) -> list[bytes]:
    return [certify_device(KEYS[bank], bank, key(n), NOW_MS + 1).encode() for n in numbers]


def listed(system: System) -> set[int]:
    named = {
        revocation_of(bank, key(number)): number
        for bank in ("alpha", "beta")
        for number in range(200)
    }
    return {named[each] for each in ranked(system)}


def ranked(system: System) -> list[bytes]:
    """What a filter has room for, here for ten devices."""
    database = Database(system.engine)
    return RevocationList(database, system.clock, SystemRandomness()).ranked(10)


def test_made_up_devices_of_one_bank_push_out_no_officers_and_no_other_banks(
    system: System,
) -> None:
    devices = system.central.devices
    devices.revoke(system.alpha, key(1), "an officer said so")
    devices.revoke_own(system.beta, certificates("beta", range(20, 23)), "of one wallet")
    devices.revoke_proven(system.beta, key(30), "it spent a piece twice")
    for start in (100, 150):
        system.clock.advance(1)
        flood = certificates("alpha", range(start, start + 50))
        devices.revoke_own(system.alpha, flood, "of one wallet")
    found = listed(system)
    assert {1, 20, 21, 22, 30} <= found
    assert len([number for number in found if number >= 150]) == 5, "the rest, the newest"


def test_what_a_bank_listed_first_is_an_officers_from_his_word_on(system: System) -> None:
    devices = system.central.devices
    devices.revoke_own(system.alpha, certificates("alpha", range(1, 2)), "of one wallet")
    devices.revoke(system.alpha, key(1), "an officer said so")
    system.clock.advance(1)
    devices.revoke_own(system.alpha, certificates("alpha", range(100, 150)), "of one wallet")
    assert 1 in listed(system)


def test_a_bank_revokes_a_bounded_number_of_devices(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.trust_bundle.MAX_REVOKED_BY_BANK", 3)
    devices = system.central.devices
    devices.revoke_own(system.alpha, certificates("alpha", range(3)), "of one wallet")
    assert (
        refused_for(
            devices.revoke_own, system.alpha, certificates("alpha", range(3, 4)), "of one wallet"
        )
        == "OVERLOADED"
    )
    devices.revoke_own(system.beta, certificates("beta", range(3, 4)), "of one wallet")
    devices.revoke(system.alpha, key(9), "an officer said so")


def test_what_a_bank_revoked_long_ago_makes_room_and_an_officers_word_stays(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.trust_bundle.MAX_REVOKED_BY_BANK", 3)
    monkeypatch.setattr("central_bank.registration.offline.pruning.REVOKED_ANYHOW", 1)
    devices = system.central.devices
    first = [*certificates("alpha", range(3)), *certificates("alpha", range(4, 5))]
    devices.revoke_own(system.alpha, first, "of one wallet")
    devices.revoke(system.alpha, key(0), "an officer said so")
    devices.revoke_own(system.beta, certificates("beta", range(3)), "of one wallet")
    system.clock.advance(limits.REVOKED_KEPT_MS)
    _grow_old(system)
    with pytest.raises(Refusal):
        devices.revoke_own(system.beta, certificates("beta", range(3, 4)), "of one wallet")
    system.clock.advance(1)
    _grow_old(system)
    devices.revoke_own(system.alpha, certificates("alpha", range(3, 4)), "of one wallet")
    assert listed(system) == {0, 1, 2, 3}
    named = {certificate for certificate in (1, 2, 4) if _is_revoked(system, certificate)}
    assert named == set()
    assert _is_revoked(system, 0) and _is_revoked(system, 3)


def _grow_old(system: System) -> None:
    """The service has been running meanwhile."""
    system.central.refunds.step()
    system.central.pruning.prune()


def _is_revoked(system: System, number: int) -> bool:
    (encoded,) = certificates("alpha", range(number, number + 1))
    return system.central.devices.is_revoked(Certificate.decode(encoded, DEVICE))


def test_of_refused_deposits_a_bank_has_so_many_kept_and_is_answered_the_same_after_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.outcomes.MAX_REFUSED_DEPOSITS", 3)
    monkeypatch.setattr("central_bank.registration.offline.outcomes.LOOKED_AFTER_EACH", 2)
    centre = Centre(tmp_path)
    paid = centre.pay(centre.token(centre.alice, 10), centre.alice, centre.bob, 10)
    assert centre.deposit(paid) == (10, "")
    items = [centre.item(paid) for _ in range(9)]
    first = [centre.send(item)[0] for item in items]
    with centre.engine.connect() as connection:
        count = connection.execute(select(func.count()).select_from(refused_deposits)).scalar_one()
    assert count == 4, "three, and one that came in since it was looked"
    again = [centre.send(item)[0] for item in items]
    assert [each.reason for each in again] == [each.reason for each in first]
    assert {each.reason for each in again} == {errors_pb2.REASON_ALREADY_DEPOSITED}


def test_a_bank_keeps_no_more_refused_deposits_where_another_banks_come_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.offline.outcomes.MAX_REFUSED_DEPOSITS", 3)
    monkeypatch.setattr("central_bank.registration.offline.outcomes.LOOKED_AFTER_EACH", 2)
    centre = Centre(tmp_path)
    for number in range(1, 9):
        for bank in ("alpha", "beta"):
            unreadable = registration_pb2.TokenDepositItem(number=number, offline_payment=b"?")
            assert verdict_name(centre.send(unreadable, bank=bank)[0].verdict) == "UNREADABLE"
    each = select(func.count(refused_deposits.c.number)).group_by(refused_deposits.c.bank)
    with centre.engine.connect() as connection:
        assert connection.execute(each).scalars().all() == [3, 3]


@pytest.mark.parametrize(("most", "kept"), [(1, 1), (0, 0)])
def test_a_bank_has_a_bounded_number_of_deposits_written_down_as_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, kept: int
) -> None:
    monkeypatch.setattr(
        "central_bank.registration.offline.pending_deposits.MAX_WAITING_DEPOSITS", most
    )
    centre = Centre(tmp_path)
    item = a_deposit_that_waits(centre)
    assert waiting(centre) == kept
    assert ask(centre, item) == "RESERVES_SHORT", "pending all the same"
    reserves_arrive(centre, 60)
    assert ask(centre, item) == 100


def test_of_one_token_a_bounded_number_of_proofs_is_kept_and_one_of_each_device(
    system: System,
) -> None:
    """Who fills it with double spends of his own hides no other device's."""
    blank = {
        "token_id": b"t" * 16,
        "bank": 0,
        "device_certificate": certificates("alpha", range(1))[0],
        "first": b"",
        "second": b"",
        "first_bank": 0,
        "second_bank": 1,
        "time_ms": NOW_MS,
    }
    another = {**blank, "device_certificate": certificates("alpha", range(1, 2))[0]}
    with system.engine.begin() as connection:
        for number in range(limits.MAX_EVIDENCE_PER_TOKEN + 5):
            _put(connection, {**blank, "piece_id": key(number), "spent_by": key(0)}, False)
        for number in (100, 101):
            _put(connection, {**another, "piece_id": key(number), "spent_by": key(0)}, False)
        _put(
            connection,
            {**blank, "token_id": b"o" * 16, "piece_id": key(99), "spent_by": b""},
            False,
        )
        kept = connection.execute(select(evidence.c.token_id, evidence.c.device_certificate)).all()
    assert Counter(kept) == {
        (b"t" * 16, blank["device_certificate"]): limits.MAX_EVIDENCE_PER_TOKEN,
        (b"t" * 16, another["device_certificate"]): 1,
        (b"o" * 16, blank["device_certificate"]): 1,
    }


def test_a_refused_double_spend_that_is_signed_anew_adds_nothing(tmp_path: Path) -> None:
    """Each time another endorsement of the same piece, deposited by whoever has made it."""
    centre = Centre(tmp_path)
    token = centre.token(centre.alice, 10)
    assert centre.deposit(centre.pay(token, centre.alice, centre.bob, 10)) == (10, "")
    for _ in range(4):
        for bank in ("alpha", "beta", "beta"):
            again = centre.pay(token, centre.alice, centre.bob, 10)
            assert centre.deposit(again, bank=bank, own=(centre.alice,)) == (0, "SPENT_TWICE")
    with centre.engine.connect() as connection:
        rows = connection.execute(select(evidence)).all()
    assert [row.second_bank for row in rows] == [centre.alpha.index, centre.beta.index], (
        "one for each bank that has to show it"
    )
    centre.pay_in("alpha", 10)
    assert centre.deposit(centre.pay(token, centre.alice, centre.carol, 10)) == (10, "")
    with centre.engine.connect() as connection:
        assert len(connection.execute(select(evidence)).all()) == 3, "what is borne is proved"


def test_a_load_of_more_than_there_can_be_ends_like_any_that_is_refused(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    number = next(centre.numbers)
    for _ in range(2):
        outcome, made = centre.register(centre.alice, MAX_CHAINS * limits.MAX_TOKEN_FEN + 1, number)
        assert (outcome.state, outcome.reason, made) == (
            registration_pb2.OUTCOME_STATE_REFUSED,
            errors_pb2.REASON_OVER_BALANCE_CAP,
            [],
        )
    ended = told(centre.central, centre.alpha)[-1].outgoing_ended
    assert (ended.number, ended.reason) == (number, errors_pb2.REASON_OVER_BALANCE_CAP)
