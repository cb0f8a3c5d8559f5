"""``dcep feed``: where the banks' feeds stand, and why one has stopped."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from console.clients import BankOfficerClient
from console.feed_advice import advice
from console.options import DEFAULT, Folder, Json
from console.output import EXIT_REFUSED, Output
from currency.contract_words import subject_word
from deployment.topology import StackPlan, load
from language import N_, _


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(feed)


def feed(
    bank: Annotated[str, typer.Option(help="One bank; all when left out.")] = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show how far each bank has applied its feed, and what contradicts what it heard before.

    Exit code 1 when a feed has stopped, or there is a contradiction.
    """
    plan = load(folder)
    names = [plan.bank(bank).name] if bank else [found.name for found in plan.banks]
    found = [_shown(plan, name) for name in names]
    output = Output(as_json)
    output.result({"feeds": found})
    for fields in found if not as_json else ():
        output.say(_line(fields))
    if any(fields["stopped"] or fields["contradictions"] for fields in found):
        raise typer.Exit(EXIT_REFUSED)


_SUBJECTS = [N_("central keys"), N_("trust bundle"), N_("officers' acts")]
"""What `subject_word` says."""


def _shown(plan: StackPlan, name: str) -> dict[str, Any]:
    with BankOfficerClient(plan, name) as office:
        told = office.feed()
    return {
        "bank": name,
        "number": told.number,
        "position": told.position,
        "ledger": told.ledger.hex(),
        "hash": told.hash.hex(),
        "stopped": told.stopped_cause,
        "stopped_since_ms": told.stopped_since_ms,
        "advice": advice(name, told.stopped_cause) if told.stopped_cause else "",
        "contradictions": [
            {"about": subject_word(one.about), "cause": one.cause, "since_ms": one.since_ms}
            for one in told.contradictions
        ],
    }


def _line(fields: dict[str, Any]) -> str:
    line = _("{bank}: entry {number}, chain {hash}").format(
        bank=fields["bank"], number=fields["number"], hash=fields["hash"][:16] or _("not begun")
    )
    if fields["stopped"]:
        line += _("\n  STOPPED since {since}: {stopped}").format(
            since=_since(fields["stopped_since_ms"]), stopped=fields["stopped"]
        )
        line += f"\n  {fields['advice']}"
    for one in fields["contradictions"]:
        line += _("\n  CONTRADICTION since {since}, {about}: {cause}").format(
            since=_since(one["since_ms"]), about=_(one["about"]), cause=one["cause"]
        )
    return line


def _since(time_ms: int) -> str:
    return time.strftime("%F %T", time.localtime(time_ms / 1_000))
