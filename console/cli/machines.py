"""``dcep machines``: cash machines and tellers' desks, registered and revoked by two officers."""

from __future__ import annotations

from typing import Annotated

import typer
from nacl.signing import SigningKey

from console.cli.acts import propose
from console.clients import CAUSE
from console.options import DEFAULT, Anew, BankOfficer, Folder, Json, RequestId
from dcep.office.v1 import office_pb2
from deployment.topology import StackPlan, load
from language import _
from runtime.checks import public_key
from runtime.private import make_private, write_private

machines = typer.Typer(
    help="A bank's cash machines and tellers, whose receipts turn cash into digital currency.",
    no_args_is_help=True,
)
Bank = Annotated[str, typer.Argument(help="Name of a bank.")]
Name = Annotated[str, typer.Argument(help="The machine's name, like machine-2.")]
Cause = Annotated[str, typer.Option(help="Why, for the record.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(machines, name="machines")


@machines.command("register")
def register_machine(
    bank: Bank,
    name: Name,
    key: Annotated[
        str, typer.Option(help="Its public key, 64 hexadecimal digits; else a key is made here.")
    ] = "",
    officer: BankOfficer = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to accept a machine's receipts from now on; another officer of the bank approves."""
    plan = load(folder)
    its = public_key(_bytes(key), "key") if key else _own_key(plan, plan.bank(bank).name, name)
    kind = office_pb2.RegisterCashMachine(name=name, public_key=its)
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=plan.bank(bank).name)


@machines.command()
def revoke(
    bank: Bank,
    name: Name,
    officer: BankOfficer = "",
    cause: Cause = CAUSE,
    request_id: RequestId = "",
    anew: Anew = False,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Propose to accept a machine's receipts no longer; another officer of the bank approves."""
    plan, kind = load(folder), office_pb2.RevokeCashMachine(name=name)
    propose(plan, officer, kind, cause, request_id, anew, as_json, at=plan.bank(bank).name)


def _own_key(plan: StackPlan, bank: str, name: str) -> bytes:
    """The public key of a machine of this stack, whose key is made if it has none."""
    path = plan.cash_machine_key(bank, name)
    if not path.exists():
        make_private(path.parent)
        write_private(path, bytes(SigningKey.generate()))
    return bytes(SigningKey(path.read_bytes()).verify_key)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise typer.BadParameter(_("is not hexadecimal"), param_hint="--key") from None
