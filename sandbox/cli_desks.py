"""The officers' desks: reserves, issue, redeem, approve, freeze, suspend."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from currency.amount import format_yuan, parse_yuan
from currency.number import check
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import bank_pb2
from dcep.issuance.v1 import issuance_pb2
from sandbox.offices import BankOffice, CentralOffice
from sandbox.options import DEFAULT, Folder, Json, Officer, RequestId
from sandbox.plan import StackPlan, load
from sandbox.words import EXIT_REFUSED, Speaker

Bank = Annotated[str, typer.Argument(help="Name of a bank.")]
Amount = Annotated[str, typer.Argument(help="Yuan, like 12.50.")]
Number = Annotated[str, typer.Argument(help="A wallet's 16 digits.")]
Cause = Annotated[str, typer.Option(help="Why, for the record.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (reserves, issue, redeem, approve, reject, freeze, unfreeze, suspend, reinstate):
        app.command()(command)


def reserves(
    bank: Bank,
    amount: Amount,
    officer: Officer = "lin",
    request_id: RequestId = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Pay reserves in for a bank."""
    amount_fen = parse_yuan(amount)
    with CentralOffice(load(folder), officer) as office:
        reserves_fen = office.pay_in(bank, amount_fen, request_id or None)
    Speaker(as_json).result(
        {"bank": bank, "reserves_fen": reserves_fen},
        f"{bank} has reserves of {format_yuan(reserves_fen)} yuan",
    )


def issue(
    bank: Bank,
    amount: Amount,
    officer: Officer = "lin",
    request_id: RequestId = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Ask for reserves to become circulation; another officer approves."""
    _ask(bank, amount, issuance_pb2.DIRECTION_ISSUE, officer, request_id, folder, as_json)


def redeem(
    bank: Bank,
    amount: Amount,
    officer: Officer = "lin",
    request_id: RequestId = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Ask for circulation to become reserves again; another officer approves."""
    _ask(bank, amount, issuance_pb2.DIRECTION_REDEEM, officer, request_id, folder, as_json)


def approve(
    request_id: Annotated[str, typer.Argument(help="All that wait when left out.")] = "",
    officer: Officer = "mei",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Release one request, or all that wait."""
    speaker = Speaker(as_json)
    approved = []
    with CentralOffice(load(folder), officer) as office:
        wanted = [request_id] if request_id else [found.request_id for found in office.waiting()]
        for waiting in reversed(wanted):
            answer = office.approve(waiting)
            approved.append(
                {
                    **_request_fields(answer.request),
                    "reserves_fen": answer.reserves_fen,
                    "circulation_fen": answer.circulation_fen,
                }
            )
    speaker.result({"approved": approved})
    if not as_json:
        _show_requests(speaker, approved)


def reject(
    request_id: Annotated[str, typer.Argument(help="Which request.")],
    officer: Officer = "mei",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Turn a request down; what was set aside for it goes back to the bank's vault."""
    speaker = Speaker(as_json)
    with CentralOffice(load(folder), officer) as office:
        fields = _request_fields(office.reject(request_id))
    what = f"{fields['direction']} {format_yuan(int(fields['amount_fen']))} yuan"
    speaker.result(fields, f"rejected: {what} for {fields['bank']}")


def freeze(
    number: Number,
    cause: Cause = "ordered by an officer",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Freeze a wallet, at the desk of its bank."""
    plan = load(folder)
    with BankOffice(plan, _bank_of(plan, number, as_json)) as office:
        _say_status(number, office.freeze(number, cause), as_json)


def unfreeze(
    number: Number,
    cause: Cause = "ordered by an officer",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """End a freeze."""
    plan = load(folder)
    with BankOffice(plan, _bank_of(plan, number, as_json)) as office:
        _say_status(number, office.unfreeze(number, cause), as_json)


def suspend(
    bank: Bank, officer: Officer = "lin", folder: Folder = DEFAULT, as_json: Json = False
) -> None:
    """Cut a bank off from the central bank at once."""
    with CentralOffice(load(folder), officer) as office:
        _say_bank(office.suspend(bank), as_json)


def reinstate(
    bank: Bank, officer: Officer = "lin", folder: Folder = DEFAULT, as_json: Json = False
) -> None:
    """End a bank's suspension."""
    with CentralOffice(load(folder), officer) as office:
        _say_bank(office.reinstate(bank), as_json)


def _ask(
    bank: str,
    amount: str,
    direction: issuance_pb2.Direction,
    officer: str,
    request_id: str,
    folder: Folder,
    as_json: bool,
) -> None:
    amount_fen = parse_yuan(amount)
    with CentralOffice(load(folder), officer) as office:
        request = office.request(bank, direction, amount_fen, request_id or None)
    fields = _request_fields(request)
    Speaker(as_json).result(
        fields,
        f"asked to {fields['direction']} {format_yuan(amount_fen)} yuan for {bank}; "
        f"another officer releases it:\n  dcep approve {request.request_id} --as mei",
    )


def _request_fields(request: issuance_pb2.Request) -> dict[str, str | int]:
    directions = {issuance_pb2.DIRECTION_ISSUE: "issue", issuance_pb2.DIRECTION_REDEEM: "redeem"}
    state = issuance_pb2.RequestState.Name(request.state).removeprefix("REQUEST_STATE_")
    return {
        "request_id": request.request_id,
        "bank": request.bank,
        "direction": directions[request.direction],
        "amount_fen": request.amount_fen,
        "state": state.lower(),
        "maker": request.maker,
        "checker": request.checker,
    }


def _show_requests(speaker: Speaker, approved: list[dict[str, str | int]]) -> None:
    if not approved:
        speaker.say("nothing waits for approval")
        return
    for row in approved:
        maker, checker = _person(row["maker"]), _person(row["checker"])
        speaker.say(
            f"{row['direction']} {format_yuan(int(row['amount_fen']))} yuan for {row['bank']}: "
            f"asked by {maker}, approved by {checker}\n"
            f"  reserves now {format_yuan(int(row['reserves_fen']))}, "
            f"circulation {format_yuan(int(row['circulation_fen']))}"
        )


def _person(name: str | int) -> str:
    return str(name).rpartition("/")[2]


def _bank_of(plan: StackPlan, number: str, as_json: bool) -> str:
    check(number)
    for bank in plan.banks:
        if number.startswith(bank.prefix):
            return bank.name
    return Speaker(as_json).fail(EXIT_REFUSED, "BANK_UNKNOWN", f"no bank here has {number[:4]}…")


def _say_status(number: str, status: bank_pb2.WalletStatus, as_json: bool) -> None:
    name = bank_pb2.WalletStatus.Name(status).removeprefix("WALLET_STATUS_").lower()
    Speaker(as_json).result({"number": number, "status": name}, f"{number} is {name}")


def _say_bank(bank: authentication_pb2.Bank, as_json: bool) -> None:
    state = authentication_pb2.BankState.Name(bank.state).removeprefix("BANK_STATE_").lower()
    Speaker(as_json).result({"bank": bank.name, "state": state}, f"{escape(bank.name)} is {state}")
