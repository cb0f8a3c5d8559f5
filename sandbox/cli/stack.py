"""``dcep init``, ``up``, ``down``."""

from __future__ import annotations

import shlex
import signal
import threading
import time
from types import FrameType
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from console.options import DEFAULT, DatabaseUrl, Folder, Json
from console.output import Output
from deployment.addresses import addresses
from deployment.another_stack import AnotherStack
from deployment.processes import Running
from deployment.topology import CENTRAL_BANK, load
from language import N_, _
from runtime.output import reason_of
from sandbox.compiled import compile_first
from sandbox.limits import FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_S, WATCH_POLL_S
from sandbox.stack.supervisor import DEFAULT_BANKS, Stack, init
from sandbox.stack.watch import Watch

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
    detach: Annotated[bool, typer.Option("--detach", help="Return once all are healthy.")] = False,
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
    output.result(addresses(stack.plan))
    if not as_json:
        _welcome(output, stack, detach)
    if detach and not ended.is_set():
        return
    look_after(stack, ended, output)
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
    stopped = Stack(load(folder)).down()
    text = (
        _("stopped {names}").format(names=", ".join(stopped))
        if stopped
        else _("nothing was running")
    )
    Output(as_json).result({"ok": True, "stopped": stopped}, text)


def look_after(stack: Stack, ended: threading.Event, output: Output) -> None:
    """Wait for a signal; a service that ends by itself is started again, after a pause.

    The others go on. The pause doubles up to a bound, and is short again for a service that has
    run for a while. Whoever started a service: of several commands that look after one stack, one
    starts it again, and the others see it.
    """
    care = _Care(stack, output)
    try:
        while not ended.wait(WATCH_POLL_S):
            care.look()
    finally:
        care.watch.end()


class _Care:
    """Restarts the services of a stack that one command looks after."""

    def __init__(self, stack: Stack, output: Output) -> None:
        self.watch = Watch(stack.plan.folder / "logs")
        self._stack = stack
        self._say = output.say
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._tried: dict[str, float] = {}
        self._left: set[str] = set()
        """Services that are down and that another command has the right to start."""

    def look(self) -> None:
        """Looks at each service once."""
        for name in self._stack.attach():
            self._settled(name)
            self._say(_("{name} was started by another command").format(name=name))
        for name, process in list(self._stack.running.items()):
            mine = self.watch.has(name)
            if not process.alive():
                self._is_down(name, process, mine)

    def _is_down(self, name: str, process: Running, mine: bool) -> None:
        if self._stack.was_stopped(name):
            self._stack.forget(name)
            self._settled(name)
            self._say(_("{name} was stopped").format(name=name))
        elif not mine:
            # It stays known: who has the right may end before it starts it.
            if name not in self._left:
                self._left.add(name)
                said = _("{name} ended; another `dcep up` starts it again")
                self._say(said.format(name=name))
        elif name not in self._due:
            pause = self._pause(name)
            last = escape("\n".join(process.log_tail().splitlines()[-1:]))
            self._say(
                _("{name} ended; it is started again in {pause:.0f} s. {last}").format(
                    name=name, pause=pause, last=last
                )
            )
        elif time.monotonic() >= self._due[name]:
            self._start(name)

    def _start(self, name: str) -> None:
        self._tried[name] = time.monotonic()
        theirs = name not in self._stack.started
        try:
            self._stack.start(name)
        except (AnotherStack, OSError) as cause:
            pause = self._pause(name)
            self._say(
                _("{name} is not started; it is tried again in {pause:.0f} s. {cause}").format(
                    name=name, pause=pause, cause=escape(reason_of(cause))
                )
            )
            return
        self._settled(name)
        if name not in self._stack.started:
            self._say(_("{name} was started by another command").format(name=name))
            return
        if theirs:
            self._stack.leave_running(name)
        self._say(_("{name} is started again").format(name=name))

    def _pause(self, name: str) -> float:
        """The pause before a service's next start: short, but longer if the last was just now."""
        now = time.monotonic()
        steady = name not in self._tried or now - self._tried[name] > STEADY_S
        pause = FIRST_PAUSE_S if steady else min(2 * self._pauses[name], LONGEST_PAUSE_S)
        self._pauses[name], self._due[name] = pause, now + pause
        return pause

    def _settled(self, name: str) -> None:
        self._due.pop(name, None)
        self._left.discard(name)


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
    if not stack.started and detached:
        output.say(_("It was running; `dcep down` stops it."))
    elif not stack.started:
        output.say(
            _(
                "It was running; what ends is started again while this goes on. Ctrl-C leaves it "
                "running, and `dcep down` stops it."
            )
        )
    elif detached:
        output.say(_("`dcep down` stops it."))
    elif len(stack.started) == len(stack.names):
        output.say(_("Ctrl-C stops everything."))
    else:
        output.say(
            _("Ctrl-C stops {names}; the others were running.").format(
                names=", ".join(sorted(stack.started))
            )
        )
