"""``dcep books``, ``flows``: the money as the services have it now, and what went between banks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from console.cli.banks import central_office
from console.clients import BankOfficerClient
from console.limits import BOOKS_PAUSE_S, BOOKS_READINGS
from console.options import DEFAULT, Folder, Json, Officer
from console.output import EXIT_NO_ANSWER, EXIT_REFUSED, Output
from console.sheet import sheet, wrapped
from currency.amount import format_yuan
from dcep.bank.v1 import officers_pb2
from deployment.topology import StackPlan, load
from language import _
from runtime.errors import NoAnswer, Refusal
from runtime.output import harmless

Limit = Annotated[int, typer.Option(min=1, max=1_000_000, help="How many rows at most.")]
When = Annotated[
    str, typer.Option(help="A day or a time, like 2026-11-26 or 2026-11-26T18:16.", metavar="TIME")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(books)
    app.command()(flows)


def books(
    officer: Officer = "lin",
    limit: Limit = 50,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show the books of the central bank and of the banks as they are now, and that they add up.

    Every yuan of digital currency stands against a yuan of reserves that was paid in. Exit code 1
    when a sum is wrong, 3 when a bank did not answer. `dcep audit` proves the same from the
    databases alone, and that nobody changed them.
    """
    plan, output = load(folder), Output(as_json)
    with central_office(plan, officer) as office:
        told = office.books()
    rows = [_bank(plan, one.bank, one.reserves_fen, one.circulation_fen) for one in told.banks]
    central = {
        "paid_in_fen": told.paid_in_fen,
        "reserves_fen": sum(row["reserves_fen"] for row in rows),
        "circulation_fen": sum(row["circulation_fen"] for row in rows),
        "offline_float_fen": told.offline_float_fen,
        "offline_loss_fen": told.offline_loss_fen,
    }
    parts = ("reserves_fen", "circulation_fen", "offline_float_fen", "offline_loss_fen")
    central["ok"] = central["paid_in_fen"] == sum(central[name] for name in parts)
    wrong = not central["ok"] or any(row["ok"] is False for row in rows)
    more = max(0, len(rows) - limit)
    shown = rows[:limit]
    output.result({"ok": not wrong, "central_bank": central, "banks": shown, "more": more})
    if not as_json:
        _say_books(output, central, shown, more)
    if wrong or any(row["silent"] for row in rows):
        raise typer.Exit(EXIT_REFUSED if wrong else EXIT_NO_ANSWER)


