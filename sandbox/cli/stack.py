"""``dcep init``, ``up``, ``down``, ``restart``."""

from __future__ import annotations

import shlex
import signal
import threading
from types import FrameType
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from console.options import DEFAULT, DatabaseUrl, Folder, Json
from console.output import Output
from deployment.addresses import addresses
from deployment.topology import CENTRAL_BANK, load
from language import N_, _
from sandbox.compiled import compile_first
from sandbox.stack import watcher
from sandbox.stack.care import look_after
from sandbox.stack.supervisor import DEFAULT_BANKS, Stack, init

DEFAULT_BANK_NAMES = ",".join(DEFAULT_BANKS)
Banks = Annotated[
    str, typer.Option(help="Names of the banks, separated by commas; for a new stack only.")
]

KEYS_IN_FILES = N_(
    "every key lies in a file there (keys_in_files = true): a sandbox, not for real money"
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("init")(init_command)
    app.command("up")(up)
    app.command("down")(down)
    app.command("restart")(restart)


def init_command(
    folder: Folder = DEFAULT,
    database_url: DatabaseUrl = "",
    banks: Banks = DEFAULT_BANK_NAMES,
    as_json: Json = False,
) -> None:
    """Make the root, certificates, keys, databases and settings of a new stack; start nothing."""
    plan = init(folder, banks.split(","), database_url)
    where = _("stack in {folder}").format(folder=escape(str(plan.folder)))
    Output(as_json).result(addresses(plan), f"{where}\n{_(KEYS_IN_FILES)}")


def up(
    folder: Folder = DEFAULT,
    database_url: DatabaseUrl = "",
    banks: Banks = DEFAULT_BANK_NAMES,
    detach: Annotated[
        bool,
        typer.Option(
            "--detach",
            help="Return once all are healthy; what ends is started again until `dcep down`.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Start the stack in a folder, made if necessary; Ctrl-C stops what was started here."""
    output = Output(as_json)
    ended, wait = threading.Event(), threading.Event()

    def end(*_: int | FrameType | None) -> None:
        """The first Ctrl-C interrupts what is under way; a second does not interrupt the stop."""
        first = not ended.is_set()
        ended.set()
        if first and not wait.is_set():
            raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    stack = Stack(init(folder, banks.split(","), database_url))
    try:
        with output.console.status(_("starting")) as status:
            compile_first(stack.plan.folder, output.plain, status.update)
            status.update(_("starting"))
            stack.up()
    except KeyboardInterrupt:
        output.say(_("interrupted: what was started here is stopped again; the stack stands"))
        raise
    wait.set()
    if detach:
        watcher.start(stack.plan)
    output.result(addresses(stack.plan))
    if not as_json:
        _welcome(output, stack, detach)
    if detach and not ended.is_set():
        return
    look_after(stack, ended, output.plain)
    output.say(_("stopping …"))
    stack.down(stack.started)
    left = Stack(load(folder)).running
    if left:
        output.say(
            _("left running, as others started it: {names}; `dcep down` stops it").format(
                names=", ".join(left)
            )
        )


def down(folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """Drain and stop every service of the stack."""
    watcher.stop(load(folder))
    stopped = Stack(load(folder)).down()
    text = (
        _("stopped {names}").format(names=", ".join(stopped))
        if stopped
        else _("nothing was running")
    )
    Output(as_json).result({"ok": True, "stopped": stopped}, text)


def restart(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Without any: all that run.")
    ] = None,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Stop services and start them again, one after the other, as for an upgrade."""
    output = Output(as_json)
    stack = Stack(load(folder))
    wanted = names or [name for name in stack.names if name in stack.plan.pids]
    for name in wanted:
        if name not in stack.names:
            known = ", ".join(stack.names)
            raise typer.BadParameter(
                _("{name} is no service of this stack; there are {known}").format(
                    name=name, known=known
                )
            )
    with output.console.status(_("starting")) as status:
        compile_first(stack.plan.folder, output.plain, status.update)
        for name in wanted:
            status.update(_("{name} is started again").format(name=name))
            stack.restart(name)
    text = _("started again: {names}").format(names=", ".join(wanted))
    output.result({"ok": True, "restarted": wanted}, text)


def _welcome(output: Output, stack: Stack, detached: bool) -> None:
    plan = stack.plan
    table = Table(_("service"), _("address"), _("metrics"), box=None)
    metrics = plan.central_metrics_port
    table.add_row(CENTRAL_BANK, plan.central_address, f"http://127.0.0.1:{metrics}/metrics")
    for bank in plan.banks:
        where = f"http://127.0.0.1:{bank.metrics_port}/metrics"
        table.add_row(bank.name, bank.public_address, where)
    output.console.print(table)
    first = plan.banks[0]
    folder = escape(shlex.quote(str(plan.folder)))
    output.say(f"""
{_("What to try next, in another terminal:")}
  [bold]export DCEP_STACK={folder}[/]
  dcep reserves {first.name} 1000000 --as lin  [dim]# {_("one officer proposes")}[/]
  dcep approve --all --amount 1000000 --as mei  [dim]# {_("another one repeats the amount")}[/]
  dcep issue {first.name} 500000 --as lin
  dcep approve --all --amount 500000 --as mei
  wallet open --bank {first.name} --name Alice --home alice
  wallet topup 100.00 --home alice
  wallet show --home alice
  dcep audit
""")
    if detached:
        output.say(_("What ends is started again; `dcep down` stops everything."))
    elif not stack.started:
        output.say(
            _(
                "It was running; what ends is started again while this goes on. Ctrl-C leaves it "
                "running, and `dcep down` stops it."
            )
        )
    elif len(stack.started) == len(stack.names):
        output.say(_("Ctrl-C stops everything."))
    else:
        output.say(
            _("Ctrl-C stops {names}; the others were running.").format(
                names=", ".join(sorted(stack.started))
            )
        )
