"""``wallet automatic``: what the wallet does between itself and the deposit account by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, wallet

if TYPE_CHECKING:
    from wallet.cli.console import CommandResult
    from wallet.home.home import Profile


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
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show or set what is done with the deposit account without a command.

    With --top-up each payment from this home that the wallet does not have enough for takes the
    rest from the deposit account, in the same step: both happen, or neither. Each order says how
    much, and is signed for it.
    """
    with wallet(context, home, as_json) as (app, output):
        profile = app.profile()
        if top_up is not None:
            profile = replace(profile, tops_up=top_up)
            app.home.save(profile)
        output.result(*_shown(profile))


def _shown(profile: Profile) -> CommandResult:
    fields = {"number": profile.number, "top_up": profile.tops_up}
    text = _("Payments take nothing from the deposit account: `wallet automatic --top-up`.")
    if profile.tops_up:
        text = _("Payments take what the wallet lacks from the deposit account.")
    return fields, text
