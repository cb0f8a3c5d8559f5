"""Shows what an officer is about to approve, from the very bytes that the approval signs.

What a service says beside those bytes is not believed: neither the act's id nor who proposed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.act_texts import said
from console.clients import ActClient, BankOfficerClient, CentralOfficerClient
from console.sheet import clock, wrapped
from console.shown import remember
from currency.amount import format_yuan
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK, StackPlan
from language import _
from officers.contents import message_of
from runtime.errors import NoAnswer, Refusal, reason_name
from runtime.messages import read_payload
from runtime.output import quoted

OPEN = office_pb2.ACT_STATE_OPEN


@dataclass(frozen=True)
class Asked:
    """An act that waits for the officer.

    Attributes:
        act: as the institution shows it.
        content: what was proposed, from the signed bytes.
        amount_fen: what it moves; 0 when it moves no money.
    """

    act: office_pb2.Act
    content: office_pb2.OfficerAct
    amount_fen: int

    @property
    def lines(self) -> str:
        """What it does, who asked for it, when and why, in lines for people."""
        moves = ""
        if self.content.HasField("pay_suspense"):
            moves = (
                _(": {yuan} yuan").format(yuan=format_yuan(self.amount_fen))
                if self.amount_fen
                else _(": nothing")
            )
        made = _("asked by {officer}, {time}").format(
            officer=self.content.officer, time=clock(self.act.proposed_time_ms)
        )
        cause = quoted(self.content.cause)
        return "\n".join(
            (
                wrapped(said(self.content) + moves),
                wrapped(_("{made}: {cause}").format(made=made, cause=cause), 2),
            )
        )


def asked_of(plan: StackPlan, institution: str, officer: str, act_id: str) -> Asked:
    """The act with an id, at the officer's own institution.

    Raises:
        Refusal: REQUEST_UNKNOWN, which says where the id is known instead; SAME_OFFICER;
            ALREADY_DECIDED or EXPIRED; the act's own reason if it was refused; ACT_DIFFERS.
    """
    try:
        with ActClient(plan, institution, officer) as client:
            act = client.act(act_id)
    except Refusal as refusal:
        if refusal.reason == errors_pb2.REASON_REQUEST_UNKNOWN:
            raise _not_here(plan, institution, act_id) from refusal
        raise
    if act.proposed_by == officer:
        raise Refusal(
            errors_pb2.REASON_SAME_OFFICER,
            _("{officer} proposed it; another officer of {institution} approves").format(
                officer=officer, institution=institution
            ),
            field="officer",
        )
    _refuse_decided(act, officer)
    return _asked(plan, institution, officer, act, act_id)


def all_asked(plan: StackPlan, institution: str, officer: str) -> list[Asked]:
    """The open acts that others proposed at the officer's institution, oldest first."""
    with ActClient(plan, institution, officer) as client:
        waiting = [act for act in client.open_acts() if act.proposed_by != officer]
    return [_asked(plan, institution, officer, act) for act in waiting]


def check_as_shown(plan: StackPlan, asked: Sequence[Asked]) -> None:
    """Raises Refusal, ACT_DIFFERS, if an act is not what was shown here under its id before."""
    for act_id in sorted(remember(plan, [one.act for one in asked])):
        raise differs(
            _("{act_id} was another act when it was shown before; nothing was approved").format(
                act_id=act_id
            )
        )


def differs(text: str) -> Refusal:
    """The refusal ACT_DIFFERS: an act is not what it claims to be."""
    return Refusal(errors_pb2.REASON_ACT_DIFFERS, text, field="act_id")


def _asked(
    plan: StackPlan, institution: str, officer: str, act: office_pb2.Act, act_id: str = ""
) -> Asked:
    content = read_payload(office_pb2.OfficerAct, act.proposal.payload)
    if act_id and content.act_id != act_id.lower():
        raise differs(
            _("{institution} shows another act, {act_id}, under this id").format(
                institution=institution, act_id=content.act_id
            )
        )
    if content.institution != institution or content.officer != act.proposed_by:
        raise differs(
            _(
                "it was made for {institution} by {officer}, and not for {here} by {proposed_by}"
            ).format(
                institution=content.institution,
                officer=content.officer,
                here=institution,
                proposed_by=act.proposed_by,
            )
        )
    return Asked(act, content, _amount_fen(plan, institution, officer, content))


def _amount_fen(
    plan: StackPlan, institution: str, officer: str, content: office_pb2.OfficerAct
) -> int:
    if content.HasField("pay_suspense"):
        with BankOfficerClient(plan, institution, officer) as office:
            lies = {entry.position: entry.amount_fen for entry in office.suspense()}
        return lies.get(content.pay_suspense.position, 0)
    return int(getattr(message_of(content), "amount_fen", 0))


def _refuse_decided(act: office_pb2.Act, officer: str) -> None:
    """Raises Refusal, saying how an act ended, unless it is open or this officer approved it."""
    if act.state == OPEN:
        return
    if act.state == office_pb2.ACT_STATE_APPROVED and act.decided_by == officer:
        return
    if act.state == office_pb2.ACT_STATE_EXPIRED:
        raise Refusal(errors_pb2.REASON_EXPIRED, _("its time is over"), field="act_id")
    if act.state == office_pb2.ACT_STATE_REFUSED:
        raise Refusal(
            act.reason,
            _("it could not be done: {reason}").format(reason=reason_name(act.reason)),
        )
    state = office_pb2.ActState.Name(act.state).removeprefix("ACT_STATE_").lower()
    by = _(" by {decided_by}").format(decided_by=act.decided_by) if act.decided_by else ""
    raise Refusal(
        errors_pb2.REASON_ALREADY_DECIDED,
        _("it has been {state}{by}").format(state=_(state), by=by),
        field="act_id",
    )


def _not_here(plan: StackPlan, institution: str, act_id: str) -> Refusal:
    """The refusal of an id that is not known here; it says where it is, if anybody tells."""
    said_so = _("no act {act_id} waits at {institution}; `dcep requests` lists what waits").format(
        act_id=act_id, institution=institution
    )
    for name in (CENTRAL_BANK, *(bank.name for bank in plan.banks)):
        try:
            said_so = _known_as(plan, name, institution, act_id) or said_so
        except (NoAnswer, Refusal) as no:
            known = reason_name(no.reason) if isinstance(no, Refusal) else ""
            if known != "REQUEST_UNKNOWN":
                said_so += _(" ({name} does not say whether it is there)").format(name=name)
    return Refusal(errors_pb2.REASON_REQUEST_UNKNOWN, said_so, field="act_id")


def _known_as(plan: StackPlan, name: str, institution: str, act_id: str) -> str:
    """What an id is at one institution; "" if it is no request and no act of another one.

    Raises NoAnswer or Refusal: REQUEST_UNKNOWN when it is not known there.
    """
    people = plan.officers(name)
    if name == CENTRAL_BANK and _is_asked_for(plan, people[0], act_id):
        return _(
            "this is what a bank asks for: an officer proposes it first, as `dcep requests` shows"
        )
    if name == institution:
        return ""
    with ActClient(plan, name, people[0]) as client:
        client.act(act_id)
    return _("this is an act of {name}: {names} decides about it").format(
        name=name, names=_(" or ").join(people)
    )


def _is_asked_for(plan: StackPlan, officer: str, request_id: str) -> bool:
    with CentralOfficerClient(plan, officer) as office:
        return any(found.request_id == request_id for found in office.requests())
