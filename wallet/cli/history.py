"""``wallet history`` and ``wallet payment``: what was, for people, programs and spreadsheets."""

from __future__ import annotations

from typing import Annotated

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, wallet

MAX_LINES = 100_000
"""Lines of one answer."""
DEFAULT_LINES = 50

Since = Annotated[str, typer.Option("--since", help="From a day or time on, like 2026-11-26.")]
Until = Annotated[str, typer.Option("--until", help="Up to a day or time, which is included.")]
Search = Annotated[
    str, typer.Option("--search", help="Words in memo, wallet number, id, kind or state.")
]


def history(
    context: typer.Context,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MAX_LINES, help="How many payments at most.")
    ] = DEFAULT_LINES,
    since: Since = "",
    until: Until = "",
    search: Search = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="A table for spreadsheets.")] = False,
    page: Annotated[
        str, typer.Option("--page", help="The next_page_token of the page before.")
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List payments in and out, newest first, with the balance after each."""
    from runtime.pagination import MAX_PAGE
    from wallet.cli.console import UsageError
    from wallet.cli.history_output import as_table, listed, progress
    from wallet.cli.times import parse_time
    from wallet.online.history import Wanted, find

    with wallet(context, home, as_json, asks_only=True) as (app, output):
        wanted = Wanted(
            parse_time(since) if since else 0,
            parse_time(until, end=True) if until else 0,
            search,
        )
        holder = app.holder()
        if page or (wanted.everything and limit <= MAX_PAGE):
            if page and not wanted.everything:
                raise UsageError(_("--page goes on with a whole history, not with one searched"))
            entries, token = holder.history(min(limit, MAX_PAGE), page)
            more = False
        else:
            entries, more = find(holder, wanted, limit, lambda e: output.say(progress(e)))
            token = ""
        if as_csv and not output.as_json:
            output.table(as_table(entries))
            return
        output.result(
            *listed(
                entries,
                token,
                more,
                holder.unanswered(),
                searched=bool(page) or not wanted.everything,
            )
        )


def payment(
    context: typer.Context,
    payment_id: Annotated[str, typer.Argument(help="As `wallet history` shows it.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one payment, made or received, with all that is known of it."""
    from wallet.cli.console import EXIT_REFUSED
    from wallet.cli.history_output import told
    from wallet.online.history import find_payment

    with wallet(context, home, as_json, asks_only=True) as (app, output):
        entry = find_payment(app.holder(), payment_id.strip())
        if entry is None:
            output.fail(
                EXIT_REFUSED,
                "PAYMENT_UNKNOWN",
                _("This wallet made and received no such payment."),
                _("Look with `wallet history`."),
            )
        output.result(*told(entry))
