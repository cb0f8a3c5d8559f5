"""``dcep policy``: the limits of wallets, which two officers of the central bank publish."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from console.act_texts import LIMITS, ROMAN, policy_in_words
from console.cli.acts import propose
from console.clients import CAUSE, CentralOfficerClient
from console.options import DEFAULT, Anew, Folder, Json, Officer, RequestId
from console.output import EXIT_USAGE, Output
from console.sheet import wrapped
from currency.days import date_of, day_of
from dcep.authentication.v1 import authentication_pb2
from dcep.office.v1 import office_pb2
from deployment.policy_file import read_policy
from deployment.topology import CENTRAL_BANK, load
from language import _
from runtime.clock import SystemClock
from runtime.output import reason_of

policy = typer.Typer(help="Limits of wallets, at every bank.", no_args_is_help=True)
Announcement = authentication_pb2.Announcement


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(policy, name="policy")


@policy.command()
def show(folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """Show the policies that are in force or to come, and which of them each bank follows.

    A bank that has not heard of one goes on by the one before it.
    """
    plan, output = load(folder), Output(as_json)
    with CentralOfficerClient(plan, plan.central_officers[0]) as office:
        told, banks = office.central_keys().announcements, office.banks()
    published = [said for each in told if (said := _said(each.payload)).HasField("policy")]
    today = day_of(SystemClock().now_ms())
    rows = [_fields(said, today) for said in _in_force(published, today)]
    follows = {bank.name: _follows(bank, published) for bank in banks}
    output.result({"policies": rows, "follows": follows})
    if as_json:
        return
    for said in _in_force(published, today):
        output.plain(
            wrapped(
                _("policy {number}: {policy}").format(
                    number=said.number, policy=policy_in_words(said.policy)
                )
            )
        )
    for bank, number in follows.items():
        output.plain(
            _("{bank} follows policy {number}").format(bank=bank, number=number)
            if number
            else _("{bank} has not said yet that it follows a policy").format(bank=bank)
        )
    if not rows:
        output.say(_("no policy was published yet; until then no bank opens a wallet"))


@policy.command()
def publish(
    file: Annotated[Path, typer.Argument(help="All limits, like deployment/policies/e-cny.toml.")],
    begins: Annotated[
        str, typer.Option("--from", help="Its first day, like 2027-01-01, if the file has none.")
    ] = "",
    officer: Officer = "lin",
    cause: Annotated[str, typer.Option(help="Why, for the record.")] = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose the limits of all wallets; another officer of the central bank approves.

    They hold at every bank from the first day on, at midnight in UTC+8, without a restart. From
    today means at once. They take money from nobody. Of two policies the later one holds.
    """
    plan, output = load(folder), Output(as_json)
    try:
        kind = read_policy(file, dt.date.fromisoformat(begins) if begins else None)
    except (OSError, ValueError) as wrong:
        output.fail(EXIT_USAGE, "POLICY_FILE", f"{file}: {reason_of(wrong)}")
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=CENTRAL_BANK)


def _said(payload: bytes) -> authentication_pb2.Announcement:
    said: authentication_pb2.Announcement = Announcement.FromString(payload)
    return said


def _in_force(published: list[Announcement], today: int) -> list[Announcement]:
    """The policy of today and those that are to come, in order of their days."""
    held: list[Announcement] = []
    for said in published:
        held = [each for each in held if each.policy.from_day < said.policy.from_day]
        held.append(said)
    begun = sum(each.policy.from_day <= today for each in held)
    return held[max(0, begun - 1) :]


def _follows(bank: authentication_pb2.Bank, published: list[Announcement]) -> int:
    """Number of the newest policy that a bank follows; 0 for none."""
    return max((p.number for p in published if p.number <= bank.announced_number), default=0)


def _fields(said: Announcement, today: int) -> dict[str, Any]:
    return {
        "number": said.number,
        "from": date_of(said.policy.from_day).isoformat(),
        "begun": said.policy.from_day <= today,
        "classes": [_class(limits) for limits in said.policy.classes],
        "wallets_per_phone": said.policy.wallets_per_phone or None,
        "wallets_per_document": said.policy.wallets_per_document or None,
    }


def _class(limits: office_pb2.ClassLimits) -> dict[str, Any]:
    """The fields of a class for a program; None is no limit."""
    found: dict[str, Any] = {"wallet_class": ROMAN[limits.wallet_class]}
    return found | {name: getattr(limits, name) or None for name in LIMITS}
