"""An act takes two officers, is done once, and is kept as both signed it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.acts import OPEN, WITHDRAWN
from officers.effects import Act
from officers.limits import MAX_OPEN_ACTS
from officers.signing import ACT_TAG, APPROVAL_TAG, REJECTION_TAG, OfficerKey, digest_of
from runtime.envelope import sign, verify
from runtime.errors import RETRY_AFTER_MS, Refusal
from tests.officers.office import CHEN, CLERK, NOW_MS, WANG, ZHOU, Office
from tests.officers.people import Person
from tests.refusals import refused_for

FREEZE = office_pb2.FreezeWallet(wallet_number="6201000000000012")
DAY_MS = 86_400_000


def test_nothing_happens_until_another_officer_approves(office: Office) -> None:
    act = office.propose(WANG)
    assert (act.state, office.done) == (office_pb2.ACT_STATE_OPEN, 0)
    act = office.approve(ZHOU, act)
    assert (act.state, act.proposer, act.decider) == (office_pb2.ACT_STATE_APPROVED, "wang", "zhou")
    assert office.done == 1


def test_what_both_signed_is_kept_and_can_be_verified(office: Office) -> None:
    act = office.approve(ZHOU, office.propose(WANG))
    office.restart()
    with office.engine.connect() as connection:
        row = connection.execute(select(office.tables.acts)).one()
    proposal = SignedEnvelope(
        payload=row.proposal, signature=row.proposal_signature, key_id=b"wang"
    )
    decision = SignedEnvelope(
        payload=row.decision, signature=row.decision_signature, key_id=b"zhou"
    )
    assert verify(ACT_TAG, proposal, WANG.key) == act.proposal.payload
    said = office_pb2.OfficerDecision.FromString(verify(APPROVAL_TAG, decision, ZHOU.key))
    assert said.act_digest == digest_of(row.proposal) == row.digest


def test_an_officer_does_not_approve_an_own_act(office: Office) -> None:
    act = office.propose(WANG)
    assert refused_for(lambda: office.approve(WANG, act)) == "SAME_OFFICER"
    assert office.done == 0


def test_a_renewed_certificate_makes_nobody_another_officer(office: Office) -> None:
    act = office.propose(WANG)
    renewed = replace(WANG, seed="renewed")
    office.both(
        office_pb2.RenewOfficer(
            name="wang",
            certificate_fingerprint=renewed.fingerprint,
            signing_key=renewed.key,
            old_until_time_ms=NOW_MS + DAY_MS,
        ),
        ZHOU,
        CHEN,
    )
    for one in (WANG, renewed):
        assert refused_for(lambda who=one: office.approve(who, act)) == "SAME_OFFICER"
    assert office.approve(ZHOU, act).decider == "zhou"


@pytest.mark.parametrize("name", ["Wang", "WANG", "wang ", "ｗａｎｇ", "wаng"])
def test_another_spelling_of_a_name_is_nobody(office: Office, name: str) -> None:
    act = office.propose(WANG)
    same = replace(WANG.identity, name=f"alpha/{name}")
    approval = WANG.signer.approve(act.proposal.payload, NOW_MS)
    assert refused_for(lambda: office.acts.approve(same, approval)) == "OFFICER_UNKNOWN"


def test_a_certificate_of_the_right_shape_is_not_enough(office: Office) -> None:
    act = office.propose(WANG)
    for stranger in (Person("alpha", "ghost"), replace(ZHOU, seed="forged")):
        assert refused_for(lambda who=stranger: office.propose(who)) == "OFFICER_UNKNOWN"
        assert refused_for(lambda who=stranger: office.approve(who, act)) == "OFFICER_UNKNOWN"
    assert office.done == 0


def test_an_officer_of_another_institution_is_nobody_here(office: Office) -> None:
    act = office.propose(WANG)
    for other in ("beta", "central-bank", ""):
        there = Person(other, "zhou")
        assert refused_for(lambda who=there: office.approve(who, act)) == "ROLE_NOT_ALLOWED"
    as_bank = replace(ZHOU.identity, role="bank")
    approval = ZHOU.signer.approve(act.proposal.payload, NOW_MS)
    assert refused_for(lambda: office.acts.approve(as_bank, approval)) == "ROLE_NOT_ALLOWED"
    assert refused_for(lambda: office.acts.approve(None, approval)) == "CERTIFICATE_REQUIRED"


def test_a_stolen_connection_signs_for_nobody(office: Office) -> None:
    act = office.propose(WANG)
    approval = WANG.signer.approve(act.proposal.payload, NOW_MS)
    # Zhou's connection with what Wang signed, and with Wang's key under Zhou's name.
    assert refused_for(lambda: office.acts.approve(ZHOU.identity, approval)) == "SIGNATURE_INVALID"
    posing = OfficerKey("alpha", "zhou", WANG.signer.key).approve(act.proposal.payload, NOW_MS)
    assert refused_for(lambda: office.acts.approve(ZHOU.identity, posing)) == "SIGNATURE_INVALID"
    # And what Zhou signed in the name of Wang.
    named = OfficerKey("alpha", "wang", ZHOU.signer.key)
    assert (
        refused_for(
            lambda: office.acts.approve(ZHOU.identity, named.approve(act.proposal.payload, NOW_MS))
        )
        == "FIELD_INVALID"
    )
    proposal = named.propose(FREEZE, "a reason", NOW_MS)
    assert refused_for(lambda: office.acts.propose(ZHOU.identity, proposal)) == "FIELD_INVALID"
    assert office.done == 0


@pytest.mark.parametrize("part", ["payload", "signature"])
def test_a_forged_envelope_is_refused(office: Office, part: str) -> None:
    proposal = WANG.propose(FREEZE, NOW_MS)
    spoilt = bytearray(getattr(proposal, part))
    spoilt[-1] ^= 1
    setattr(proposal, part, bytes(spoilt))
    assert refused_for(lambda: office.acts.propose(WANG.identity, proposal)) == "SIGNATURE_INVALID"


def test_a_signature_of_one_kind_is_none_of_another(office: Office) -> None:
    act = office.propose(WANG)
    rejection = ZHOU.signer.reject(act.proposal.payload, NOW_MS)
    assert refused_for(lambda: office.acts.approve(ZHOU.identity, rejection)) == "SIGNATURE_INVALID"
    approval = ZHOU.signer.approve(act.proposal.payload, NOW_MS)
    assert refused_for(lambda: office.acts.reject(ZHOU.identity, approval)) == "SIGNATURE_INVALID"


def test_what_is_approved_is_what_was_shown(office: Office) -> None:
    act = office.propose(WANG)
    shown = office_pb2.OfficerAct.FromString(act.proposal.payload)
    shown.freeze_wallet.wallet_number = "6201000000000020"
    approval = ZHOU.signer.approve(shown.SerializeToString(), NOW_MS)
    assert refused_for(lambda: office.acts.approve(ZHOU.identity, approval)) == "ACT_DIFFERS"
    assert office.done == 0


def test_an_act_is_done_once_however_often_it_is_approved(office: Office) -> None:
    act = office.propose(WANG)
    approval = ZHOU.signer.approve(act.proposal.payload, NOW_MS)
    first = office.acts.approve(ZHOU.identity, approval)
    office.restart()
    assert office.acts.approve(ZHOU.identity, approval) == first
    late = refused_for(lambda: office.approve(CHEN, act))
    assert (late, office.done) == ("ALREADY_DECIDED", 1)


def test_two_who_approve_at_once_do_it_once(office: Office) -> None:
    act = office.propose(WANG)

    def decide(who: Person) -> str:
        try:
            office.approve(who, act)
        except Refusal as refusal:
            return refusal.name
        return "OK"

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(decide, [ZHOU, CHEN] * 4))
    assert sorted(set(said)) == ["ALREADY_DECIDED", "OK"]
    assert (said.count("OK"), office.done) == (4, 1)


def test_a_proposal_repeats_by_its_id(office: Office) -> None:
    proposal = WANG.propose(FREEZE, NOW_MS)
    act = office.acts.propose(WANG.identity, proposal)
    assert office.acts.propose(WANG.identity, proposal) == act
    other = WANG.propose(
        office_pb2.FreezeWallet(wallet_number="6201000000000020"), NOW_MS, act.content.act_id
    )
    assert refused_for(lambda: office.acts.propose(WANG.identity, other)) == "ID_REUSED"
    same = ZHOU.propose(FREEZE, NOW_MS, act.content.act_id)
    assert refused_for(lambda: office.acts.propose(ZHOU.identity, same)) == "ID_REUSED"


def test_a_proposal_that_many_send_at_once_is_written_down_once(office: Office) -> None:
    proposal = WANG.propose(FREEZE, NOW_MS)
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda _: office.acts.propose(WANG.identity, proposal).number, range(8))
    assert len(set(made)) == 1


def test_an_officer_without_the_right_neither_proposes_nor_decides(office: Office) -> None:
    assert refused_for(lambda: office.propose(CLERK)) == "RIGHT_MISSING"
    act = office.propose(WANG)
    assert refused_for(lambda: office.approve(CLERK, act)) == "RIGHT_MISSING"
    assert refused_for(lambda: office.reject(CLERK, act)) == "RIGHT_MISSING"
    assert office.done == 0


def state(office: Office, act: Act) -> int:
    return office.acts.get(act.content.act_id).state


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
    more = office_pb2.ChangeRights(name="wang", rights=[1, office_pb2.RIGHT_WALLETS])
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
    checked = office.acts._check

    def meanwhile(*arguments: Any) -> Any:
        effect = checked(*arguments)
        if arguments[1].name == "wang":
            office.both(office_pb2.RemoveOfficer(name="wang"), ZHOU, CHEN)
        return effect

    monkeypatch.setattr(office.acts, "_check", meanwhile)
    assert refused_for(lambda: office.propose(WANG)) == "OFFICER_UNKNOWN"
    assert office.acts.page(OPEN, 9, None) == []


def test_a_removed_officer_approves_nothing(office: Office) -> None:
    act = office.propose(WANG)
    office.both(office_pb2.RemoveOfficer(name="zhou"), WANG, CHEN)
    assert refused_for(lambda: office.approve(ZHOU, act)) == "OFFICER_UNKNOWN"


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


def test_acts_are_listed_by_kind(office: Office) -> None:
    office.propose(WANG)
    removal = office.propose(WANG, office_pb2.RemoveOfficer(name="clerk"))
    found = office.acts.page(0, 9, None, kind="remove_officer")
    assert [act.number for act in found] == [removal.number]
    assert office.acts.page(WITHDRAWN, 9, None, kind="remove_officer") == []
    assert refused_for(lambda: office.acts.page(0, 9, None, kind="drop_table")) == "FIELD_INVALID"


def test_acts_are_listed_newest_first_by_state_and_page(office: Office) -> None:
    acts = [office.propose(WANG) for _ in range(4)]
    office.approve(ZHOU, acts[0])

    def listed(state: int, limit: int = 9, before: int | None = None) -> list[int]:
        return [act.number for act in office.acts.page(state, limit, before)]

    assert listed(0) == [4, 3, 2, 1]
    assert listed(office_pb2.ACT_STATE_OPEN) == [4, 3, 2]
    assert listed(office_pb2.ACT_STATE_OPEN, 2, 4) == [3, 2]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("act_id", "", "FIELD_MISSING"),
        ("act_id", "42", "FIELD_INVALID"),
        ("act_id", "123E4567-E89B-42D3-A456-426614174000", "FIELD_INVALID"),
        ("institution", "beta", "FIELD_INVALID"),
        ("officer", "zhou", "FIELD_INVALID"),
        ("cause", "", "FIELD_MISSING"),
        ("cause", "x" * 201, "FIELD_INVALID"),
        ("cause", "line\nbreak", "FIELD_INVALID"),
    ],
)
def test_fields_of_a_proposal_are_checked(
    office: Office, field: str, value: str, reason: str
) -> None:
    act = office_pb2.OfficerAct.FromString(WANG.propose(FREEZE, NOW_MS).payload)
    setattr(act, field, value)
    signed = sign(ACT_TAG, act.SerializeToString(), WANG.signer.key, b"wang")
    assert refused_for(lambda: office.acts.propose(WANG.identity, signed)) == reason


def test_a_kind_that_this_institution_does_not_know_is_refused(office: Office) -> None:
    issue = office_pb2.Issue(bank="alpha", amount_fen=1)
    assert refused_for(lambda: office.propose(WANG, issue)) == "FIELD_INVALID"
    act = office_pb2.OfficerAct.FromString(WANG.propose(FREEZE, NOW_MS).payload)
    act.ClearField("freeze_wallet")
    signed = sign(ACT_TAG, act.SerializeToString(), WANG.signer.key, b"wang")
    assert refused_for(lambda: office.acts.propose(WANG.identity, signed)) == "FIELD_MISSING"


def test_what_was_signed_is_one_message_and_not_too_long(office: Office) -> None:
    payload = WANG.propose(FREEZE, NOW_MS).payload
    for odd, reason in (
        (b"\xff" * 9, "MESSAGE_UNREADABLE"),
        (payload + b"\xfa\x3e\x01x", "FIELD_UNKNOWN"),
        (payload + b"\x32\x01a" * 2_000, "FIELD_INVALID"),
    ):
        signed = sign(ACT_TAG, odd, WANG.signer.key, b"wang")
        assert refused_for(lambda s=signed: office.acts.propose(WANG.identity, s)) == reason
    short = office_pb2.OfficerDecision(act_id="42", act_digest=b"short", officer="wang")
    signed = sign(REJECTION_TAG, short.SerializeToString(), WANG.signer.key, b"wang")
    assert refused_for(lambda: office.acts.reject(WANG.identity, signed)) == "FIELD_INVALID"
