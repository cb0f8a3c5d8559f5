"""How an act ends without being done, and how many may be open."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.limits import MAX_OPEN_ACTS
from runtime.errors import RETRY_AFTER_MS, Refusal
from tests.officers.acts import DAY_MS, FREEZE
from tests.officers.office import CHEN, NOW_MS, WANG, ZHOU, Office
from tests.refusals import refused_for


def test_a_rejected_act_is_over(office: Office) -> None:
    act = office.propose(WANG)
    assert office.reject(ZHOU, act).state == office_pb2.ACT_STATE_REJECTED
    assert office.reject(ZHOU, act).decider == "zhou"
    assert refused_for(lambda: office.approve(CHEN, act)) == "ALREADY_DECIDED"
    done = office.approve(ZHOU, office.propose(WANG))
    assert refused_for(lambda: office.reject(CHEN, done)) == "ALREADY_DECIDED"
    assert office.done == 1


def test_who_proposed_an_act_may_withdraw_it(office: Office) -> None:
    act = office.propose(WANG)
    assert office.reject(WANG, act).state == office_pb2.ACT_STATE_REJECTED


def test_an_act_whose_time_is_over_is_not_done(office: Office) -> None:
    act = office.propose(WANG, lasts_ms=1_000)
    office.clock.advance(1_000)
    assert refused_for(lambda: office.approve(ZHOU, act)) == "EXPIRED"
    assert refused_for(lambda: office.approve(CHEN, act)) == "EXPIRED"
    assert office.acts.get(act.content.act_id).state == office_pb2.ACT_STATE_EXPIRED
    assert office.done == 0


def test_acts_end_by_themselves_when_their_time_is_over(office: Office) -> None:
    short, long = office.propose(WANG, lasts_ms=1_000), office.propose(WANG, lasts_ms=5_000)
    office.clock.advance(2_000)
    assert office.acts.step() is False
    states = [office.acts.get(act.content.act_id).state for act in (short, long)]
    assert states == [office_pb2.ACT_STATE_EXPIRED, office_pb2.ACT_STATE_OPEN]


def test_a_proposal_lasts_no_longer_than_it_may(office: Office) -> None:
    for lasts_ms, created_ms, reason in (
        (8 * DAY_MS, NOW_MS, "VALIDITY_TOO_LONG"),
        (DAY_MS, NOW_MS + 120_000, "NOT_YET_VALID"),
        (DAY_MS, NOW_MS - DAY_MS, "EXPIRED"),
        (DAY_MS, 1, "EXPIRED"),
        (DAY_MS, -(2**62), "FIELD_INVALID"),
    ):
        proposal = WANG.propose(FREEZE, created_ms, lasts_ms=lasts_ms)
        assert refused_for(lambda p=proposal: office.acts.propose(WANG.identity, p)) == reason


def test_an_approval_that_was_held_back_is_worth_nothing_later(office: Office) -> None:
    act = office.propose(WANG)
    approval = ZHOU.signer.approve(act.proposal.payload, NOW_MS)
    office.clock.advance(3_600_001)
    assert refused_for(lambda: office.acts.approve(ZHOU.identity, approval)) == "EXPIRED"
    assert office.approve(ZHOU, act).decider == "zhou"


def test_an_act_that_cannot_be_done_now_waits_on(office: Office) -> None:
    act = office.propose(WANG)
    office.effect.no = errors_pb2.REASON_RESERVES_SHORT
    assert refused_for(lambda: office.propose(WANG)) == "RESERVES_SHORT"
    assert refused_for(lambda: office.approve(ZHOU, act)) == "RESERVES_SHORT"
    office.effect.no = 0
    assert office.approve(ZHOU, act).decider == "zhou"


def test_another_partys_final_no_ends_an_act(office: Office) -> None:
    proposal = WANG.propose(FREEZE, NOW_MS)
    office.effect.peer = errors_pb2.REASON_VAULT_SHORT
    act = office.acts.propose(WANG.identity, proposal)  # nobody is asked for one officer alone
    assert refused_for(lambda: office.approve(ZHOU, act)) == "VAULT_SHORT"
    office.effect.peer = 0
    ended = office.acts.get(act.content.act_id)
    assert (ended.state, ended.reason) == (
        office_pb2.ACT_STATE_REFUSED,
        errors_pb2.REASON_VAULT_SHORT,
    )
    assert refused_for(lambda: office.approve(ZHOU, act)) == "VAULT_SHORT"
    office.acts.refuse(act.number, errors_pb2.REASON_RESERVES_SHORT)  # too late
    assert office.acts.get(act.content.act_id).reason == errors_pb2.REASON_VAULT_SHORT
    assert office.done == 0


def test_open_acts_of_one_officer_are_bounded_and_leave_the_others_alone(office: Office) -> None:
    acts = [office.propose(WANG) for _ in range(MAX_OPEN_ACTS)]
    assert refused_for(lambda: office.propose(WANG)) == "OVERLOADED"
    office.propose(ZHOU)
    office.approve(ZHOU, acts[0])
    office.propose(WANG)


def test_acts_that_are_proposed_and_turned_down_again_and_again_fill_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("officers.acts.ENDED_BYTES", 1_200)
    office = Office(tmp_path, WANG, ZHOU, CHEN)
    for _ in range(15):
        office.approve(ZHOU, office.propose(WANG))  # what two wanted is not counted
    ended = 0
    with pytest.raises(Refusal) as caught:
        while ended < 15:
            office.reject(WANG, office.propose(WANG))
            ended += 1
    assert caught.value.name == "OVERLOADED"
    assert 2 < ended < 14
    office.both(office_pb2.FreezeWallet(wallet_number="6201000000000012"), ZHOU, CHEN)
    office.clock.advance(int(caught.value.metadata[RETRY_AFTER_MS]))
    office.propose(WANG)
