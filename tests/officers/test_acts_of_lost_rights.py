"""What becomes of acts whose officer was removed, or has another key or fewer rights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from officers.acts import OPEN, WITHDRAWN
from officers.people import Officer
from tests.officers.acts import state
from tests.officers.office import CHEN, NOW_MS, WANG, ZHOU, Office
from tests.refusals import refused_for


def test_what_a_removed_officer_proposed_is_withdrawn(office: Office) -> None:
    act, others = office.propose(WANG), office.propose(CHEN)
    office.both(office_pb2.RemoveOfficer(name="wang"), ZHOU, CHEN)
    assert [state(office, one) for one in (act, others)] == [WITHDRAWN, OPEN]
    assert refused_for(lambda: office.approve(ZHOU, act)) == "ALREADY_DECIDED"
    assert refused_for(lambda: office.reject(ZHOU, act)) == "ALREADY_DECIDED"
    assert refused_for(lambda: office.propose(WANG)) == "OFFICER_UNKNOWN"
    office.restart()
    assert refused_for(lambda: office.propose(WANG)) == "OFFICER_UNKNOWN"
    assert [one.number for one in office.acts.page(WITHDRAWN, 9, None)] == [act.number]
    assert office.done == 0


def test_what_an_officer_proposed_with_a_right_since_lost_is_withdrawn(office: Office) -> None:
    act = office.propose(WANG)
    still_his = office.propose(WANG, office_pb2.RemoveOfficer(name="clerk"))
    less = office_pb2.ChangeRights(name="wang", rights=[office_pb2.RIGHT_OFFICERS])
    office.both(less, ZHOU, CHEN)
    assert [state(office, one) for one in (act, still_his)] == [WITHDRAWN, OPEN]
    # The right comes back, and the act does not.
    more = office_pb2.ChangeRights(
        name="wang", rights=[office_pb2.RIGHT_OFFICERS, office_pb2.RIGHT_WALLETS]
    )
    office.both(more, ZHOU, CHEN)
    assert refused_for(lambda: office.approve(ZHOU, act)) == "ALREADY_DECIDED"
    assert office.done == 0


def test_what_a_replaced_key_proposed_is_withdrawn_when_its_time_comes(office: Office) -> None:
    new = replace(WANG, seed="renewed")
    overlap = office_pb2.RenewOfficer(
        name="wang",
        certificate_fingerprint=new.fingerprint,
        signing_key=new.key,
        old_until_time_ms=NOW_MS + 5_000,
    )
    by_old = office.propose(WANG)
    office.both(overlap, ZHOU, CHEN)
    by_new = office.propose(new)
    office.acts.step()
    assert [state(office, one) for one in (by_old, by_new)] == [OPEN, OPEN]
    office.clock.advance(5_000)
    office.acts.step()
    assert [state(office, one) for one in (by_old, by_new)] == [WITHDRAWN, OPEN]


def test_what_a_key_proposed_that_ended_a_moment_ago_is_not_approved(office: Office) -> None:
    new = replace(WANG, seed="renewed")
    overlap = office_pb2.RenewOfficer(
        name="wang", signing_key=new.key, old_until_time_ms=NOW_MS + 5_000
    )
    act = office.propose(WANG)
    office.both(overlap, ZHOU, CHEN)
    office.clock.advance(5_000)
    assert refused_for(lambda: office.approve(ZHOU, act)) == "ALREADY_DECIDED"
    assert (state(office, act), office.done) == (WITHDRAWN, 0)


def test_a_new_certificate_for_the_same_key_withdraws_nothing(office: Office) -> None:
    act = office.propose(WANG)
    new = replace(WANG, seed="renewed")
    certificate = office_pb2.RenewOfficer(name="wang", certificate_fingerprint=new.fingerprint)
    office.both(certificate, ZHOU, CHEN)
    assert office.approve(ZHOU, act).decider == "zhou"


def test_a_withdrawal_that_was_cut_short_goes_on_after_a_restart(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts = [office.propose(WANG) for _ in range(3)]
    removal = office.propose(ZHOU, office_pb2.RemoveOfficer(name="wang"))
    with monkeypatch.context() as patch:
        patch.setattr(office.effect, "end", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            office.approve(CHEN, removal)
    assert office.approve(CHEN, removal).state == office_pb2.ACT_STATE_APPROVED
    assert [state(office, act) for act in acts] == [OPEN] * 3
    office.restart()
    office.acts.step()
    assert [state(office, act) for act in acts] == [WITHDRAWN] * 3


def test_a_key_that_ends_while_its_proposal_is_under_way_proposes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wang's proposal was checked; before it is written down two others remove wang."""
    verified = office.officers.verified

    def meanwhile(kind: Any, officer: Officer, envelope: SignedEnvelope) -> bytes:
        payload = verified(kind, officer, envelope)
        if officer.name == "wang":
            office.both(office_pb2.RemoveOfficer(name="wang"), ZHOU, CHEN)
        return payload

    monkeypatch.setattr(office.officers, "verified", meanwhile)
    assert refused_for(lambda: office.propose(WANG)) == "OFFICER_UNKNOWN"
    assert office.acts.page(OPEN, 9, None) == []


def test_a_removed_officer_approves_nothing(office: Office) -> None:
    act = office.propose(WANG)
    office.both(office_pb2.RemoveOfficer(name="zhou"), WANG, CHEN)
    assert refused_for(lambda: office.approve(ZHOU, act)) == "OFFICER_UNKNOWN"
