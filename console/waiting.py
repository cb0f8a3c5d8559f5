"""Lists what waits for officers, at the central bank and at each bank."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from console.act_texts import fields
from console.clients import ActClient, CentralOfficerClient
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK, StackPlan
from officers.contents import content_of, message_of
from runtime.errors import NoAnswer, Refusal
from runtime.output import harmless

APPROVAL, PROPOSAL = "approval", "proposal"


@dataclass
class Waiting:
    """What waits for officers.

    Attributes:
        rows: for programs, oldest first: acts that wait for a second officer (`waits_for`
            "approval"), and requests of banks to the central bank ("proposal").
        acts: the acts among them.
        silent: institutions that did not tell, with the reason.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    acts: list[office_pb2.Act] = field(default_factory=list)
    silent: dict[str, str] = field(default_factory=dict)

    def count(self, institution: str) -> int:
        """How many wait at an institution."""
        return sum(row["institution"] == institution for row in self.rows)


def waiting_at(plan: StackPlan, institutions: Iterable[str]) -> Waiting:
    """What waits at some institutions; one that does not answer is put into `silent`."""
    found = Waiting()
    for name in institutions:
        try:
            _ask(plan, name, found)
        except (NoAnswer, Refusal) as no:
            found.silent[name] = harmless(str(no))
    found.rows.sort(key=lambda row: row["since_time_ms"])
    return found


def _ask(plan: StackPlan, name: str, found: Waiting) -> None:
    with ActClient(plan, name, plan.officers(name)[0]) as client:
        acts = client.open_acts()
    rows = [_of_act(act) for act in acts]
    if name == CENTRAL_BANK:
        with CentralOfficerClient(plan, plan.central_officers[0]) as office:
            rows += without_an_act(office.requests(), acts)
    found.acts += acts
    found.rows += rows


def _of_act(act: office_pb2.Act) -> dict[str, Any]:
    content = content_of(act)
    return {
        **fields(act),
        "id": content.act_id,
        "waits_for": APPROVAL,
        "asked_by": act.proposed_by,
        "since_time_ms": act.proposed_time_ms,
        "until_time_ms": content.expires_time_ms,
    }


_ANSWERS = (office_pb2.Issue, office_pb2.Redeem)


def without_an_act(
    requests: Iterable[issuance_pb2.Request], acts: Iterable[office_pb2.Act]
) -> Iterator[dict[str, Any]]:
    """Rows for the banks' requests that no waiting act answers."""
    waiting = [_asked(act) for act in acts]
    answered = {(one.bank, one.request_id) for one in waiting if isinstance(one, _ANSWERS)}
    for asked in requests:
        if (asked.bank, asked.request_id) in answered:
            continue
        issue = asked.direction == issuance_pb2.DIRECTION_ISSUE
        yield {
            "id": asked.request_id,
            "institution": CENTRAL_BANK,
            "kind": "issue" if issue else "redeem",
            "bank": asked.bank,
            "amount_fen": asked.amount_fen,
            "cause": "",
            "waits_for": PROPOSAL,
            "asked_by": asked.bank,
            "since_time_ms": asked.created_time_ms,
            "until_time_ms": 0,
        }


def _asked(act: office_pb2.Act) -> Message | None:
    return message_of(content_of(act))
