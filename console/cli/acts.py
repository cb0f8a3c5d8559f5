"""``dcep acts``, ``approve``, ``reject``: the second person's side of every act."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from google.protobuf.message import Message

from console.act_texts import fields, said
from console.act_texts import in_words as act_in_words
from console.approving import Asked, all_asked, asked_of, check_as_shown
from console.clients import ActClient, CentralOfficerClient
from console.options import DEFAULT, Folder, Json, Officer
from console.output import EXIT_REFUSED, EXIT_USAGE, Output
from console.proposals import proposed_once
from console.registering import follow
from console.sheet import clock, wrapped
from console.shown import remember
from currency.amount import format_yuan, parse_yuan
from currency.reasons import in_words
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK, StackPlan, load
from language import _, ngettext
from officers.contents import content_of, kind_of
from runtime.errors import Refusal

_PEOPLE = ("register_officer", "renew_officer", "remove_officer", "change_rights")
_MONEY = ("pay_in_reserves", "pay_out_reserves", "issue", "redeem")
_ACT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OPEN = office_pb2.ACT_STATE_OPEN
At = Annotated[str, typer.Option("--at", help="central-bank or a bank; all when left out.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (acts, approve, reject):
        app.command()(command)


def acts(
    at: At = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many of each institution.")] = 20,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """List the newest acts of officers, and how each has ended; `dcep requests` lists what waits.

    An act that nobody decided can end too: when it expires, or when its proposer could no longer
    propose it.
    """
    plan, output = load(folder), Output(as_json)
    found = []
    for name in institutions(plan, at):
        with ActClient(plan, name, plan.officers(name)[0]) as client:
            found += client.newest_acts(limit)
    output.result({"acts": [fields(act) for act in found]})
    for act in found if not as_json else ():
        row = fields(act)
        by = _(" by {decided_by}").format(decided_by=row["decided_by"]) if row["decided_by"] else ""
        when = _(", {time}").format(time=clock(act.decided_time_ms)) if act.decided_time_ms else ""
        output.plain(f"{row['act_id']}\n{wrapped(said(content_of(act)), 2)}")
        ended = _("proposed by {proposed_by}, {institution}: {state}{by}{when}").format(
            proposed_by=row["proposed_by"],
            institution=row["institution"],
            state=_(row["state"]),
            by=by,
            when=when,
        )
        output.plain(wrapped(ended, 2))
    if not found:
        output.say(_("no officer has proposed anything yet"))


def approve(
    act_id: Annotated[str, typer.Argument(help="Which act; `dcep requests` lists them.")] = "",
    amount: Annotated[
        str,
        typer.Option(help="The amount again, in yuan; with --all the total. Else it is asked for."),
    ] = "",
    officer: Officer = "mei",
    everything: Annotated[
        bool,
        typer.Option("--all", help="All acts that others proposed at the officer's institution."),
    ] = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Approve what another officer proposed, exactly as it is shown here first.

    To approve an act that moves money, repeat the amount.
    """
    plan, output = load(folder), Output(as_json)
    if bool(act_id) == everything:
        output.fail(EXIT_USAGE, "FIELD_MISSING", _("name an act, or say --all"))
    _check_id(output, act_id)
    at = plan.institution(officer)
    asked = all_asked(plan, at, officer) if everything else [asked_of(plan, at, officer, act_id)]
    _show(output, asked, everything)
    if everything or asked[0].act.state == _OPEN:
        check_as_shown(plan, asked)
        _confirm(output, asked, amount)
    approved, refused = [], []
    with ActClient(plan, at, officer) as client:
        for one in asked:
            try:
                done = client.approve(one.act) if one.act.state == _OPEN else one.act
                approved.append({**fields(done), **_books(plan, one.act)})
            except Refusal as refusal:
                if not everything:
                    raise
                refused.append((one, refusal))
    if any(kind_of(one.content) in _PEOPLE for one in asked):
        follow(plan, at)
    _say_approved(output, approved, refused)
    if refused:
        raise typer.Exit(EXIT_REFUSED)


def _show(output: Output, asked: Sequence[Asked], everything: bool) -> None:
    """Prints the acts that are about to be approved."""
    for one in asked:
        output.plain(one.lines)
    if everything and asked:
        total = format_yuan(sum(one.amount_fen for one in asked))
        count = ngettext("{count} act", "{count} acts", len(asked)).format(count=len(asked))
        output.plain(_("all of it: {count}, {total} yuan").format(count=count, total=total))


def _confirm(output: Output, asked: Sequence[Asked], amount: str) -> None:
    """Returns if the acts' amount was repeated, as an option or now; else ends the command."""
    total_fen = sum(one.amount_fen for one in asked)
    if total_fen and not amount:
        if output.as_json or not sys.stdin.isatty():
            repeated = format_yuan(total_fen).replace(",", "")
            output.fail(
                EXIT_USAGE,
                "FIELD_MISSING",
                _(
                    "repeat the amount to approve it: --amount {repeated}; nothing was approved"
                ).format(repeated=repeated),
                amount_fen=total_fen,
            )
        amount = typer.prompt(_("The amount, to approve it"), err=True)
    if asked and amount and parse_yuan(amount) != total_fen:
        right = (
            _("which is {total}").format(total=format_yuan(total_fen))
            if total_fen
            else _("as no money moves")
        )
        said_so = _("{yuan} is not the amount, {right}; nothing was approved").format(
            yuan=amount, right=right
        )
        output.fail(EXIT_USAGE, "AMOUNT_DIFFERS", said_so, amount_fen=total_fen)


