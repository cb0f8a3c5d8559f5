"""``dcep policy``: the limits of a bank's wallet classes, shown, and set by two of its officers."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from console.act_texts import LIMITS, ROMAN, class_in_words
from console.cli.acts import propose
from console.clients import CAUSE, BankOfficerClient
from console.options import DEFAULT, Anew, BankOfficer, Folder, Json
from console.output import EXIT_USAGE, Output
from dcep.office.v1 import office_pb2
from deployment.topology import load
from language import _
from runtime.output import reason_of

Bank = Annotated[str, typer.Argument(help="Name of a bank.")]
policy = typer.Typer(help="Limits of a bank's wallet classes.", no_args_is_help=True)
_CLASSES = {f"class_{roman}": number for number, roman in ROMAN.items()}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(policy, name="policy")


@policy.command()
def show(bank: Bank, folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """Show the limits that hold at a bank now."""
    plan, output = load(folder), Output(as_json)
    with BankOfficerClient(plan, plan.bank(bank).name) as office:
        classes = office.policy()
    output.result({"bank": bank, "classes": [_fields(limits) for limits in classes]})
    for limits in classes if not as_json else ():
        output.say(class_in_words(limits))
    if not classes:
        output.say(_("no wallet class has a limit"))


@policy.command("set")
def set_command(
    bank: Bank,
    file: Annotated[Path, typer.Argument(help="All limits, like policy.toml in a bank's folder.")],
    officer: BankOfficer = "",
    cause: Annotated[str, typer.Option(help="Why, for the record.")] = CAUSE,
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose the limits of all wallet classes; another officer of the bank approves.

    What the file does not name has no limit. The limits hold at once, and take money from nobody.
    """
    plan, output = load(folder), Output(as_json)
    at = plan.bank(bank).name
    try:
        kind = _read(file)
    except (OSError, ValueError) as wrong:
        output.fail(EXIT_USAGE, "POLICY_FILE", f"{file}: {reason_of(wrong)}")
    propose(plan, officer, kind, cause, "", anew, as_json, at=at)


def _read(file: Path) -> office_pb2.SetPolicy:
    """Reads the limits in a file; raises OSError, or ValueError saying what is wrong."""
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    found = []
    for name, limits in sorted(content.items()):
        if name not in _CLASSES or not isinstance(limits, dict):
            raise ValueError(f"{name!r} is no wallet class; known: {', '.join(_CLASSES)}")
        for limit, fen in limits.items():
            if limit not in LIMITS:
                raise ValueError(f"{limit!r} in {name} is no limit; known: {', '.join(LIMITS)}")
            if type(fen) is not int or not 0 < fen < 2**63:
                raise ValueError(f"{limit} in {name} is a number of fen, at least 1")
        found.append(office_pb2.ClassLimits(wallet_class=_CLASSES[name], **limits))
    return office_pb2.SetPolicy(classes=found)


def _fields(limits: office_pb2.ClassLimits) -> dict[str, Any]:
    """The fields of a class for a program, with only the limits that it has."""
    found: dict[str, Any] = {"wallet_class": ROMAN[limits.wallet_class]}
    return found | {name: getattr(limits, name) for name in LIMITS if getattr(limits, name)}
