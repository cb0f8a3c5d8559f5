"""The officers' desks: what one officer proposes, for another to approve."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.acts import propose
from console.clients import CAUSE
from console.options import DEFAULT, Anew, Folder, Json, Officer, RequestId
from console.output import EXIT_REFUSED, Output
from currency.amount import parse_yuan
from dcep.office.v1 import office_pb2
from deployment.topology import StackPlan, load
from language import _

Bank = Annotated[str, typer.Argument(help="Name of a bank.")]
Amount = Annotated[str, typer.Argument(help="Yuan, like 12.50.")]
Number = Annotated[str, typer.Argument(help="A wallet's 16 digits.")]
Cause = Annotated[str, typer.Option(help="Why, for the record.")]
Answers = Annotated[str, typer.Option("--for", help="The bank's request that it answers.")]

AMOUNTS = {"ignore_unknown_options": True}
"""For commands with an amount: -5 is then a wrong amount, not an unknown option."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (reserves, issue, redeem):
        app.command(context_settings=AMOUNTS)(command)
    for act in (suspend, reinstate):
        app.command()(act)


def reserves(
    bank: Bank,
    amount: Amount,
    out: Annotated[bool, typer.Option("--out", help="The bank takes reserves out.")] = False,
    officer: Officer = "lin",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose that a bank pays reserves in, or takes them out; another officer approves."""
    fen = parse_yuan(amount)
    kind = office_pb2.PayOutReserves if out else office_pb2.PayInReserves
    propose(
        load(folder), officer, kind(bank=bank, amount_fen=fen), cause, request_id, anew, as_json
    )


def issue(
    bank: Bank,
    amount: Amount,
    officer: Officer = "lin",
    answers: Answers = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose that reserves become circulation; another officer approves."""
    kind = office_pb2.Issue(bank=bank, amount_fen=parse_yuan(amount), request_id=answers)
    propose(load(folder), officer, kind, cause, request_id, anew, as_json)


def redeem(
    bank: Bank,
    amount: Amount,
    officer: Officer = "lin",
    answers: Answers = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose that circulation becomes reserves again; another officer approves."""
    kind = office_pb2.Redeem(bank=bank, amount_fen=parse_yuan(amount), request_id=answers)
    propose(load(folder), officer, kind, cause, request_id, anew, as_json)


def suspend(
    bank: Bank,
    officer: Officer = "lin",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to cut a bank off from the central bank; another officer approves."""
    kind = office_pb2.SuspendBank(name=bank)
    propose(load(folder), officer, kind, cause, request_id, anew, as_json)


def reinstate(
    bank: Bank,
    officer: Officer = "lin",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to end a bank's suspension; another officer approves."""
    kind = office_pb2.ReinstateBank(name=bank)
    propose(load(folder), officer, kind, cause, request_id, anew, as_json)


def officer_of(plan: StackPlan, number: str, as_json: bool) -> str:
    """The first officer of the bank of a wallet."""
    for bank in plan.banks:
        if number.startswith(bank.prefix):
            return bank.officer
    return Output(as_json).fail(
        EXIT_REFUSED, "BANK_UNKNOWN", _("no bank here has {number}…").format(number=number[:4])
    )
