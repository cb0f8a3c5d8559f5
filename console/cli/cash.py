"""``dcep cash`` and ``dcep tray``: a bank's cash machine takes notes in, and gives them out."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Annotated

import typer

from console.cash_machine import CashMachine
from console.options import DEFAULT, Anew, Folder, Json
from console.output import EXIT_USAGE, Output
from console.tray import READY, Tray
from console.unheard import unheard
from currency.amount import format_yuan, parse_yuan
from currency.number import typed
from deployment.topology import CASH_MACHINE, load
from language import _

Machine = Annotated[str, typer.Option(help="Which machine of the bank.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="cash")(cash)
    app.command(name="tray")(tray)


def cash(
    bank: Annotated[str, typer.Argument(help="The bank of the machine.")],
    number: Annotated[str, typer.Argument(help="The wallet's number.")],
    amount: Annotated[str, typer.Argument(help="Yuan in notes and coins, like 100.00")],
    out: Annotated[bool, typer.Option("--out", help="Take cash out.")] = False,
    machine: Machine = CASH_MACHINE,
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Put cash into a bank's machine, or have it count some out; it shows a receipt.

    In: for ``wallet topup AMOUNT --receipt``. Out: for ``wallet cashout AMOUNT --receipt``, within
    15 minutes; then ``dcep tray`` has the machine give the notes.
    """
    amount_fen = parse_yuan(amount)
    plan = load(folder)
    prefix = plan.bank(bank).prefix
    number = typed(number)
    if not number.startswith(prefix):
        # Its own bank does not know this machine: the notes would be for nobody.
        Output(as_json).fail(
            EXIT_USAGE,
            "FIELD_INVALID",
            _(
                "{number} is no wallet of {bank}, so no notes are taken in or counted out for it; "
                "go to a machine of its own bank"
            ).format(number=number, bank=bank),
            field="number",
        )
    way = "out" if out else "in"
    wish = f"cash {way}\0{bank}\0{machine}\0{number}\0{amount_fen}".encode()
    with unheard(plan.unheard_folder, wish, anew=anew) as kept:
        if not kept.content:
            its = CashMachine.of(plan, bank, machine)
            receipt = (
                its.ready(number, amount_fen, Tray(plan.tray_folder(bank, machine)))
                if out
                else its.receipt(number, amount_fen)
            )
            kept.keep(receipt.SerializeToString())
        text = base64.urlsafe_b64encode(kept.content).decode()
        fields = {"ok": True, "bank": bank, "number": number, "amount_fen": amount_fen}
        done = _("counted out") if out else _("taken in")
        said = _("{yuan} yuan {done} for {number}. Receipt:\n{text}").format(
            yuan=format_yuan(amount_fen), done=done, number=number, text=text
        )
        Output(as_json).result({**fields, "receipt": text}, said)
        kept.heard()


def tray(
    bank: Annotated[str, typer.Argument(help="The bank of the machine.")],
    give_up: Annotated[
        bool, typer.Option("--give-up", help="Take back now notes that no order has taken.")
    ] = False,
    machine: Machine = CASH_MACHINE,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Have a machine ask its bank about the notes in its tray, and give or take back the notes."""
    plan = load(folder)
    plan.bank(bank)
    notes = Tray(plan.tray_folder(bank, machine))
    settled = CashMachine.of(plan, bank, machine).settle(plan, notes, give_up=give_up)
    output = Output(as_json)
    output.result({"ok": True, "notes": [asdict(one) for one in settled]})
    for one in settled if not as_json else ():
        state = _("waits for an order") if one.state == READY else _(one.state)
        output.say(
            _("{yuan} yuan for {wallet_number}: {state}").format(
                yuan=format_yuan(one.amount_fen), wallet_number=one.wallet_number, state=state
            )
        )
    if not settled and not as_json:
        output.say(_("nothing lies in the tray"))
