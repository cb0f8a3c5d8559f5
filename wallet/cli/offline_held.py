"""``wallet offline show``, ``again``, ``renew`` and ``limit``: what a device holds and has made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wallet.cli.options import HomeOption, JsonOption, PinOption, wallet

Code = Annotated[str, typer.Argument(help="As `wallet offline again` lists it.")]


def show(
    context: typer.Context,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what is in the device, piece by piece, and payments that nobody has confirmed.

    For each piece: how often it has changed hands, and how often it can still be paid on.
    """
    with wallet(context, home, as_json, pin, device="alone", asks_only=True) as (app, output):
        profile = app.profile()
        from wallet.cli import offline_texts

        output.result(*offline_texts.shown(profile, app.device))


def again(
    context: typer.Context,
    code: Code = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write the text to a file.")] = None,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """List payments and requests that were made as text, or show one of them again.

    Needs no connection. A payment that is shown again is the same payment: its payee takes it once.
    """
    with wallet(context, home, as_json, pin, device="alone", asks_only=True) as (app, output):
        app.profile()
        from wallet.cli import offline_input, offline_output, offline_texts

        if not code:
            output.result(*offline_texts.listed(app.device))
            return
        offline_input.check_file(out)
        said = offline_output.shown_again(app.device, code, out)
        offline_input.keep(said[0]["text"], out)
        output.result(*said)


def renew(
    context: typer.Context,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Exchange money that changed hands or cannot be paid for fresh money. Needs the bank.

    The old money is deposited into the wallet, and the same amount is loaded.
    """
    with wallet(context, home, as_json, pin, device="loading") as (app, output):
        app.profile()
        from wallet.cli import offline_link, offline_texts
        from wallet.cli.console import EXIT_NO_ANSWER, EXIT_REFUSED

        loading, device = app.loading(), app.device
        done = loading.renew(device)
        placed = offline_link.load_anew(loading, done) if done.amount_fen else None
        pending = placed is not None and placed.pending
        loaded_fen = 0 if placed is None or pending else done.amount_fen
        said = offline_texts.renewed(done, loaded_fen, device.holdings.balance_fen(), pending)
        output.result(*said)
        if done.refused:
            raise SystemExit(EXIT_REFUSED)
        if done.pending or pending:
            raise SystemExit(EXIT_NO_ANSWER)


def limit(
    context: typer.Context,
    single: Annotated[
        str, typer.Option("--single", help="Yuan in one payment; 0 for no limit.")
    ] = "",
    total: Annotated[str, typer.Option("--total", help="Yuan in the device; 0 for no limit.")] = "",
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Set your own limits for offline money; without options, show them and the central bank's.

    Needs no connection.
    """
    with wallet(context, home, as_json, pin, device="alone") as (app, output):
        from wallet.cli import offline_input, offline_texts

        device = app.device
        limits = offline_input.new_limits(device.holdings.limits(), single, total)
        if limits != device.holdings.limits():
            device.holdings.set_limits(limits)
        output.result(*offline_texts.limited(limits, device.holdings.rules()))