def _say_approved(
    output: Output,
    approved: Sequence[dict[str, Any]],
    refused: Sequence[tuple[Asked, Refusal]],
) -> None:
    noes = [{**fields(one.act), "reason": no.name, "message": no.message} for one, no in refused]
    output.result({"approved": list(approved), "refused": noes})
    if output.as_json:
        return
    for row in approved:
        output.plain(
            _("  proposed by {proposed_by}, approved by {decided_by}").format(
                proposed_by=row["proposed_by"], decided_by=row["decided_by"]
            )
        )
        if "reserves_fen" in row:
            now = _("{bank}: reserves now {reserves}, circulation {circulation}").format(
                bank=row["bank"],
                reserves=format_yuan(row["reserves_fen"]),
                circulation=format_yuan(row["circulation_fen"]),
            )
            output.plain(wrapped(now, 2))
    for one, no in refused:
        output.plain(
            wrapped(
                _("not done: {said}: {reason}, {why}").format(
                    said=said(one.content),
                    reason=no.name,
                    why=in_words(no.name, no.message, no.metadata),
                )
            )
        )
    if not approved and not refused:
        output.say(_("nothing waits for this officer"))


def reject(
    act_id: Annotated[str, typer.Argument(help="Which act.")],
    officer: Officer = "mei",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Turn an act down; what was reserved for it goes back to the bank's vault."""
    plan = load(folder)
    _check_id(Output(as_json), act_id)
    with ActClient(plan, plan.institution(officer), officer) as client:
        act = client.reject(client.act(act_id))
    Output(as_json).result(fields(act), _("rejected: {act}").format(act=act_in_words(act)))


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
    """Proposes an act, only once however often that is repeated, and says what came of it.

    Args:
        officer: who proposes; the first one there when empty.
        act_id: as `proposed_once` takes it.
        at: the central bank or a bank; where the officer works when empty.
    """
    institution = at or plan.institution(officer)
    officer = officer or plan.officers(institution)[0]
    try:
        with proposed_once(
            plan, institution, officer, kind, cause, act_id=act_id, anew=anew
        ) as proposed:
            say_proposed(Output(as_json), plan, proposed.act, repeated=proposed.repeated)
    except Refusal as refusal:
        if refusal.field == "kind":
            raise _not_there(institution, officer) from refusal
        raise


def _not_there(institution: str, officer: str) -> Refusal:
    """The refusal of an act of the central bank at a bank, or the other way round."""
    return Refusal(
        errors_pb2.REASON_FIELD_INVALID,
        _(
            "{officer} works at {institution}, where nobody decides about this; `dcep officers "
            "list` says who works where"
        ).format(officer=officer, institution=institution),
        field="officer",
    )


def _check_id(output: Output, act_id: str) -> None:
    if act_id and not _ACT_ID.fullmatch(act_id):
        output.fail(
            EXIT_USAGE,
            "FIELD_INVALID",
            _("{act_id!r} is not an act's id; `dcep requests` lists those that wait").format(
                act_id=act_id
            ),
            field="act_id",
        )


def say_proposed(
    output: Output, plan: StackPlan, act: office_pb2.Act, *, repeated: bool = False
) -> None:
    """What came of a proposal, and what the second officer runs.

    Args:
        repeated: an earlier command proposed it, and nobody heard what became of it.
    """
    shown = {**fields(act), "repeated": repeated}
    if repeated:
        made = content_of(act).created_time_ms / 1000
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(made))
        output.say(
            _(
                "This was proposed at {when}, once, and is {state} now; `--anew` proposes another."
            ).format(when=when, state=_(shown["state"]))
        )
    if act.state != office_pb2.ACT_STATE_OPEN:
        decided = (
            _(", decided by {decided_by}").format(decided_by=act.decided_by)
            if act.decided_by
            else ""
        )
        output.result(shown, f"{act_in_words(act)}: {_(shown['state'])}{decided}")
        return
    others = [name for name in plan.officers(shown["institution"]) if name != act.proposed_by]
    remember(plan, [act])
    output.result(
        shown,
        _(
            "{proposed_by} proposes to {act}; another officer approves it:\n  dcep approve "
            "{act_id} --as {other}"
        ).format(
            proposed_by=act.proposed_by,
            act=act_in_words(act),
            act_id=shown["act_id"],
            other=others[0],
        ),
    )


def institutions(plan: StackPlan, at: str) -> list[str]:
    """The named institution, or all when `at` is empty."""
    if at:
        return [plan.institution(plan.officers(at)[0])]
    return [CENTRAL_BANK, *(bank.name for bank in plan.banks)]


def _books(plan: StackPlan, act: office_pb2.Act) -> dict[str, Any]:
    """The bank's books after an act about its money."""
    shown = fields(act)
    if shown["kind"] not in _MONEY:
        return {}
    with CentralOfficerClient(plan, plan.central_officers[0]) as office:
        books = office.books_of(shown["bank"])
    return {"reserves_fen": books.reserves_fen, "circulation_fen": books.circulation_fen}
