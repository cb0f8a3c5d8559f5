"""``dcep acts``, ``approve``, ``reject``: the second person's side of every act."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from google.protobuf.message import Message

from currency.amount import format_yuan
from dcep.issuance.v1 import issuance_pb2
from dcep.office.v1 import office_pb2
from sandbox.act_words import content_of, fields, in_words, line
from sandbox.offices import ActDesk, CentralOffice
from sandbox.options import DEFAULT, Folder, Json, Officer
from sandbox.plan import CENTRAL_BANK, StackPlan, load
from sandbox.proposals import proposed_once
from sandbox.registering import follow
from sandbox.words import EXIT_USAGE, Speaker

_PEOPLE = ("register_officer", "renew_officer", "remove_officer", "change_rights")
_MONEY = ("pay_in_reserves", "pay_out_reserves", "issue", "redeem")
At = Annotated[str, typer.Option("--at", help="central-bank or a bank; all when left out.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (acts, approve, reject):
        app.command()(command)


def acts(
    at: At = "",
    ended: Annotated[
        int, typer.Option(min=0, max=500, help="Instead, how so many of the newest have ended.")
    ] = 0,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """List what waits for a second officer, and what banks ask the central bank for."""
    plan, speaker = load(folder), Speaker(as_json)
    if ended:
        _say_ended(speaker, plan, at, ended)
        return
    waiting = [act for name in institutions(plan, at) for act in _waiting(plan, name)]
    asked = _requests(plan) if at in ("", CENTRAL_BANK) else []
    requests = [
        {
            "request_id": found.request_id,
            "bank": found.bank,
            "direction": _direction(found),
            "amount_fen": found.amount_fen,
        }
        for found in asked
    ]
    speaker.result({"acts": [fields(act) for act in waiting], "requests": requests})
    if as_json:
        return
    for act in waiting:
        speaker.say(line(act))
    for found in asked:
        speaker.say(
            f"{found.bank} asks to {_direction(found)} {format_yuan(found.amount_fen)} yuan; "
            f"to propose it:\n  dcep {_direction(found)} {found.bank} "
            f"{format_yuan(found.amount_fen).replace(',', '')} --for {found.request_id}"
        )
    if not waiting and not asked:
        speaker.say("nothing waits for a second officer")


def _say_ended(speaker: Speaker, plan: StackPlan, at: str, count: int) -> None:
    """How the newest acts of each institution have ended, be it that nobody decided so."""
    found = []
    for name in institutions(plan, at):
        with ActDesk(plan, name, plan.officers(name)[0]) as desk:
            newest = desk.newest_acts(count)
        found += [act for act in newest if act.state != office_pb2.ACT_STATE_OPEN]
    speaker.result({"acts": [fields(act) for act in found]})
    for act in found if not speaker.as_json else ():
        row = fields(act)
        by = f" by {row['decided_by']}" if row["decided_by"] else ""
        speaker.say(
            f"{row['act_id']}  {in_words(act)}\n"
            f"  proposed by {row['proposed_by']}, {row['institution']}: {row['state']}{by}"
        )


def approve(
    act_id: Annotated[str, typer.Argument(help="Which act; `dcep acts` lists them.")] = "",
    officer: Officer = "mei",
    everything: Annotated[
        bool, typer.Option("--all", help="All that others proposed where the officer works.")
    ] = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Approve what another officer proposed, exactly as it is shown here."""
    plan, speaker = load(folder), Speaker(as_json)
    if bool(act_id) == everything:
        speaker.fail(EXIT_USAGE, "FIELD_MISSING", "name an act, or say --all")
    approved = []
    with ActDesk(plan, plan.institution(officer), officer) as desk:
        wanted = [desk.act(act_id)] if act_id else desk.open_acts()
        for act in wanted:
            if everything and act.proposed_by == officer:
                continue
            speaker.say(in_words(act))
            approved.append({**fields(desk.approve(act)), **_books(plan, act)})
        if any(content_of(act).WhichOneof("kind") in _PEOPLE for act in wanted):
            follow(plan, plan.institution(officer))
    speaker.result({"approved": approved})
    if as_json:
        return
    for row in approved:
        speaker.say(f"  proposed by {row['proposed_by']}, approved by {row['decided_by']}")
        if "reserves_fen" in row:
            speaker.say(
                f"  {row['bank']}: reserves now {format_yuan(row['reserves_fen'])}, "
                f"circulation {format_yuan(row['circulation_fen'])}"
            )
    if not approved:
        speaker.say("nothing waits for this officer")


