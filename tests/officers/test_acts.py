"""An act takes two officers, is done once, and is kept as both signed it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from officers.signing import OfficerKey, digest_of
from runtime.envelope import verify
from runtime.errors import Refusal
from tests.officers.acts import DAY_MS, FREEZE
from tests.officers.office import CHEN, CLERK, NOW_MS, WANG, ZHOU, Office
from tests.officers.people import Person
from tests.refusals import refused_for


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
    assert verify(office_pb2.OfficerAct, proposal, WANG.key) == act.proposal.payload
    said = office_pb2.OfficerApproval.FromString(
        verify(office_pb2.OfficerApproval, decision, ZHOU.key)
    )
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
