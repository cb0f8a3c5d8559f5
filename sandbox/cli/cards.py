"""``dcep card …``: a bank's counter gives out, tops up, blocks and replaces cards."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli.acts import propose
from console.options import DEFAULT, Anew, BankOfficer, Folder, Json, RequestId
from console.output import EXIT_USAGE, Output
from currency.amount import format_yuan, parse_yuan
from dcep.office.v1 import office_pb2
from deployment.topology import CASH_MACHINE, load
from language import _
from sandbox.counter import CounterCard, WalletRefused

cards = typer.Typer(
    help="Cards for people without a telephone: given out, topped up, blocked, replaced.",
    no_args_is_help=True,
)
Bank = Annotated[str, typer.Argument(help="Name of a bank.")]
Name = Annotated[str, typer.Argument(help="The name that is printed on the card.")]
Socket = Annotated[Path, typer.Option("--card", help="Where the card is touched: its socket.")]
Phone = Annotated[str, typer.Option(help="Any telephone that the holder can hear a code on.")]
HolderName = Annotated[str, typer.Option("--name", help="The holder's name, with a document.")]
Document = Annotated[str, typer.Option(help="The number of a document in the holder's name.")]
Code = Annotated[str, typer.Option(help="The code that came to the holder's telephone.")]
AMOUNTS = {"ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(cards, name="card")


@cards.command()
def issue(
    bank: Bank,
    name: Name,
    phone: Phone,
    holder: HolderName = "",
    document: Document = "",
    code: Code = "",
    limit: Annotated[str, typer.Option(help="Yuan that it is loaded to at most.")] = "1000",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Give out a card: the bank opens a wallet for it, whose home stays at the counter.

    A telephone alone gives class IV, with a document class III. The holder chooses the card's PIN
    when it is made, and types it when the card is topped up.
    """
    output, limit_fen = Output(as_json), parse_yuan(limit)
    with _told(output):
        card = CounterCard.named(load(folder), bank, name)
        opened = card.issue(_shown(phone, holder, document, code), limit_fen)
    _say_issued(output, card, opened, limit_fen)


@cards.command()
def show(bank: Bank, name: Name, folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """Show the wallet behind a card; what is on the card itself stands on its face."""
    output = Output(as_json)
    with _told(output):
        card = CounterCard.named(load(folder), bank, name)
        limit_fen, state = card.limit_fen(), card.state()
    fields = {**_fields(card, state), "limit_fen": limit_fen}
    said = _("card {name}, wallet {number} of class {wallet_class}: {yuan} yuan in the wallet")
    output.result(fields, said.format(yuan=format_yuan(fields["available_fen"]), **fields))


@cards.command("top-up", context_settings=AMOUNTS)
def top_up(
    bank: Bank,
    name: Name,
    socket: Socket,
    amount: Annotated[
        str, typer.Argument(help="Yuan in notes; what is in its wallet when left out.")
    ] = "",
    machine: Annotated[str, typer.Option(help="The teller's desk that takes the notes.")] = (
        CASH_MACHINE
    ),
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Take notes in and load them onto the card, whose holder types its PIN.

    If it was cut off, the same command goes on: notes are taken in once, and loaded once.
    """
    output = Output(as_json)
    with _told(output):
        card = CounterCard.named(load(folder), bank, name)
        fen = parse_yuan(amount) if amount else 0
        card.limit_fen()
        pin = _pin()
        held_fen = card.top_up(socket, fen, machine, pin) if amount else card.load(socket, pin)
    fields = {"name": name, "bank": bank, "amount_fen": fen, "card_fen": held_fen}
    output.result(fields, _("the card has {yuan} yuan").format(yuan=format_yuan(held_fen)))


@cards.command()
def block(
    bank: Bank,
    name: Name,
    cause: Annotated[str, typer.Option(help="Why, for the record; required.")],
    officer: BankOfficer = "",
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to block a card that was lost; another officer of the bank approves.

    Nobody with a newer trust bundle takes money of it then, and it is loaded no more. What nobody
    deposits comes back to its wallet 127 days after it was loaded.
    """
    plan, output = load(folder), Output(as_json)
    with _told(output):
        card = CounterCard.named(plan, bank, name)
        number = str(card.state()["number"])
    kind = office_pb2.BlockDevices(wallet_number=number)
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=card.bank)


@cards.command()
def replace(
    bank: Bank,
    name: Name,
    new: Annotated[str, typer.Argument(help="The name of the new card.")],
    phone: Phone = "",
    holder: HolderName = "",
    document: Document = "",
    code: Code = "",
    socket: Annotated[
        Path | None, typer.Option("--card", help="The old card, if it still answers.")
    ] = None,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Give out another card, and hand it what is in the wallet of the old one.

    With --card, what is on the old card is put into its wallet first. Again later, it hands over
    what has come back since.
    """
    output = Output(as_json)
    with _told(output):
        plan = load(folder)
        old, other = CounterCard.named(plan, bank, name), CounterCard.named(plan, bank, new)
        limit_fen = old.limit_fen()
        if not other.is_issued():
            if not phone:
                output.fail(
                    EXIT_USAGE,
                    "FIELD_MISSING",
                    _("say the holder's telephone: --phone"),
                    field="phone",
                )
            other.issue(_shown(phone, holder, document, code), limit_fen)
        if socket is not None:
            old.empty(socket)
        handed_fen = old.hand_over(other)
        state = other.state()
    fields = {**_fields(other, state), "handed_over_fen": handed_fen, "limit_fen": limit_fen}
    told = _("{yuan} yuan are in the wallet of card {name}; `dcep card top-up` loads them onto it")
    output.result(fields, told.format(yuan=format_yuan(fields["available_fen"]), name=new))


@contextmanager
def _told(output: Output) -> Iterator[None]:
    """Says in this command's words what the card's wallet has said."""
    try:
        yield
    except WalletRefused as refused:
        more = {
            k: v for k, v in refused.told.items() if k not in ("ok", "reason", "message", "next")
        }
        text = str(refused) or _("the card's wallet gave no answer")
        output.fail(refused.code, refused.reason, text, str(refused.told.get("next", "")), **more)


def _shown(phone: str, holder: str, document: str, code: str) -> list[str]:
    options = {"--phone": phone, "--name": holder, "--document": document, "--code": code}
    return [word for option, value in options.items() if value for word in (option, value)]


def _fields(card: CounterCard, state: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": card.name,
        "bank": card.bank,
        "number": state["number"],
        "wallet_class": state["wallet_class"],
        "available_fen": int(state["available_fen"]),
    }


def _pin() -> str:
    """The card's PIN, typed by its holder; "" where nobody can type."""
    given = os.environ.get("DCEP_CARD_PIN", "")
    if given or not sys.stdin.isatty():
        return given
    return str(typer.prompt(_("PIN of the card"), hide_input=True, err=True))


def _say_issued(output: Output, card: CounterCard, opened: dict[str, Any], limit_fen: int) -> None:
    fields = {"name": card.name, "bank": card.bank, "limit_fen": limit_fen}
    fields |= {name: opened[name] for name in ("number", "wallet_class")}
    told = _(
        "card {name}: wallet {number} of class {wallet_class}, at most {yuan} yuan on the card"
    )
    output.result(fields, told.format(yuan=format_yuan(limit_fen), **fields))
