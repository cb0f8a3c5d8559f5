"""``dcep keys rotate`` and ``revoke``: a party of the stack gets new keys while payments go on."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from console.clients import CAUSE
from console.options import DEFAULT, Folder, Json
from console.output import EXIT_USAGE, Output
from console.rotation import (
    BOTH,
    CERTIFICATE,
    KEY,
    LONGEST_DAYS,
    ROOT,
    ROOT_DAYS,
    Change,
    Party,
    announce_root,
    change,
    end_replaced,
    party_of,
    party_of_role,
    take_over,
    until,
)
from deployment.certificates import ROOT_ROLE, held
from deployment.topology import StackMissing, StackPlan, load
from language import _

LONGEST_ROOT_DAYS = 730
Whose = Annotated[
    str, typer.Argument(metavar="PARTY", help="central-bank, a bank, an officer, or offline-root.")
]
What = Annotated[str, typer.Option("--what", help="certificate, key, or both.")]
Cause = Annotated[str, typer.Option(help="Why, for the record.")]


def register(keys: typer.Typer) -> None:
    """Add the commands."""
    keys.command()(rotate)
    keys.command()(renew)
    keys.command()(revoke)


def rotate(
    party: Whose,
    what: What = "both",
    days: Annotated[
        int,
        typer.Option(
            min=0,
            max=LONGEST_ROOT_DAYS,
            help=f"How many days the old ones stay good: 7, up to {LONGEST_DAYS}; an offline root"
            f" {ROOT_DAYS}.",
        ),
    ] = 0,
    now: Annotated[
        bool, typer.Option("--take-over", help="The announced offline root takes over now.")
    ] = False,
    cause: Cause = "rotated in good order",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Give a party a new certificate and key, by two officers; the old ones end some days later.

    The offline root has two steps: a successor is announced; it takes over when devices have heard.
    """
    output = Output(as_json)
    plan, whose = _party(output, party, folder)
    if whose.kind == ROOT:
        _rotate_root(output, plan, days or ROOT_DAYS, cause, now=now)
        return
    if now or days > LONGEST_DAYS:
        output.fail(
            EXIT_USAGE,
            "FIELD_INVALID",
            _("--take-over and --days over {longest_days} are for the offline root").format(
                longest_days=LONGEST_DAYS
            ),
        )
    wanted = Change(_what(output, what, whose), until(days or 7), cause)
    done = change(plan, whose, wanted)
    ends = time.strftime("%Y-%m-%d %H:%M", time.localtime(wanted.old_until_ms / 1_000))
    output.result(
        {"party": party, "new": done, "old_until_time_ms": wanted.old_until_ms},
        _("{party} uses {names} from now on; what it had before is good until {ends}").format(
            party=party, names=_(" and ").join(done), ends=ends
        ),
    )


def renew(
    within: Annotated[
        int, typer.Option(min=1, max=825, help="Those that expire within so many days.")
    ] = 60,
    cause: Cause = "renewed in good order",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Give new certificates to all whose certificates end soon, by two officers, one by one.

    An officer gets a new key too. What they had before is good 7 days more. If it stops half-way,
    the same command goes on with the rest. It takes two officers whose certificates have not ended.
    """
    output, plan = Output(as_json), load(folder)
    ending = [each for each in held(plan) if each.days_left < within]
    renewed, left = [], []
    for each in sorted(ending, key=lambda one: one.ends):
        if each.role == ROOT_ROLE:
            left.append(each.role)
            continue
        whose = party_of_role(each.role)
        what = BOTH if whose.kind == "officer" else (CERTIFICATE,)
        change(plan, whose, Change(what, until(7), cause))
        renewed.append(each.role)
        output.plain(_("{role} has a new certificate").format(role=each.role))
    output.result({"renewed": renewed, "left": left})
    if as_json:
        return
    if not ending:
        output.plain(_("no certificate ends within {within} days").format(within=within))
    for role in left:
        output.plain(
            _("the {role}'s own certificate ends too: nothing here renews it").format(role=role)
        )


def _rotate_root(output: Output, plan: StackPlan, days: int, cause: str, *, now: bool) -> None:
    if now:
        root = _take_over(output, plan)
        output.result(
            {"party": ROOT, "root": root, "signs": True},
            _("{root} signs from now on").format(root=root),
        )
        return
    wanted = Change((KEY,), until(days), cause)
    root = announce_root(plan, wanted)
    output.result(
        {"party": ROOT, "root": root, "signs": False, "old_until_time_ms": wanted.old_until_ms},
        _(
            "{root} is announced. Once devices have heard of it, 30 days later at most: dcep "
            "keys rotate offline-root --take-over"
        ).format(root=root),
    )


def _take_over(output: Output, plan: StackPlan) -> str:
    try:
        return take_over(plan)
    except StackMissing as missing:
        output.fail(EXIT_USAGE, "FIELD_MISSING", str(missing))


def revoke(
    party: Whose,
    what: What = "both",
    replaced: Annotated[
        bool, typer.Option("--replaced", help="Only what was replaced before; nothing new is made.")
    ] = False,
    cause: Cause = CAUSE,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """End a party's certificate and key at once, and give it new ones, by two officers.

    For a key that somebody else may have: nothing that it signs is accepted from now on, and
    devices that it certified are refused as soon as a payee is online.
    """
    output = Output(as_json)
    plan, whose = _party(output, party, folder)
    if replaced and whose.kind == "officer":
        output.fail(EXIT_USAGE, "FIELD_INVALID", _("an officer's older keys end with a new one"))
    if replaced or whose.kind == ROOT:
        # Nobody would believe a successor that is heard of with the end of its predecessor alone.
        done = (
            [] if replaced else [_("root {take_over}").format(take_over=_take_over(output, plan))]
        )
        end_replaced(plan, whose, cause)
        text = _("what {party} had before is good no more").format(party=party)
    else:
        done = change(plan, whose, Change(_what(output, what, whose), 0, cause))
        text = _("{party} uses {names}; what it had before is good no more").format(
            party=party, names=_(" and ").join(done)
        )
    output.result({"party": party, "new": done, "old_until_time_ms": 0}, text)


def _party(output: Output, name: str, folder: Folder) -> tuple[StackPlan, Party]:
    plan = load(folder)
    try:
        return plan, party_of(plan, name)
    except StackMissing as missing:
        output.fail(EXIT_USAGE, "PARTY_UNKNOWN", str(missing))


def _what(output: Output, what: str, party: Party) -> tuple[str, ...]:
    chosen = {"both": BOTH, CERTIFICATE: (CERTIFICATE,), KEY: (KEY,)}.get(what)
    if chosen is None:
        output.fail(EXIT_USAGE, "FIELD_INVALID", _("--what is certificate, key, or both"))
    if party.kind == "officer" and chosen != BOTH:
        output.fail(
            EXIT_USAGE, "FIELD_INVALID", _("an officer's certificate and key change together")
        )
    return chosen
