"""``dcep status``: what runs, who is suspended, what waits, and what ends soon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import typer

from console.clients import BankOfficerClient, CentralOfficerClient
from console.feed_advice import advice
from console.options import DEFAULT, Folder, Json
from console.output import Output
from console.sheet import sheet, wrapped
from console.waiting import waiting_at
from dcep.authentication.v1 import authentication_pb2
from deployment.addresses import addresses, public_address
from deployment.certificates import ROOT_ROLE, SOON_DAYS, held
from deployment.topology import CENTRAL_BANK, StackPlan, load
from language import N_, _, ngettext
from runtime.errors import NoAnswer, Refusal
from sandbox.limits import SHOWN_PROBING
from sandbox.stack.supervisor import Stack
from sandbox.stack.watch import watched

STATES = (N_("serving"), N_("starting"), N_("down"))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """Show which services are healthy, who is suspended, what waits, and what expires soon.

    Exit code 1 when a service is not healthy.
    """
    stack = Stack(load(folder))
    plan = stack.plan
    states = {name: _state(stack, name) for name in stack.names}
    serving = [name for name, state in states.items() if state == "serving"]
    ok = len(serving) == len(states)
    by_hand = [name for name in serving if name not in stack.running]
    alone = [name for name in stack.names if name in stack.running and not watched(plan.logs, name)]
    suspended = _suspended(plan) if CENTRAL_BANK in serving else []
    waiting = {name: waiting_at(plan, [name]).count(name) for name in serving}
    probing = _probing(plan, serving)
    stopped = _stopped_feeds(plan, serving)
    ending = [
        {"role": each.role, "days_left": each.days_left}
        for each in held(plan)
        if each.days_left < SOON_DAYS
    ]
    output = Output(as_json)
    output.result(
        {
            "ok": ok,
            "services": states,
            "started_by_hand": by_hand,
            "not_looked_after": alone,
            "suspended": suspended,
            "waiting": waiting,
            "probing": probing,
            "stopped_feeds": stopped,
            "certificates_ending": ending,
            **addresses(plan),
        }
    )
    if not as_json:
        _say(output, stack, states, by_hand, suspended, waiting)
        if alone:
            output.plain(wrapped(_of_alone(alone)))
        for bank, wallets in probing.items():
            output.plain(wrapped(_of_probing(plan, bank, wallets)))
        for bank, cause in stopped.items():
            said = _("{bank}: its feed has stopped: {cause}; {advice}").format(
                bank=bank, cause=cause, advice=advice(bank, cause)
            )
            output.plain(wrapped(said))
        for row in ending:
            output.plain(wrapped(_of_ending(row)))
    raise typer.Exit(0 if ok else 1)


def _state(stack: Stack, name: str) -> str:
    if stack.healthy(name):
        return "serving"
    return "starting" if name in stack.running else "down"


def _say(
    output: Output,
    stack: Stack,
    states: Mapping[str, str],
    by_hand: Sequence[str],
    suspended: Sequence[str],
    waiting: Mapping[str, int],
) -> None:
    rows = []
    for name, state in states.items():
        process = stack.running.get(name)
        said = _("by hand") if name in by_hand else str(process.pid) if process else ""
        shown = _(state)
        if name in suspended:
            shown = _("{state}, suspended").format(state=shown)
        waits = str(waiting.get(name, ""))
        rows.append((name, shown, said, waits, public_address(stack.plan, name)))
    output.plain(
        sheet((_("service"), _("state"), _("pid"), _("waiting"), _("address")), rows, right=(3,))
    )
    down = [name for name, state in states.items() if state == "down"]
    if down:
        output.plain(
            wrapped(
                _("{names}: down; `dcep up` starts what does not run").format(names=", ".join(down))
            )
        )
    if by_hand:
        text = _("{names}: not started by `dcep`, which does not stop or look after it").format(
            names=", ".join(by_hand)
        )
        output.plain(wrapped(text))
    for name in suspended:
        text = _("{name} is suspended; `dcep banks` says since when and why").format(name=name)
        output.plain(wrapped(text))
    count = sum(waiting.values())
    if count:
        output.plain(
            wrapped(
                ngettext(
                    "{count} waits for officers: dcep requests",
                    "{count} wait for officers: dcep requests",
                    count,
                ).format(count=count)
            )
        )


def _suspended(plan: StackPlan) -> list[str]:
    """The suspended banks; empty when the central bank does not say, and its state says why."""
    with (
        suppress(NoAnswer, Refusal),
        CentralOfficerClient(plan, plan.central_officers[0]) as office,
    ):
        wanted = authentication_pb2.BANK_STATE_SUSPENDED
        return [bank.name for bank in office.banks() if bank.state == wanted]
    return []


def _probing(plan: StackPlan, serving: Sequence[str]) -> dict[str, list[str]]:
    """By bank, the wallets that have to wait: too many of their payments failed for their payees.

    A bank that does not say is left out: its state says why.
    """
    found: dict[str, list[str]] = {}
    for bank in plan.banks:
        if bank.name not in serving:
            continue
        with suppress(NoAnswer, Refusal), BankOfficerClient(plan, bank.name) as office:
            wallets = list(office.books().probing_wallets)
            if wallets:
                found[bank.name] = wallets
    return found


def _stopped_feeds(plan: StackPlan, serving: Sequence[str]) -> dict[str, str]:
    """By bank, why its feed has stopped. A bank that does not say is left out."""
    found: dict[str, str] = {}
    for bank in plan.banks:
        if bank.name in serving:
            with suppress(NoAnswer, Refusal), BankOfficerClient(plan, bank.name) as office:
                found[bank.name] = office.feed().stopped_cause
    return {name: cause for name, cause in found.items() if cause}


def _of_alone(names: Sequence[str]) -> str:
    return _(
        "{names}: nobody starts it again when it ends; `dcep up --detach` has that done"
    ).format(names=", ".join(names))


def _of_probing(plan: StackPlan, bank: str, wallets: Sequence[str]) -> str:
    shown = ", ".join(wallets[:SHOWN_PROBING])
    more = (
        _(" and {count} more").format(count=len(wallets) - SHOWN_PROBING)
        if len(wallets) > SHOWN_PROBING
        else ""
    )
    return _(
        "{bank}: {shown}{more} tried payees that cannot be paid, again and again, and has to "
        "wait for an hour. If it goes on: dcep wallet freeze {wallet} --as {officer}, and another "
        "officer approves. See docs/how-to/probing.md."
    ).format(bank=bank, shown=shown, more=more, wallet=wallets[0], officer=plan.bank(bank).officer)


def _of_ending(row: Mapping[str, Any]) -> str:
    days = row["days_left"]
    ends = _("has ended") if days < 0 else _("ends in {days} days").format(days=days)
    todo = "" if row["role"] == ROOT_ROLE else _(": dcep keys renew")
    return _("the certificate of {role} {ends}{todo}").format(
        role=row["role"], ends=ends, todo=todo
    )
