"""How acts are listed, and which fields of a proposal are checked."""

from __future__ import annotations

import pytest

from dcep.office.v1 import office_pb2
from officers.acts import WITHDRAWN
from runtime.envelope import sign, sign_payload
from tests.officers.acts import FREEZE
from tests.officers.office import NOW_MS, WANG, ZHOU, Office
from tests.refusals import refused_for


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
    signed = sign(act, WANG.signer.key, b"wang")
    assert refused_for(lambda: office.acts.propose(WANG.identity, signed)) == reason


def test_a_kind_that_this_institution_does_not_know_is_refused(office: Office) -> None:
    issue = office_pb2.Issue(bank="alpha", amount_fen=1)
    assert refused_for(lambda: office.propose(WANG, issue)) == "FIELD_INVALID"
    act = office_pb2.OfficerAct.FromString(WANG.propose(FREEZE, NOW_MS).payload)
    act.ClearField("freeze_wallet")
    signed = sign(act, WANG.signer.key, b"wang")
    assert refused_for(lambda: office.acts.propose(WANG.identity, signed)) == "FIELD_MISSING"


def test_what_was_signed_is_one_message_and_not_too_long(office: Office) -> None:
    payload = WANG.propose(FREEZE, NOW_MS).payload
    for odd, reason in (
        (b"\xff" * 9, "MESSAGE_UNREADABLE"),
        (payload + b"\xfa\x3e\x01x", "FIELD_UNKNOWN"),
        (payload + b"\x32\x01a" * 2_000, "FIELD_INVALID"),
    ):
        signed = sign_payload(office_pb2.OfficerAct, odd, WANG.signer.key, b"wang")
        assert refused_for(lambda s=signed: office.acts.propose(WANG.identity, s)) == reason
    short = office_pb2.OfficerRejection(act_id="42", act_digest=b"short", officer="wang")
    signed = sign(short, WANG.signer.key, b"wang")
    assert refused_for(lambda: office.acts.reject(WANG.identity, signed)) == "FIELD_INVALID"
