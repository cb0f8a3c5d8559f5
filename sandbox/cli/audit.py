"""``dcep audit``: the three equations and every chain, from the databases alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from console.options import DEFAULT, Folder, Json
from console.output import EXIT_NO_ANSWER, Output
from currency.amount import format_yuan
from deployment.topology import load
from language import N_, _


class Which(StrEnum):
    """The same as `auditor.signatures.verifying.Signatures`, which takes long to import."""

    ALL = "all"
    SAMPLE = "sample"
    NONE = "none"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    folder: Folder = DEFAULT,
    signatures: Annotated[
        Which | None,
        typer.Option(
            help="Which ones to verify; all up to a million records, else a random sample."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The seed of the sample, to draw the same one again.", min=0)
    ] = None,
    as_json: Json = False,
) -> None:
    """Prove the three equations, all hash chains, and that each movement was signed for.

    With exit code 1 it names what was changed by hand, and what nobody ordered.
    """
    from auditor.audit import AuditImpossible, audit_stack
    from auditor.signatures.stack import SignaturesAsked
    from auditor.signatures.verifying import Signatures

    output = Output(as_json)
    wanted = Signatures(signatures.value) if signatures is not None else None
    try:
        with _counting(output, as_json) as progress:
            found = audit_stack(load(folder), SignaturesAsked(wanted, seed, progress))
    except AuditImpossible as cause:
        output.fail(EXIT_NO_ANSWER, "DATABASE_UNREADABLE", str(cause))
    output.result(found.as_fields())
    if not as_json:
        show(output, found.as_fields())
    raise typer.Exit(0 if found.ok else 1)


@contextmanager
def _counting(output: Output, as_json: bool) -> Iterator[Callable[[int], None]]:
    """Shows on a terminal how many signatures have been verified."""
    if as_json or not output.console.is_terminal:
        yield lambda _: None
        return
    with Progress(
        TextColumn(_("signatures verified")),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=output.console,
        transient=True,
    ) as bar:
        task = bar.add_task("signatures", total=None)
        yield lambda count: bar.advance(task, count)


def show(output: Output, fields: dict[str, object]) -> None:
    """Print the sums and the verdict for people; ``fields`` as the JSON has them."""
    console = output.console
    _show_central_bank(console, fields)
    _show_banks(console, fields)
    _show_tokens(console, fields)
    _show_journals(console, fields)
    console.print(_signatures(fields))
    for problem in fields["problems"]:  # type: ignore[attr-defined]
        console.print(f"[red]✗ {escape(str(problem))}[/]")
    if fields["ok"]:
        console.print(_("[bold green]audit: every fen is accounted for[/]"))
    else:
        console.print(_("[bold red]audit: something was changed[/]"))


def _show_central_bank(console: Console, fields: dict[str, object]) -> None:
    console.print(
        _("[bold]1  central bank[/]: paid in = Σ reserves + Σ circulation + offline float")
    )
    loss_fen = _int(fields["offline_loss_fen"])
    console.print(
        f"   {_yuan(fields['paid_in_fen'])} = {_yuan(fields['reserves_fen'])} + "
        f"{_yuan(fields['circulation_fen'])} + {_yuan(fields['offline_float_fen'])}"
        + (_(" + loss {loss}").format(loss=_yuan(loss_fen)) if loss_fen else "")
    )


def _show_banks(console: Console, fields: dict[str, object]) -> None:
    console.print(
        _(
            "[bold]2  banks[/]: −mirror = vault + wallets + holds + suspense\n          = "
            "circulation − inbound + outbound on their way"
        )
    )
    console.print(_bank_table(fields["banks"]))
    for bank in fields["banks"]:  # type: ignore[attr-defined]
        if bank["lost_window_fen"]:
            console.print(
                _(
                    "   {bank} was put back to an older copy: {lost_window} lost in that time, "
                    "{open_lost} open"
                ).format(
                    bank=bank["bank"],
                    lost_window=_yuan(bank["lost_window_fen"]),
                    open_lost=_yuan(-bank["open_lost_fen"]),
                )
            )


def _show_tokens(console: Console, fields: dict[str, object]) -> None:
    console.print(
        _("[bold]3  tokens[/]: offline float = Σ registered tokens not yet redeemed or given back")
    )
    restored_fen = _int(fields["tokens_restored_fen"])
    console.print(
        f"   {_yuan(fields['offline_float_fen'])} = {_yuan(fields['tokens_outstanding_fen'])}"
        + (
            _(", given back after expiry: {restored}").format(restored=_yuan(restored_fen))
            if restored_fen
            else ""
        )
    )


def _show_journals(console: Console, fields: dict[str, object]) -> None:
    for name, journal in fields["journals"].items():  # type: ignore[attr-defined]
        mark = "[green]✓[/]" if journal["ok"] else "[red]✗[/]"
        console.print(
            _(
                "   journal of {name}: {records:,} records in {rows:,} rows, chain and replay "
                "{mark}"
            ).format(name=name, records=journal["records"], rows=journal["rows"], mark=mark)
        )


def _signatures(fields: dict[str, object]) -> str:
    """How many signatures were verified, and whether some were left out."""
    if fields["signatures"] == "none":
        return _("   no signature was verified, as asked for")
    verified = _(
        "   {signatures_checked:,} signatures verified in {signatures_seconds:.1f} s"
    ).format(
        signatures_checked=fields["signatures_checked"],
        signatures_seconds=fields["signatures_seconds"],
    )
    if not fields["signatures_left_out"]:
        return verified + _(", each movement was ordered")
    return verified + _(
        ", {signatures_left_out:,} left out ({signatures}, seed {signatures_seed})"
    ).format(
        signatures_left_out=fields["signatures_left_out"],
        signatures=fields["signatures"],
        signatures_seed=fields["signatures_seed"],
    )


ROWS = (
    (N_("−mirror"), "mirror_fen", -1),
    (N_("vault"), "vault_fen", 1),
    (N_("wallets"), "wallets_fen", 1),
    (N_("holds"), "holds_fen", 1),
    (N_("suspense"), "suspense_fen", 1),
    (N_("circulation"), "circulation_fen", 1),
    (N_("inbound on its way"), "inbound_on_its_way_fen", 1),
    (N_("outbound on its way"), "outbound_on_its_way_fen", 1),
)


def _bank_table(banks: Any) -> Table:
    """A table with a column for each bank."""
    table = Table("", box=None, padding=(0, 2, 0, 1))
    for bank in banks:
        table.add_column(bank["bank"], justify="right")
    for label, name, sign in ROWS:
        table.add_row(f"  {_(label)}", *(_yuan(sign * bank[name]) for bank in banks))
    if any(bank["open_lost_fen"] for bank in banks):
        table.add_row(_("  minus lost and open"), *(_yuan(bank["open_lost_fen"]) for bank in banks))
    if any(bank["lost_fen"] for bank in banks):
        table.add_row(_("  borne for double spends"), *(_yuan(bank["lost_fen"]) for bank in banks))
    marks = ["[green]✓[/]" if bank["ok"] else "[red]✗[/]" for bank in banks]
    table.add_row(_("  all three agree"), *marks)
    return table


def _yuan(amount_fen: object) -> str:
    return format_yuan(_int(amount_fen))


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
