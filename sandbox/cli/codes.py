"""``dcep sandbox codes``: the one-time codes that a sandbox's banks have sent to telephones."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from console.options import DEFAULT, Folder, Json
from console.output import EXIT_REFUSED, Output
from console.sheet import clock
from deployment.topology import StackPlan, load
from language import _

sandbox = typer.Typer(help="What only a sandbox has.", no_args_is_help=True)


class NoTelephones(Exception):
    """The bank's codes do not go to a sandbox's telephones."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(sandbox, name="sandbox")


@sandbox.callback()
def _only() -> None:
    """What only a sandbox has."""


@sandbox.command()
def codes(
    bank: Annotated[
        str, typer.Option("--bank", help="Only those of this bank; of all when left out.")
    ] = "",
    phone: Annotated[str, typer.Option("--phone", help="Only those to this telephone.")] = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show the one-time codes that banks have sent, the newest first: you are the telephone.

    Only for banks whose settings say identity_checks = "sandbox" and keys_in_files = true. No other
    bank writes codes anywhere.
    """
    plan, output = load(folder), Output(as_json)
    names = [plan.bank(bank).name] if bank else [each.name for each in plan.banks]
    sent: list[dict[str, Any]] = []
    without = []
    for name in names:
        try:
            sent += _sent(plan, name)
        except NoTelephones:
            without.append(name)
    if len(without) == len(names):
        output.fail(
            EXIT_REFUSED,
            "NO_TELEPHONES",
            _("{names}: this bank sends no codes to a sandbox's telephones").format(
                names=_(", ").join(without)
            ),
        )
    wanted = "".join(filter(str.isdigit, phone))
    shown = [each for each in sent if each["phone"].endswith(wanted)]
    shown.sort(key=lambda each: -each["time_ms"])
    output.entries(shown, _line, _("no code was sent"))


def _sent(plan: StackPlan, bank: str) -> list[dict[str, Any]]:
    """The codes that a bank has sent. Raises NoTelephones."""
    folder = plan.bank_folder(bank)
    settings = tomllib.loads((folder / "settings.toml").read_text(encoding="utf-8"))
    outbox = settings.get("identity_outbox", "")
    is_sandbox = settings.get("identity_checks") == "sandbox" and settings.get("keys_in_files")
    if not is_sandbox or not outbox:
        raise NoTelephones
    file = folder / Path(outbox)
    lines = file.read_text(encoding="ascii").splitlines() if file.exists() else []
    return [{"bank": bank, **json.loads(line)} for line in lines]


def _line(entry: dict[str, Any]) -> str:
    return _("{time}  {bank} to {phone}: {code}").format(
        time=clock(entry["time_ms"]),
        bank=entry["bank"],
        phone=entry["phone"],
        code=entry["code"],
    )
