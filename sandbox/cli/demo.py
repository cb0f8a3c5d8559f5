"""``dcep demo``: a whole currency, alive, from reserves to the proof."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.rule import Rule

from console.options import DatabaseUrl, Json
from console.output import EXIT_NO_ANSWER, EXIT_REFUSED, Output
from deployment.topology import StackPlan
from language import _
from runtime.command_line import typed_folder


class Story(StrEnum):
    """What is told."""

    CURRENCY = "currency"
    PEOPLE = "people"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    database_url: DatabaseUrl = "",
    keep: Annotated[
        Path | None,
        typer.Option(
            help="A new folder to keep the stack in; else it is removed.",
            parser=typed_folder,
            metavar="<path>",
        ),
    ] = None,
    story: Annotated[
        Story,
        typer.Option(
            help="currency: from reserves to the proof; people: a family, a shop and an employer, "
            "and what they do with their wallets."
        ),
    ] = Story.CURRENCY,
    as_json: Json = False,
) -> None:
    """Watch a digital currency live: issue, pay, crash, pay offline, redeem, and the proof."""
    from auditor.audit import AuditImpossible
    from deployment.databases import drop_databases
    from sandbox.cli.audit import show
    from sandbox.compiled import compile_first
    from sandbox.demo.environment import StoryFailed, System
    from sandbox.demo.people import people
    from sandbox.demo.scenario import STEPS, audited
    from sandbox.stack.supervisor import Stack, init

    output = Output(as_json)
    started = time.monotonic()
    with _folder(keep, output) as folder:
        _title(output, 0, _("Trust: root, certificates, keys, databases, settings"))
        stack = Stack(init(folder / "stack", database_server=database_url))
        output.say(_("  in {folder}").format(folder=escape(str(stack.plan.folder))))
        system = System(stack, folder / "wallets")
        steps = people(system) if story is Story.PEOPLE else STEPS
        try:
            with system:
                with output.console.status(_("starting")) as status:
                    compile_first(stack.plan.folder, output.plain, status.update)
                    status.update(_("starting"))
                    stack.up()
                _addresses(output, stack.plan)
                for number, step in enumerate(steps, 1):
                    _title(output, number, _(step.label))
                    step.tell(system, lambda text: output.say(f"  {text}"))
                _title(output, len(steps) + 1, _("The proof"))
                audit = audited(system)
        except StoryFailed as failed:
            output.fail(EXIT_REFUSED, "STORY_FAILED", str(failed))
        except AuditImpossible as cause:
            output.fail(EXIT_NO_ANSWER, "DATABASE_UNREADABLE", str(cause))
        finally:
            if keep is None:
                drop_databases(system.database_urls)
    seconds = round(time.monotonic() - started, 1)
    output.result({**audit.as_fields(), "steps": len(steps) + 1, "seconds": seconds})
    if not as_json:
        show(output, audit.as_fields())
        output.say(_("[dim]{seconds:.0f} s, everything stopped again[/]").format(seconds=seconds))


@contextmanager
def _folder(keep: Path | None, output: Output) -> Iterator[Path]:
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            output.fail(
                2,
                "FOLDER_IN_USE",
                _("{keep} is not empty; the demo wants a new folder").format(keep=keep),
            )
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    made = Path(tempfile.mkdtemp(prefix="dcep-demo-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def _addresses(output: Output, plan: StackPlan) -> None:
    output.say(
        _("  central-bank  {central_address}  pid {central_bank}").format(
            central_address=plan.central_address, central_bank=plan.pids["central-bank"]
        )
    )
    for bank in plan.banks:
        output.say(
            _("  {bank:<12}  {public_address}  pid {pids}, admitted by its certificate").format(
                bank=bank.name, public_address=bank.public_address, pids=plan.pids[bank.name]
            )
        )


def _title(output: Output, number: int, label: str) -> None:
    if output.as_json:
        output.say(f"{number} {label}")
        return
    output.console.print(Rule(f"[bold]{number}  {label}[/]", align="left", style="dim"))
