"""What waits for officers: each bank's requests by themselves."""

from __future__ import annotations

from console.waiting import without_an_act
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2


def request(bank: str, request_id: str) -> issuance_pb2.Request:
    issue = issuance_pb2.DIRECTION_ISSUE
    return issuance_pb2.Request(request_id=request_id, bank=bank, amount_fen=100, direction=issue)


def answering(bank: str, request_id: str) -> office_pb2.Act:
    """An act that waits for its second officer."""
    asked = office_pb2.Issue(bank=bank, amount_fen=100, request_id=request_id)
    payload = office_pb2.OfficerAct(issue=asked).SerializeToString()
    return office_pb2.Act(proposal=SignedEnvelope(payload=payload))


def test_an_act_for_one_bank_hides_no_request_of_another_with_the_same_id() -> None:
    both = [request("alpha", "x"), request("beta", "x")]
    waits = list(without_an_act(both, [answering("alpha", "x")]))
    assert [one["bank"] for one in waits] == ["beta"]
    assert not list(without_an_act(both[:1], [answering("alpha", "x")]))
