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
from console.output import Speaker
from deployment.addresses import addresses
from deployment.topology import CENTRAL_BANK, load
from language import N_, _
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
    Speaker(as_json).result(addresses(plan), f"{where}\n{_(KEYS_IN_FILES)}")


def up(
    folder: Folder = DEFAULT,
    database_url: DatabaseUrl = "",
    banks: Banks = DEFAULT_BANK_NAMES,
    detach: Annotated[bool, typer.Option("--detach", help="Return once all are healthy.")] = False,
    as_json: Json = False,
) -> None:
    """Start the stack in a folder (made if need be); Ctrl-C stops what was started here."""
    speaker = Speaker(as_json)
    ended, wait = threading.Event(), threading.Event()

    def end(*_: int | FrameType | None) -> None:
        """The first Ctrl-C ends what is under way, a second one not what then stops it."""
        first = not ended.is_set()
        ended.set()
        if first and not wait.is_set():
            raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    stack = Stack(init(folder, banks.split(","), database_url))
    try:
        with speaker.console.status(_("starting")) as status:
            compile_first(stack.plan.folder, speaker.plain, status.update)
            status.update(_("starting"))
            stack.up()
    except KeyboardInterrupt:
        speaker.say(_("interrupted: what was started here is stopped again; the stack stands"))
        raise
    wait.set()
    speaker.result(addresses(stack.plan))
    if not as_json:
        _welcome(speaker, stack, detach)
    if detach and not ended.is_set():
        return
    look_after(stack, ended, speaker)
    speaker.say(_("stopping …"))
    stack.down(stack.started)
    left = Stack(load(folder)).running
    if left:
        speaker.say(
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
    Speaker(as_json).result({"ok": True, "stopped": stopped}, text)


def look_after(stack: Stack, ended: threading.Event, speaker: Speaker) -> None:
    """Wait for a signal; a service that ends by itself is started again, after a pause.

    The others go on. The pause doubles up to a bound, and is short again for a service that has
    run for a while. Whoever started a service: of several commands that look after one stack, one
    starts it again, and the others see it.
    """
    watch = Watch(stack.plan.folder / "logs")
    try:
        _look_after(stack, ended, speaker, watch)
    finally:
        watch.end()


def _look_after(stack: Stack, ended: threading.Event, speaker: Speaker, watch: Watch) -> None:
    due: dict[str, float] = {}
    pauses: dict[str, float] = {}
    started: dict[str, float] = {}
    while not ended.wait(WATCH_POLL_S):
        now = time.monotonic()
        for name in stack.attach():
            speaker.say(_("{name} was started by another command").format(name=name))
        for name, process in list(stack.running.items()):
            mine = watch.has(name)
            if process.alive():
                continue
            if stack.was_stopped(name):
                stack.forget(name)
                due.pop(name, None)
                speaker.say(_("{name} was stopped").format(name=name))
            elif not mine:
                stack.forget(name)
                speaker.say(_("{name} ended; another `dcep up` starts it again").format(name=name))
            elif name not in due:
                steady = name not in started or now - started[name] > STEADY_S
                pause = FIRST_PAUSE_S if steady else min(2 * pauses[name], LONGEST_PAUSE_S)
                pauses[name], due[name] = pause, now + pause
                last = escape("\n".join(process.log_tail().splitlines()[-1:]))
                speaker.say(
                    _("{name} ended; it is started again in {pause:.0f} s. {last}").format(
                        name=name, pause=pause, last=last
                    )
                )
            elif now >= due[name]:
                del due[name]
                started[name] = now
                theirs = name not in stack.started
                stack.start(name)
                if theirs:
                    stack.leave_running(name)
                speaker.say(_("{name} is started again").format(name=name))


def _welcome(speaker: Speaker, stack: Stack, detached: bool) -> None:
    plan = stack.plan
    table = Table(_("service"), _("address"), _("metrics"), box=None)
    metrics = plan.central_metrics_port
    table.add_row(CENTRAL_BANK, plan.central_address, f"http://127.0.0.1:{metrics}/metrics")
    for bank in plan.banks:
        where = f"http://127.0.0.1:{bank.metrics_port}/metrics"
        table.add_row(bank.name, bank.public_address, where)
    speaker.console.print(table)
    first = plan.banks[0]
    folder = escape(shlex.quote(str(plan.folder)))
    speaker.say(f"""
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
        speaker.say(_("It was running; `dcep down` stops it."))
    elif not stack.started:
        speaker.say(
            _(
                "It was running; what ends is started again while this goes on. Ctrl-C leaves it "
                "running, and `dcep down` stops it."
            )
        )
    elif detached:
        speaker.say(_("`dcep down` stops it."))
    elif len(stack.started) == len(stack.names):
        speaker.say(_("Ctrl-C stops everything."))
    else:
        speaker.say(
            _("Ctrl-C stops {names}; the others were running.").format(
                names=", ".join(sorted(stack.started))
            )
        )