def reject(
    act_id: Annotated[str, typer.Argument(help="Which act.")],
    officer: Officer = "mei",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Turn an act down; what was set aside for it goes back to the bank's vault."""
    plan = load(folder)
    with ActDesk(plan, plan.institution(officer), officer) as desk:
        act = desk.reject(desk.act(act_id))
    Speaker(as_json).result(fields(act), f"rejected: {in_words(act)}")


def propose(
    plan: StackPlan,
    officer: str,
    kind: Message,
    cause: str,
    act_id: str,
    anew: bool,
    as_json: bool,
    *,
    at: str = "",
) -> None:
    """Proposes an act, once however often it is asked for, and says what came of it.

    Args:
        officer: who proposes; the first one there when empty.
        act_id: as `proposed_once` takes it.
        at: the central bank or a bank; where the officer works when empty.
    """
    institution = at or plan.institution(officer)
    officer = officer or plan.officers(institution)[0]
    with proposed_once(
        plan, institution, officer, kind, cause, act_id=act_id, anew=anew
    ) as proposed:
        say_proposed(Speaker(as_json), plan, proposed.act, repeated=proposed.repeated)


def say_proposed(
    speaker: Speaker, plan: StackPlan, act: office_pb2.Act, *, repeated: bool = False
) -> None:
    """What came of a proposal, and what the second officer runs.

    Args:
        repeated: an earlier command proposed it, and nobody heard what became of it.
    """
    shown = {**fields(act), "repeated": repeated}
    if repeated:
        made = content_of(act).created_time_ms / 1000
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(made))
        speaker.say(
            f"This was proposed at {when}, once, and is {shown['state']} now; "
            "`--anew` proposes another."
        )
    if act.state != office_pb2.ACT_STATE_OPEN:
        decided = f", decided by {act.decided_by}" if act.decided_by else ""
        speaker.result(shown, f"{in_words(act)}: {shown['state']}{decided}")
        return
    others = [name for name in plan.officers(shown["institution"]) if name != act.proposed_by]
    speaker.result(
        shown,
        f"{act.proposed_by} proposes to {in_words(act)}; another officer approves it:\n"
        f"  dcep approve {shown['act_id']} --as {others[0]}",
    )


def institutions(plan: StackPlan, at: str) -> list[str]:
    """The one that is named, or all."""
    if at:
        return [plan.institution(plan.officers(at)[0])]
    return [CENTRAL_BANK, *(bank.name for bank in plan.banks)]


def _waiting(plan: StackPlan, institution: str) -> list[office_pb2.Act]:
    with ActDesk(plan, institution, plan.officers(institution)[0]) as desk:
        return desk.open_acts()


def _requests(plan: StackPlan) -> list[issuance_pb2.Request]:
    with CentralOffice(plan, plan.central_officers[0]) as office:
        return office.requests()


def _direction(request: issuance_pb2.Request) -> str:
    return "issue" if request.direction == issuance_pb2.DIRECTION_ISSUE else "redeem"


def _books(plan: StackPlan, act: office_pb2.Act) -> dict[str, Any]:
    """What the bank has after an act about its money."""
    shown = fields(act)
    if shown["kind"] not in _MONEY:
        return {}
    with CentralOffice(plan, plan.central_officers[0]) as office:
        books = office.books_of(shown["bank"])
    return {"reserves_fen": books.reserves_fen, "circulation_fen": books.circulation_fen}
