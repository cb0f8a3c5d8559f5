"""``dcep requests``: what waits for officers, everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from console.act_texts import said
from console.cli.acts import At, institutions
from console.limits import SHOWN_WAITING
from console.options import DEFAULT, Folder, Json
from console.output import EXIT_NO_ANSWER, Output
from console.sheet import clock, wrapped, zone
from console.shown import remember
from console.waiting import PROPOSAL, waiting_at
from currency.amount import format_yuan
from dcep.office.v1 import office_pb2
from deployment.topology import StackPlan, load
from language import _
from officers.contents import content_of
from runtime.output import of_this_machine, quoted


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(requests)


def requests(
    at: At = "",
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many at most, the oldest first.")
    ] = (SHOWN_WAITING),
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """List what waits for officers at the central bank and at each bank, the oldest first.

    Acts that wait for a second officer's approval, and what banks ask the central bank for. Exit
    code 3 when an institution did not answer.
    """
    plan, output = load(folder), Output(as_json)
    found = waiting_at(plan, institutions(plan, at))
    shown, more = found.rows[:limit], max(0, len(found.rows) - limit)
    acts = {content_of(act).act_id: act for act in found.acts}
    shown_acts = [acts[row["id"]] for row in shown if row["id"] in acts]
    changed, unkept = _remember(plan, shown_acts)
    for row in shown:
        row["changed"] = row["id"] in changed
    output.result({"requests": shown, "more": more, "silent": found.silent})
    if not as_json:
        for row in shown:
            output.plain(_block(row, acts))
        if shown:
            output.plain(
                wrapped(
                    _("Times are {zone}. Another officer: dcep approve ID --as NAME").format(
                        zone=zone()
                    )
                )
            )
        elif not found.silent:
            output.plain(_("nothing waits for an officer"))
        if more:
            output.plain(
                wrapped(
                    _("{more} more wait; --limit {limit} lists them too").format(
                        more=more, limit=limit + more
                    )
                )
            )
        for name, why in found.silent.items():
            output.plain(
                wrapped(_("{name} does not say what waits there: {why}").format(name=name, why=why))
            )
        if unkept:
            output.plain(wrapped(unkept))
    if found.silent:
        raise typer.Exit(EXIT_NO_ANSWER)


def _remember(plan: StackPlan, acts: list[office_pb2.Act]) -> tuple[set[str], str]:
    """The ids under which another act was shown before, and a sentence if nothing can be kept."""
    try:
        return remember(plan, acts), ""
    except OSError as error:
        why = of_this_machine(error)
        return set(), _(
            "What was shown cannot be kept, to compare it when it is approved: {why}"
        ).format(why=why)


def _block(row: Mapping[str, Any], acts: Mapping[str, office_pb2.Act]) -> str:
    """A block of lines: the id, what it is, who asks, since when, and why."""
    if row["waits_for"] == PROPOSAL:
        yuan = format_yuan(row["amount_fen"])
        what = _("{bank} asks to {kind} {yuan} yuan, {time}").format(
            bank=row["bank"], kind=_(row["kind"]), yuan=yuan, time=clock(row["since_time_ms"])
        )
        typed = yuan.replace(",", "")
        propose = f"dcep {row['kind']} {row['bank']} {typed} --for {row['id']}"
        return f"{row['id']}\n{wrapped(what, 2)}\n  {_('to propose it:')}\n  {propose}"
    who = _("asked by {asked_by} of {institution}, {since}, until {until}").format(
        asked_by=row["asked_by"],
        institution=row["institution"],
        since=clock(row["since_time_ms"]),
        until=clock(row["until_time_ms"]),
    )
    lines = [row["id"], wrapped(said(content_of(acts[row["id"]])), 2), wrapped(who, 2)]
    lines.append(wrapped(quoted(row["cause"]), 2))
    if row["changed"]:
        lines.append(wrapped(_("ANOTHER ACT WAS SHOWN UNDER THIS ID BEFORE: do not approve it"), 2))
    return "\n".join(lines)
