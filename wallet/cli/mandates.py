"""``wallet mandate …``: lets somebody be paid when they ask, within what their holder allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, wallet

if TYPE_CHECKING:
    from wallet.app import App
    from wallet.online.sub_wallets import Terms

Number = Annotated[
    str, typer.Argument(metavar="NUMBER", help="The mandate's, as `wallet mandate list` shows it.")
]
Each = Annotated[str, typer.Option("--each", help="Yuan a request at most.")]
Month = Annotated[str, typer.Option("--month", help="Yuan a calendar month at most.")]
Most = Annotated[
    str,
    typer.Option("--most", help="Yuan that you may allow for one request at most; of the ladder."),
]
Until = Annotated[
    str, typer.Option("--until", help="The last day or time, like 2027-06-30; else a year.")
]
Purpose = Annotated[str, typer.Option("--purpose", help="Your own words, at most 140 characters.")]

mandate = typer.Typer(
    help="Mandates: a merchant asks and is paid at once, within amounts that you set, and does not "
    "learn whose wallet it is.",
    no_args_is_help=True,
)


@mandate.command()
def give(
    context: typer.Context,
    payee: Annotated[
        str, typer.Argument(metavar="PAYEE", help="The merchant's wallet, 16 digits, at any bank.")
    ],
    each: Each,
    month: Month,
    most: Most = "",
    until: Until = "",
    purpose: Purpose = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a merchant a mandate, and get the number that they ask by.

    What they ask beyond it waits for your yes: `wallet mandate allow ID`. What they get counts
    against the limits of this wallet, and comes out of it when they ask. Whoever has the number
    can ask; only this merchant is paid by it.
    """
    from wallet.cli.sub_wallets_output import mandated

    with wallet(context, home, as_json) as (app, output):
        terms = _terms(app, None, each, month, most, until, purpose)
        terms.payees.append(_payee(payee))
        output.result(*mandated(app.sub_wallets().give(terms)))


@mandate.command("list")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the mandates of this wallet: for whom, how much, and what was paid this month."""
    from wallet.cli.sub_wallets_output import mandates

    with wallet(context, home, as_json, asks_only=True) as (app, output):
        output.result(*mandates(app.sub_wallets().mandates(), every=every))


@mandate.command()
def change(
    context: typer.Context,
    number: Number,
    each: Each = "",
    month: Month = "",
    most: Most = "",
    until: Until = "",
    purpose: Purpose = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the amounts of a mandate, or put off its end; what is left away stays."""
    from currency.number import typed
    from wallet.cli.sub_wallets_output import mandated

    with wallet(context, home, as_json) as (app, output):
        subs = app.sub_wallets()
        before = subs.find(typed(number))
        terms = _terms(app, before.terms, each, month, most, until, purpose)
        output.result(*mandated(subs.change(before.wallet_number, terms)))


@mandate.command()
def end(
    context: typer.Context,
    number: Number,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a mandate: nothing more is paid by it; what is on its way still comes."""
    from currency.number import typed
    from wallet.cli.sub_wallets_output import mandated

    with wallet(context, home, as_json) as (app, output):
        output.result(*mandated(app.sub_wallets().close(typed(number))))


@mandate.command()
def allow(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="As `wallet requests` shows it.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a request paid by its mandate once, though it is beyond it."""
    from wallet.cli.requests_output import changed
    from wallet.online.requests import ALLOW

    with wallet(context, home, as_json) as (app, output):
        output.result(*changed(app.requests_to_pay().change(name.strip(), ALLOW)))


def _payee(typed_number: str) -> str:
    from currency.number import check, typed

    return check(typed(typed_number))


def _terms(
    app: App, before: Terms | None, each: str, month: str, most: str, until: str, purpose: str
) -> Terms:
    """What was typed, in place of what was there. Raises UsageError and what typing raises."""
    from currency.amount import parse_yuan
    from currency.sub_limits import LADDER_FEN
    from currency.text import typed as cleaned
    from wallet.cli.console import UsageError
    from wallet.cli.sub_wallets import rung
    from wallet.cli.times import in_a_year, parse_time
    from wallet.online.sub_wallets import Terms

    terms = Terms()
    if before is not None:
        if not before.HasField("mandate"):
            raise UsageError(_("this is no mandate; see `wallet sub list`"))
        terms.CopyFrom(before)
    if each:
        terms.mandate.each_fen = parse_yuan(each)
    if month:
        terms.mandate.month_fen = parse_yuan(month)
    if most:
        terms.balance_cap_fen = rung(most)
    elif terms.mandate.each_fen > terms.balance_cap_fen:
        enough = [fen for fen in LADDER_FEN if fen >= terms.mandate.each_fen]
        terms.balance_cap_fen = enough[0] if enough else LADDER_FEN[-1]
    if until or not terms.ends_time_ms:
        terms.ends_time_ms = parse_time(until or in_a_year(app.clock.now_ms()), end=True)
    if purpose:
        terms.purpose = cleaned(purpose)
    return terms
