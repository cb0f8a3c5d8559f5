"""Equal proposals of two commands at once: neither takes the other's word for its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest

from console import proposals
from console.proposals import Proposed, is_unheard, proposed_once
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK, StackPlan
from runtime.errors import NoAnswer, Refusal

ISSUE = office_pb2.Issue(bank="alpha", amount_fen=100)


class OfficerClient:
    """An officer's desk where everything that arrives is kept, and answers may be lost."""

    acts: dict[str, office_pb2.Act]
    lost = 0

    def __init__(self, *_: object) -> None:
        self.officer = "lin"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def signed(self, kind: Any, cause: str) -> SignedEnvelope:
        number = f"act-{len(self.acts) + 1}"
        content = office_pb2.OfficerAct(act_id=number, officer="lin", cause=cause, issue=kind)
        return SignedEnvelope(payload=content.SerializeToString())

    def send(self, envelope: SignedEnvelope) -> office_pb2.Act:
        number = office_pb2.OfficerAct.FromString(envelope.payload).act_id
        self.acts[number] = office_pb2.Act(proposal=envelope)
        if OfficerClient.lost:
            OfficerClient.lost -= 1
            raise NoAnswer("lost on its way back")
        return self.acts[number]

    def act(self, act_id: str) -> office_pb2.Act:
        if act_id not in self.acts:
            raise Refusal(errors_pb2.REASON_REQUEST_UNKNOWN, "no such act")
        return self.acts[act_id]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackPlan:
    monkeypatch.setattr(proposals, "ActClient", OfficerClient)
    OfficerClient.acts, OfficerClient.lost = {}, 0
    (tmp_path / "officers").mkdir()
    return StackPlan(tmp_path, "127.0.0.1:1", 0, "", ())


def proposing(plan: StackPlan, *, anew: bool = False) -> Any:
    return proposed_once(plan, CENTRAL_BANK, "lin", ISSUE, "why", anew=anew)


def number_of(proposed: Proposed) -> str:
    return office_pb2.OfficerAct.FromString(proposed.act.proposal.payload).act_id


def test_who_is_told_of_an_act_does_not_end_the_wait_of_an_equal_command(plan: StackPlan) -> None:
    class Unprintable(Exception):
        pass

    with pytest.raises(Unprintable), proposing(plan) as first:
        with proposing(plan) as second:
            assert (number_of(first), number_of(second)) == ("act-1", "act-2")
        raise Unprintable
    with proposing(plan) as again:
        assert (number_of(again), again.repeated) == ("act-1", True)
    assert len(OfficerClient.acts) == 2 and not is_unheard(plan, CENTRAL_BANK, "lin", ISSUE, "why")


def test_an_act_without_an_answer_is_asked_about_until_somebody_hears(plan: StackPlan) -> None:
    OfficerClient.lost = 1
    with pytest.raises(NoAnswer), proposing(plan):
        pass
    assert is_unheard(plan, CENTRAL_BANK, "lin", ISSUE, "why")
    with proposing(plan, anew=True) as another:
        assert (number_of(another), another.repeated) == ("act-2", False)
    with proposing(plan) as first:
        assert (number_of(first), first.repeated) == ("act-1", True)
    with proposing(plan) as new:
        assert (number_of(new), new.repeated) == ("act-3", False)
