"""An act of a kind that this version does not know, as a newer service may list one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from console.act_texts import fields, said
from console.cli import officers
from console.proposals import Proposed
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK, StackPlan
from officers.contents import content_of, kind_of, message_of

NEWER = office_pb2.Act(
    proposal=SignedEnvelope(payload=office_pb2.OfficerAct(act_id="1").SerializeToString())
)
KIND = office_pb2.ChangeRights(name="foo", rights=[office_pb2.RIGHT_CASH])


def test_it_is_told_as_that() -> None:
    content = content_of(NEWER)
    assert (kind_of(content), message_of(content)) == ("", None)
    assert said(content) == "something that this version does not know"
    assert fields(NEWER)["kind"] == ""


def test_it_is_not_taken_for_the_one_that_is_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    @contextmanager
    def client(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(open_acts=lambda: [NEWER])

    @contextmanager
    def proposed(*_: object, anew: bool) -> Iterator[Proposed]:
        yield Proposed(office_pb2.Act(), False)

    def say(*_: object, repeated: bool) -> None:
        told.append(repeated)

    for name, instead in {
        "ActClient": client,
        "proposed_once": proposed,
        "say_proposed": say,
        "is_unheard": lambda *_: False,
        "_proposer": lambda *_: "lin",
    }.items():
        monkeypatch.setattr(officers, name, instead)
    plan = StackPlan(tmp_path, "127.0.0.1:1", 0, "", ())
    officers.propose(plan, CENTRAL_BANK, "lin", KIND, "why", False, True)
    assert told == [False]