def flows(
    since: When = "",
    until: When = "",
    officer: Officer = "lin",
    limit: Limit = 50,
    folder: Folder = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show what went from bank to bank, the largest sum first; for officers of the central bank.

    Only sums and counts: the central bank does not know wallets.
    """
    plan, output = load(folder), Output(as_json)
    from_ms, to_ms = _time_ms(since, "--since"), _time_ms(until, "--until", end=True)
    with central_office(plan, officer) as office:
        found = office.flows(from_ms, to_ms)
    found.sort(key=lambda flow: (-flow.amount_fen, flow.from_bank, flow.to_bank))
    rows: list[dict[str, Any]] = [
        {
            "from": flow.from_bank,
            "to": flow.to_bank,
            "payments": flow.payments,
            "amount_fen": flow.amount_fen,
        }
        for flow in found
    ]
    total_fen, more = sum(flow.amount_fen for flow in found), max(0, len(rows) - limit)
    output.result({"flows": rows[:limit], "more": more, "total_fen": total_fen})
    if as_json:
        return
    if not rows:
        output.plain(
            _("nothing went from bank to bank then")
            if since or until
            else _("nothing went from bank to bank yet")
        )
        return
    cells = [
        (f"{row['from']} → {row['to']}", str(row["payments"]), format_yuan(row["amount_fen"]))
        for row in rows[:limit]
    ]
    output.plain(sheet((_("from → to"), _("payments"), _("yuan")), cells, right=(1, 2)))
    output.plain(
        wrapped(
            _("in all {total} yuan; no wallet is known here").format(total=format_yuan(total_fen))
        )
    )
    if more:
        output.plain(
            wrapped(
                _("{more} more; --limit {count} lists them too").format(more=more, count=len(rows))
            )
        )


def _bank(plan: StackPlan, name: str, reserves_fen: int, circulation_fen: int) -> dict[str, Any]:
    """A bank's books, from the central bank and from the bank itself."""
    row: dict[str, Any] = {
        "bank": name,
        "reserves_fen": reserves_fen,
        "circulation_fen": circulation_fen,
        "ok": None,
        "silent": "",
    }
    if not any(bank.name == name for bank in plan.banks):
        row["silent"] = _("it is no bank of this stack: its officers see its books")
        return row
    try:
        with BankOfficerClient(plan, name) as office:
            told, quiet = _quiet_books(office)
    except (NoAnswer, Refusal) as no:
        row["silent"] = harmless(str(no))
        return row
    row["received_fen"] = -told.mirror_fen
    for part in ("vault_fen", "wallets_fen", "holds_fen", "suspense_fen"):
        row[part] = getattr(told, part)
    held_fen = told.vault_fen + told.wallets_fen + told.holds_fen + told.suspense_fen
    # Read while money moves, the parts are not of one moment.
    row["ok"] = held_fen == -told.mirror_fen if quiet or held_fen == -told.mirror_fen else None
    row["on_its_way_fen"] = circulation_fen + told.mirror_fen
    return row


def _quiet_books(office: BankOfficerClient) -> tuple[officers_pb2.GetBooksResponse, bool]:
    """A bank's books, and whether nothing moved while they were read."""
    told = office.books()
    for _turn in range(BOOKS_READINGS):
        before, told = told, office.books()
        if before == told and told.projected_position == told.journal_position:
            return told, True
        time.sleep(BOOKS_PAUSE_S)
    return told, False


def _say_books(
    output: Output, central: Mapping[str, Any], rows: list[dict[str, Any]], more: int
) -> None:
    loss = [(_("loss by double spends"), "offline_loss_fen")] if central["offline_loss_fen"] else []
    parts = [
        (_("reserves of the banks"), "reserves_fen"),
        (_("in circulation"), "circulation_fen"),
        (_("offline"), "offline_float_fen"),
        *loss,
    ]
    lines = [(label, format_yuan(central[name])) for label, name in parts]
    lines.append((_("together"), format_yuan(sum(central[name] for _first, name in parts))))
    lines.append((_("reserves paid in"), format_yuan(central["paid_in_fen"])))
    output.plain(sheet((_("central bank"), _("yuan")), lines, right=(1,)))
    money_fen = central["circulation_fen"] + central["offline_float_fen"]
    verdict = (
        _("1:1: {money} yuan are out, and as much of what was paid in is kept for them").format(
            money=format_yuan(money_fen)
        )
        if central["ok"]
        else _("THE CENTRAL BANK'S BOOKS DO NOT ADD UP")
    )
    output.plain(wrapped(verdict))
    if not rows:
        output.plain(_("no bank has been admitted yet"))
    for row in rows:
        output.plain("")
        if row["silent"]:
            output.plain(
                wrapped(
                    _("{bank} does not say what it has: {silent}").format(
                        bank=row["bank"], silent=row["silent"]
                    )
                )
            )
            continue
        names = ("vault", "wallets", "holds", "suspense")
        cells = [(_(name), format_yuan(row[f"{name}_fen"])) for name in names]
        cells.append((_("received from the central bank"), format_yuan(row["received_fen"])))
        output.plain(sheet((row["bank"], _("yuan")), cells, right=(1,)))
        output.plain(wrapped(_verdict(row)))
    if more:
        output.plain(
            wrapped(
                _("{more} more banks; --limit {count} shows them too").format(
                    more=more, count=len(rows) + more
                )
            )
        )


def _verdict(row: Mapping[str, Any]) -> str:
    if row["ok"] is None:
        return _("money moves while it is read: ask again, or `dcep audit`")
    if not row["ok"]:
        return _("THE BOOKS OF {bank} DO NOT ADD UP").format(bank=row["bank"])
    way_fen = row["on_its_way_fen"]
    if not way_fen:
        return _("adds up, and to what circulates for it at the central bank")
    side = _("from") if way_fen < 0 else _("to")
    return _("adds up; {way} yuan more are on their way {side} it than the other way").format(
        way=format_yuan(abs(way_fen)), side=side
    )


def _time_ms(text: str, name: str, *, end: bool = False) -> int:
    """A time in Unix milliseconds; 0 for "".

    For a day it is the day's beginning, or with `end` the beginning of the next day.
    """
    if not text:
        return 0
    try:
        found = datetime.fromisoformat(text)
        later = timedelta(days=1) if end and len(text.strip()) == len("2026-11-26") else timedelta()
        return int((found + later).astimezone().timestamp() * 1_000)
    except (ValueError, OverflowError, OSError):
        raise typer.BadParameter(
            _("is no time; write it like 2026-11-26 or 2026-11-26T18:16"), param_hint=name
        ) from None
