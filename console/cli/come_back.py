"""``dcep come-back`` and ``dcep lost``: a bank without a newer copy of its database goes on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.cli.acts import propose
from console.clients import CAUSE, BankOfficerClient, CentralOfficerClient
from console.coming_back import next_act
from console.options import DEFAULT, Anew, BankOfficer, Folder, Json, RequestId
from console.output import EXIT_REFUSED, Output
from currency.amount import format_yuan, parse_yuan
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import officers_pb2
from dcep.office.v1 import office_pb2
from dcep.purposes.v1 import purposes_pb2
from dcep.registration.v1 import registration_pb2
from deployment.topology import CENTRAL_BANK, load
from language import N_, _

lost = typer.Typer(
    help="What banks lost with a newer copy of their database: list it, settle it.",
    invoke_without_command=True,
)
Cause = Annotated[str, typer.Option(help="Why, for the record.")]

KINDS: dict[int, str] = {
    purposes_pb2.PURPOSE_PAYMENT: N_("payment"),
    purposes_pb2.PURPOSE_TOKEN_LOAD: N_("load"),
    purposes_pb2.PURPOSE_REDEMPTION: N_("redemption"),
}
EVENTS: dict[int, str] = {
    registration_pb2.FEED_EVENT_ISSUED: N_("issued"),
    registration_pb2.FEED_EVENT_REDEEMED: N_("redeemed"),
    registration_pb2.FEED_EVENT_OUTGOING_SETTLED: N_("outgoing settled"),
    registration_pb2.FEED_EVENT_OUTGOING_ENDED: N_("outgoing ended"),
    registration_pb2.FEED_EVENT_INCOMING: N_("incoming"),
    registration_pb2.FEED_EVENT_TOKENS_REGISTERED: N_("tokens registered"),
    registration_pb2.FEED_EVENT_TOKENS_DEPOSITED: N_("tokens deposited"),
    registration_pb2.FEED_EVENT_TOKENS_RESTORED: N_("tokens restored"),
    registration_pb2.FEED_EVENT_REDEMPTION_REJECTED: N_("redemption rejected"),
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="come-back")(come_back)
    app.add_typer(lost, name="lost")


def come_back(
    bank: Annotated[str, typer.Argument(help="Name of the bank that was put back.")],
    officer: Annotated[
        str, typer.Option("--as", help="Which officer proposes; the first one when left out.")
    ] = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Let a bank go on from an older copy of its database, when no newer one exists.

    Shows what the central bank has that the bank lacks, and proposes the act that is due: first at
    the central bank, then, once that is approved and the command repeated, at the bank. Each takes
    another officer there to approve it.
    """
    plan = load(folder)
    name, output = plan.bank(bank).name, Output(as_json)
    with BankOfficerClient(plan, name) as office:
        told = office.feed()
    if not told.behind:
        output.fail(
            EXIT_REFUSED,
            "NOT_BEHIND",
            _("bank {name} is no older copy of its database").format(name=name),
        )
    with CentralOfficerClient(plan, plan.officers(CENTRAL_BANK)[0]) as central:
        beyond = central.feed_of(name, told.number)
    for line in () if as_json else _beyond(name, told, beyond):
        output.say(line)
    kind = next_act(name, told, beyond)
    at = CENTRAL_BANK if isinstance(kind, office_pb2.PutBack) else name
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=at)


@lost.callback()
def show(
    context: typer.Context,
    bank: Annotated[str, typer.Option(help="One bank; all when left out.")] = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """List what left a bank before it was put back and is not settled: by entry of its feed."""
    if context.invoked_subcommand is not None:
        return
    plan = load(folder)
    names = [plan.bank(bank).name] if bank else [found.name for found in plan.banks]
    entries: list[dict[str, Any]] = []
    for name in names:
        with BankOfficerClient(plan, name) as office:
            entries += [_fields(name, entry) for entry in office.lost()]
    Output(as_json).entries(entries, _line, _("nothing that was lost is open"))


@lost.command()
def settle(
    bank: Annotated[str, typer.Argument(help="Name of a bank.")],
    entry: Annotated[int, typer.Argument(help="The entry's number in the list.")],
    amount: Annotated[str, typer.Argument(help="Yuan, like 12.50.")],
    payer: Annotated[
        bool,
        typer.Option(
            "--payer", help="From the wallet that the entry names; else from the bank's vault."
        ),
    ] = False,
    officer: BankOfficer = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose that the payer, or the bank out of its vault, bears what was lost.

    Another officer of the bank approves.
    """
    plan, fen = load(folder), parse_yuan(amount)
    name, number = plan.bank(bank).name, ""
    if payer:
        with BankOfficerClient(plan, name) as office:
            named = {found.entry: found.payer_number for found in office.lost()}
        number = named.get(entry, "")
        if not number:
            Output(as_json).fail(
                EXIT_REFUSED,
                "PAYMENT_UNKNOWN",
                _("entry {entry} is not open, or names no payer").format(entry=entry),
            )
    kind = office_pb2.SettleLost(entry=entry, amount_fen=fen, wallet_number=number)
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=name)


def _beyond(
    name: str,
    told: officers_pb2.GetFeedResponse,
    beyond: authentication_pb2.GetFeedOfResponse,
) -> list[str]:
    """Says in words what the central bank has and the bank has not."""
    lines = [
        _(
            "bank {name} stands at entry {number} of its feed; it has acknowledged "
            "{acknowledged}, and there are {last_entry}"
        ).format(
            name=name,
            number=told.number,
            acknowledged=beyond.acknowledged,
            last_entry=beyond.last_entry,
        )
    ]
    lines += [
        _("  {count} {event}: {yuan} yuan").format(
            count=one.count, event=_(EVENTS[one.event]), yuan=format_yuan(one.amount_fen)
        )
        for one in beyond.beyond
    ]
    return lines


def _fields(bank: str, entry: officers_pb2.LostEntry) -> dict[str, Any]:
    return {
        "bank": bank,
        "entry": entry.entry,
        "kind": KINDS[entry.purpose],
        "number": entry.number,
        "amount_fen": entry.amount_fen,
        "open_fen": entry.amount_fen - entry.settled_fen,
        "payment_id": entry.payment_id,
        "payer_number": entry.payer_number,
    }


def _line(entry: dict[str, Any]) -> str:
    of = (
        _(" {payment_id} of {payer_number}").format(
            payment_id=entry["payment_id"], payer_number=entry["payer_number"]
        )
        if entry["payer_number"]
        else ""
    )
    return _("{bank} {entry}: {open} of {yuan} yuan open, {kind}{of}").format(
        bank=entry["bank"],
        entry=entry["entry"],
        open=format_yuan(entry["open_fen"]),
        yuan=format_yuan(entry["amount_fen"]),
        kind=_(entry["kind"]),
        of=of,
    )
