"""``dcep replay``: a file of payments through the banks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from console.options import DEFAULT, DatabaseUrl, Folder, Json
from console.output import EXIT_NO_ANSWER, EXIT_REFUSED, EXIT_USAGE, Output
from currency.amount import parse_yuan
from language import _
from sandbox.limits import MAX_ITEMS_PER_CALL, REPLAY_ITEMS_PER_CALL

if TYPE_CHECKING:
    from auditor.audit import StackAudit
    from deployment.topology import StackPlan
    from sandbox.replay.reader import Columns, Payments
    from sandbox.replay.run import Funding, ReplayResult, Reporter
    from sandbox.stack.supervisor import Stack

Column = Annotated[str, typer.Option(help="Name of a column in the file's header.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="CSV, plain or gzipped.")],
    source: Column = "source",
    target: Column = "target",
    value: Column = "value",
    time_column: Annotated[str, typer.Option("--time", help="Name of the time column.")] = "time",
    balances: Annotated[
        Path | None, typer.Option(help="CSV with what each party starts with.")
    ] = None,
    balance_party: Column = "party",
    balance_value: Column = "balance",
    amount: Annotated[
        str, typer.Option(help="Yuan for every party that the balances do not name.")
    ] = "1000.00",
    items_per_call: Annotated[
        int, typer.Option(min=1, max=MAX_ITEMS_PER_CALL, help="Payments in one round of calls.")
    ] = REPLAY_ITEMS_PER_CALL,
    folder: Folder = DEFAULT,
    database_url: DatabaseUrl = "",
    as_json: Json = False,
) -> None:
    """Replay a file of payments through the running stack, or through one made for it.

    Opens a wallet for each party, spread over the banks, funds it, and sends every payment in order
    of time, signed by its payer. Then says what was accepted and refused, and audits.
    """
    from sandbox.replay.reader import Columns
    from sandbox.replay.run import Funding

    output = Output(as_json)
    flat_fen = 0 if amount in ("0", "0.00") else parse_yuan(amount)
    columns = Columns(source, target, value, time_column)
    payments, known = _read(output, file, columns, balances, (balance_party, balance_value))
    with _stack(folder, database_url, output) as stack, _bars(output) as reporter:
        funding = Funding(flat_fen, known)
        result = _run(output, stack.plan, payments, funding, items_per_call, reporter)
        audit = _audit(output, stack.plan)
    fields = {**result.as_fields(), "audit_ok": audit.ok, "problems": audit.problems}
    output.result(fields)
    if not as_json:
        _show(output, fields)
    raise typer.Exit(0 if audit.ok else EXIT_REFUSED)


def _read(
    output: Output, file: Path, columns: Columns, balances: Path | None, names: tuple[str, str]
) -> tuple[Payments, dict[str, int]]:
    """The payments, and what parties start with, in fen. `names`: the columns of the balances."""
    from sandbox.replay.reader import FileRefused, read_balances, read_payments

    try:
        payments = read_payments(file, columns)
        known = read_balances(balances, *names) if balances else {}
    except FileRefused as cause:
        output.fail(EXIT_USAGE, "FILE_REFUSED", str(cause))
    if not payments.parties:
        nothing = _("{file} has a header and no payments: there is nothing to replay")
        output.fail(EXIT_USAGE, "FILE_REFUSED", nothing.format(file=file))
    return payments, known


def _run(
    output: Output,
    plan: StackPlan,
    payments: Payments,
    funding: Funding,
    items_per_call: int,
    reporter: Reporter,
) -> ReplayResult:
    """Sends the payments through the banks of a stack that runs."""
    from console.clients import issue
    from sandbox.replay.grpc_peer import GrpcBankPeer
    from sandbox.replay.run import replay as run
    from sandbox.replay.sender import NotEnded

    peers = [GrpcBankPeer(plan, bank.name) for bank in plan.banks]
    try:
        return run(
            peers,
            payments,
            funding,
            lambda bank, amount_fen: issue(plan, bank, amount_fen),
            lambda: time.time_ns() // 1_000_000,
            items_per_call,
            reporter,
        )
    except NotEnded as cause:
        output.fail(EXIT_REFUSED, "NOT_ENDED", str(cause))
    finally:
        for peer in peers:
            peer.close()


def _audit(output: Output, plan: StackPlan) -> StackAudit:
    from auditor.audit import AuditImpossible, audit_stack
    from auditor.signatures.stack import SignaturesAsked

    try:
        return audit_stack(plan, SignaturesAsked())
    except AuditImpossible as cause:
        output.fail(EXIT_NO_ANSWER, "DATABASE_UNREADABLE", str(cause))


@contextmanager
def _stack(folder: Path, database_url: str, output: Output) -> Iterator[Stack]:
    """The stack in the folder if it runs; else one of its own, which is deleted afterwards."""
    from deployment.databases import drop_databases
    from deployment.topology import load
    from sandbox.compiled import compile_first
    from sandbox.stack.supervisor import DEFAULT_BANKS, Stack, init

    if (folder / "stack.json").exists():
        found = Stack(load(folder))
        if set(found.running) == set(found.names):
            yield found
            return
    with tempfile.TemporaryDirectory(prefix="dcep-replay-") as temporary:
        output.say(
            _("no stack runs in {folder}; starting one for this replay").format(folder=folder)
        )
        stack = Stack(init(Path(temporary) / "stack", DEFAULT_BANKS, database_url))
        try:
            compile_first(stack.plan.folder, output.plain, lambda _done: None)
            stack.up()
            yield stack
        finally:
            stack.down()
            if database_url:
                drop_databases(stack.plan.database_urls)


class _Bars:
    """Reports a replay as progress bars, one after the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, what: str, total: int) -> None:
        """Begins a new bar."""
        self._task = self._progress.add_task(what, total=total)

    def advance(self, count: int) -> None:
        """Moves the newest bar."""
        if self._task is not None:
            self._progress.advance(self._task, count)


@contextmanager
def _bars(output: Output) -> Iterator[_Bars]:
    columns = (
        TextColumn("{task.description}", justify="right"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=output.console) as progress:
        yield _Bars(progress)


def _show(output: Output, fields: dict[str, Any]) -> None:
    output.say(
        _(
            "[bold]{accepted:,}[/] of {payments:,} payments accepted among {wallets:,} wallets "
            "in {seconds:.1f} s: [bold]{payments_per_s:,.0f} payments/s[/]"
        ).format(
            accepted=fields["accepted"],
            payments=fields["payments"],
            wallets=fields["wallets"],
            seconds=fields["seconds"],
            payments_per_s=fields["payments_per_s"],
        )
    )
    for reason, count in fields["refused"].items():
        output.say(_("  {count:>9,} refused: {reason}").format(count=count, reason=reason))
    for reason, count in fields["unfunded"].items():
        output.say(
            _("  {count:>9,} wallets not funded: {reason}").format(count=count, reason=reason)
        )
    mark = _("[bold green]audit ok[/]") if fields["audit_ok"] else _("[bold red]audit FAILED[/]")
    output.say(mark)
    for problem in fields["problems"]:
        output.say(f"[red]✗ {problem}[/]")
