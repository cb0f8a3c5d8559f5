"""``dcep suspense``: money that its wallet could not take, listed and paid out by the bank."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from console.cli.acts import propose
from console.clients import CAUSE, BankOfficerClient
from console.options import DEFAULT, Anew, BankOfficer, Folder, Json, RequestId
from console.output import Output
from currency.amount import format_yuan
from currency.contract_words import purpose_word
from currency.number import typed
from dcep.bank.v1 import officers_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import load
from language import N_, _
from runtime.errors import reason_name

suspense = typer.Typer(
    help="Money in the banks' suspense accounts: list it, pay it out.", invoke_without_command=True
)

_KINDS = (N_("payment"), N_("return"), N_("offline-deposit"), N_("offline-restore"))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(suspense, name="suspense")


@suspense.callback()
def show(
    context: typer.Context,
    bank: Annotated[str, typer.Option(help="One bank; all when left out.")] = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """List what lies in suspense, oldest first: what it was, whose, and what is in the way."""
    if context.invoked_subcommand is not None:
        return
    plan = load(folder)
    names = [plan.bank(bank).name] if bank else [found.name for found in plan.banks]
    entries = [fields for name in names for fields in _entries(BankOfficerClient(plan, name), name)]
    Output(as_json).entries(entries, _line, _("nothing lies in suspense"))


@suspense.command()
def pay(
    bank: Annotated[str, typer.Argument(help="Name of a bank.")],
    entry: Annotated[int, typer.Argument(help="The entry's number in the list.")],
    to: Annotated[
        str,
        typer.Option(help="Another wallet of this bank, in place of the one that was to get it."),
    ] = "",
    officer: BankOfficer = "",
    cause: Annotated[str, typer.Option(help="Why, for the record.")] = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to pay an entry to a wallet of the bank, within what the wallet may hold.

    Another officer of the bank approves.
    """
    to = to and typed(to)
    plan = load(folder)
    kind = office_pb2.PaySuspense(position=entry, wallet_number=to)
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=plan.bank(bank).name)


def _entries(client: BankOfficerClient, bank: str) -> list[dict[str, Any]]:
    with client as office:
        return [_fields(bank, entry) for entry in office.suspense()]


def _fields(bank: str, entry: officers_pb2.SuspenseEntry) -> dict[str, Any]:
    return {
        "bank": bank,
        "entry": entry.position,
        "kind": purpose_word(entry.purpose),
        "payment_id": entry.payment_id,
        "number": entry.wallet_number,
        "payer_number": entry.payer_number,
        "amount_fen": entry.amount_fen,
        "time_ms": entry.time_ms,
        "reason": reason_name(entry.reason) if entry.reason else "",
    }


def _line(entry: dict[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry["time_ms"] / 1000))
    payer = (
        _(" from {payer_number}").format(payer_number=entry["payer_number"])
        if entry["payer_number"]
        else ""
    )
    command = f"dcep suspense pay {entry['bank']} {entry['entry']}"
    todo = (
        _("in the way: {reason}").format(reason=entry["reason"])
        if entry["reason"]
        else _("can be paid: {command}").format(command=command)
    )
    return _(
        "{bank} {entry}: {yuan} yuan for {number}, {kind} {payment_id}{payer}, {when}\n  {todo}"
    ).format(
        bank=entry["bank"],
        entry=entry["entry"],
        yuan=format_yuan(entry["amount_fen"]),
        number=entry["number"],
        kind=_(entry["kind"]),
        payment_id=entry["payment_id"],
        payer=payer,
        when=when,
        todo=todo,
    )
