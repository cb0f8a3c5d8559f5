"""``wallet automatic``: what is done between the wallet and the deposit account by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, wallet


def automatic(
    context: typer.Context,
    top_up: Annotated[
        bool | None,
        typer.Option(
            "--top-up/--no-top-up",
            help="Payments take what the wallet lacks from the deposit account.",
            show_default=False,
        ),
    ] = None,
    sweep: Annotated[
        bool | None,
        typer.Option(
            "--sweep/--no-sweep",
            help="What arrives over a level goes on to the deposit account.",
            show_default=False,
        ),
    ] = None,
    above: Annotated[
        str,
        typer.Option(
            "--above",
            help="The level in yuan, with --sweep. By default what the wallet may hold.",
            show_default=False,
        ),
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show or set what is done with the deposit account without a command.

    With --top-up each payment from this home that the wallet does not have enough for takes the
    rest from the deposit account, in the same step: both happen, or neither. Each order says how
    much, and is signed for it.

    With --sweep the bank has what payments bring over a level go on to the deposit account, in the
    same step. That is a standing order at the bank, signed now; it ends with --no-sweep, or with
    the wallet's key.
    """
    from currency.amount import parse_yuan
    from wallet.cli.automatic_output import told
    from wallet.cli.console import UsageError

    asks_only = top_up is None and sweep is None
    with wallet(context, home, as_json, asks_only=asks_only) as (app, output):
        if above and not sweep:
            raise UsageError(_("--above says from where on, with --sweep"))
        profile = app.profile()
        above_fen = parse_yuan(above) if above else 0
        if top_up is not None:
            profile = replace(profile, tops_up=top_up)
            app.home.save(profile)
        if sweep is not None:
            app.holder().sweep(sweeps=sweep, above_fen=above_fen)
        output.result(*told(profile, *app.look()))
