"""``dcep cash``: the bank's cash machine takes notes in and shows its receipt."""

from __future__ import annotations

import base64
from typing import Annotated

import typer

from currency.amount import format_yuan, parse_yuan
from currency.number import typed
from sandbox.cash_machine import CashMachine
from sandbox.options import DEFAULT, Anew, Folder, Json
from sandbox.plan import CASH_MACHINE, load
from sandbox.unheard import unheard
from sandbox.words import Speaker


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="cash")(cash)


def cash(
    bank: Annotated[str, typer.Argument(help="Whose machine.")],
    number: Annotated[str, typer.Argument(help="The wallet's number.")],
    amount: Annotated[str, typer.Argument(help="Yuan in notes and coins, like 100.00")],
    machine: Annotated[str, typer.Option(help="Which machine of the bank.")] = CASH_MACHINE,
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Put cash into a bank's machine; the receipt goes into ``wallet topup AMOUNT --receipt``."""
    amount_fen = parse_yuan(amount)
    plan = load(folder)
    plan.bank(bank)
    number = typed(number)
    wish = f"cash\0{bank}\0{machine}\0{number}\0{amount_fen}".encode()
    with unheard(plan.unheard_folder, wish, anew=anew) as kept:
        if not kept.content:
            kept.keep(
                CashMachine.of(plan, bank, machine).receipt(number, amount_fen).SerializeToString()
            )
        text = base64.urlsafe_b64encode(kept.content).decode()
        fields = {"ok": True, "bank": bank, "number": number, "amount_fen": amount_fen}
        said = f"{format_yuan(amount_fen)} yuan taken in for {number}. Receipt:\n{text}"
        Speaker(as_json).result({**fields, "receipt": text}, said)
        kept.heard()
