"""``dcep bank add``: a bank more for a stack that is there, while the others go on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from console.options import DEFAULT, DatabaseUrl, Folder, Json
from console.output import EXIT_USAGE, Output
from deployment.topology import CENTRAL_BANK, load
from language import _
from sandbox.stack.joining import PortTaken, Wanted, join
from sandbox.stack.supervisor import Stack

Port = Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 for a free one.")]
bank = typer.Typer(help="Add banks to a stack.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bank, name="bank")


@bank.callback()
def _only() -> None:
    """Add banks to a stack."""


@bank.command()
def add(
    name: Annotated[str, typer.Argument(help="2 to 16 small letters, digits and hyphens.")],
    prefix: Annotated[
        str, typer.Option(help="The first four digits of its wallets; else the next free ones.")
    ] = "",
    public_port: Port = 0,
    inner_port: Port = 0,
    metrics_port: Port = 0,
    database_url: DatabaseUrl = "",
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Add a bank: folder, keys and ports; two officers admit it, and it is started.

    If the central bank does not run, `dcep up` does the last two. If this is interrupted, the same
    command goes on, and nothing half-made is left.
    """
    output = Output(as_json)
    wanted = Wanted(public_port, inner_port, metrics_port, prefix, database_url)
    try:
        plan = join(load(folder), name, wanted)
    except PortTaken as taken:
        output.fail(EXIT_USAGE, "PORT_TAKEN", str(taken))
    stack = Stack(plan)
    made = plan.bank(name)
    runs = CENTRAL_BANK in stack.running or stack.healthy(CENTRAL_BANK)
    if runs:
        with output.console.status(_("{name} is admitted and started").format(name=name)):
            stack.admit_banks()
            stack.start(name)
            stack.await_healthy(name)
            stack.await_policy(name)
    fields: dict[str, Any] = {
        "bank": name,
        "prefix": made.prefix,
        "public": made.public_address,
        "inner": made.inner_address,
        "metrics_port": made.metrics_port,
        "officers": list(made.officers),
        "running": runs,
    }
    output.result(fields)
    if as_json:
        return
    output.plain(
        _(
            "{name}: wallets {prefix}…, public port {public_address}, inner port "
            "{inner_address}; officers {names}"
        ).format(
            name=name,
            prefix=made.prefix,
            public_address=made.public_address,
            inner_address=made.inner_address,
            names=_(" and ").join(made.officers),
        )
    )
    if runs:
        output.plain(_("admitted by two officers of the central bank, and serving"))
        output.plain(_("for money: dcep reserves {name} 1000000 --as lin").format(name=name))
    else:
        output.plain(_("the central bank does not run: `dcep up` has it admitted and starts it"))
