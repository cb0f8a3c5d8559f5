"""``wallet sub …``: wallets that belong to this one, with limits of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, StackOption, stack_folder, wallet

if TYPE_CHECKING:
    from wallet.app import App
    from wallet.home.home import Home
    from wallet.online.sub_wallets import Terms

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="As `wallet sub list` shows it.")]
Cap = Annotated[str, typer.Option("--cap", help="Yuan that may be in it at most.")]
Single = Annotated[str, typer.Option("--single", help="Yuan a payment at most.")]
Day = Annotated[str, typer.Option("--day", help="Yuan a day at most.")]
Until = Annotated[
    str, typer.Option("--until", help="The last day or time, like 2027-06-30; else a year.")
]
Purpose = Annotated[
    str, typer.Option("--purpose", help="For whoever has it, at most 140 characters.")
]
Payees = Annotated[
    str,
    typer.Option(
        "--payees", help="The only wallets that it may pay, with commas between; `any` for all."
    ),
]

sub = typer.Typer(
    help="Sub-wallets: a child's, a till's, one for a purpose. What they spend counts here too.",
    no_args_is_help=True,
)


@sub.command()
def key(
    context: typer.Context,
    bank: Annotated[str, typer.Option("--bank", help="The bank of the wallet it belongs to.")],
    stack: StackOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make, in a new home, the key of a sub-wallet to be, and show it."""
    from wallet.online.sub_wallets import make_key
    from wallet.peers.bank_directory import find_bank

    with wallet(context, home, as_json) as (app, output):
        found = find_bank(stack_folder(stack), bank)
        made = make_key(app.home, app.randomness, found).hex()
        output.result(
            {"public_key": made, "bank": found.name},
            _(
                "The key of this home is\n  {key}\nWhoever gives you a sub-wallet opens it with: "
                "wallet sub add --key {key} --cap AMOUNT\nThen, here, with the number that they "
                "get: wallet sub join NUMBER"
            ).format(key=made),
        )


@sub.command()
def join(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The sub-wallet's, 16 digits.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take up, in the home that has its key, a sub-wallet that was opened for you."""
    from currency.number import check, typed
    from wallet.cli.output import opened
    from wallet.online.sub_wallets import join as joined

    with wallet(context, home, as_json) as (app, output):
        profile = joined(app.home, app.banks, app.clock, check(typed(number)))
        output.result(*opened(profile, app.prepare_offline()))


@sub.command()
def add(
    context: typer.Context,
    cap: Cap,
    single: Single = "",
    day: Day = "",
    until: Until = "",
    purpose: Purpose = "",
    payees: Payees = "any",
    key: Annotated[
        str, typer.Option("--key", help="Of whoever is to have it: see `wallet sub key`.")
    ] = "",
    into: Annotated[
        Path | None,
        typer.Option("--into", help="Make its home in this folder instead.", metavar="<path>"),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a sub-wallet; then pay it what is to be in it.

    Limits are amounts of a ladder, which a refusal shows. What is left away has no limit but that
    of this wallet, within which everything that a sub-wallet spends has to be as well.
    """
    from wallet.cli.sub_wallets_output import ordered

    with wallet(context, home, as_json) as (app, output):
        terms = _terms(app, _none(), cap, single, day, until, purpose, payees)
        public = _key_of(app, key, into)
        done = app.sub_wallets().open(public, terms)
        if into is not None:
            _join(app, into, done.wallet_number)
        output.result(*ordered(done, into=into))


@sub.command("list")
def list_(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the sub-wallets of this wallet: what each may do, and what is in it."""
    from wallet.cli.sub_wallets_output import listed

    with wallet(context, home, as_json, asks_only=True) as (app, output):
        output.result(*listed(app.sub_wallets().listed(), every=every))


@sub.command()
def change(
    context: typer.Context,
    number: Number,
    cap: Cap = "",
    single: Single = "",
    day: Day = "",
    until: Until = "",
    purpose: Purpose = "",
    payees: Payees = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what a sub-wallet may do; what is left away stays. `--day 0` takes a limit away."""
    from currency.number import typed
    from wallet.cli.console import UsageError
    from wallet.cli.sub_wallets_output import ordered

    with wallet(context, home, as_json) as (app, output):
        subs = app.sub_wallets()
        before = subs.find(typed(number))
        if before.terms.HasField("mandate"):
            raise UsageError(_("this is a mandate; change it with `wallet mandate change`"))
        terms = _terms(app, before.terms, cap, single, day, until, purpose, payees)
        output.result(*ordered(subs.change(before.wallet_number, terms)))


@sub.command()
def close(
    context: typer.Context,
    number: Number,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a sub-wallet: its money comes home, also what is on its way and comes back."""
    from currency.number import typed
    from wallet.cli.sub_wallets_output import ordered

    with wallet(context, home, as_json) as (app, output):
        output.result(*ordered(app.sub_wallets().close(typed(number))))


def _none() -> Terms:
    from wallet.online.sub_wallets import Terms

    return Terms()


def _terms(
    app: App,
    before: Terms,
    cap: str,
    single: str,
    day: str,
    until: str,
    purpose: str,
    payees: str,
) -> Terms:
    """What was typed, in place of what was there. Raises UsageError and what typing raises."""
    from currency.number import check, typed
    from currency.text import typed as cleaned
    from wallet.cli.times import in_a_year, parse_time
    from wallet.online.sub_wallets import Terms

    terms = Terms()
    terms.CopyFrom(before)
    if cap:
        terms.balance_cap_fen = rung(cap)
    if single:
        terms.single_fen = rung(single, none=True)
    if day:
        terms.day_fen = rung(day, none=True)
    if until or not terms.ends_time_ms:
        terms.ends_time_ms = parse_time(until or in_a_year(app.clock.now_ms()), end=True)
    if purpose:
        terms.purpose = cleaned(purpose)
    if payees:
        del terms.payees[:]
        words = [] if payees.strip().lower() == "any" else payees.split(",")
        terms.payees.extend(check(typed(word)) for word in words)
    return terms


def rung(typed: str, *, none: bool = False) -> int:
    """An amount of the ladder, in fen. Raises UsageError, which shows the ladder."""
    from currency.amount import format_yuan, parse_yuan
    from currency.sub_limits import LADDER_FEN
    from wallet.cli.console import UsageError

    if none and typed.strip() == "0":
        return 0
    fen = parse_yuan(typed)
    if fen not in LADDER_FEN:
        ladder = ", ".join(format_yuan(each) for each in LADDER_FEN)
        raise UsageError(_("a limit of a sub-wallet is one of {ladder} yuan").format(ladder=ladder))
    return fen


def _key_of(app: App, key: str, into: Path | None) -> bytes:
    """The key of a new sub-wallet, which is made here if it is to live in a folder here."""
    from wallet.cli.console import UsageError
    from wallet.online.sub_wallets import make_key
    from wallet.peers.bank_directory import BankEntry

    if bool(key) == (into is not None):
        raise UsageError(
            _(
                "a sub-wallet has a key: of whoever is to have it, --key KEY, which `wallet sub "
                "key` shows there; or in a home on this machine, --into DIR"
            )
        )
    if into is not None:
        profile = app.profile()
        bank = BankEntry(
            profile.bank,
            profile.bank_address,
            app.home.bank_ca(profile),
            profile.offline_root,
            profile.stack,
        )
        return make_key(_home(into), app.randomness, bank)
    try:
        return bytes.fromhex(key.strip())
    except ValueError:
        raise UsageError(_("this is no key; it has 64 digits, from 0 to f")) from None


def _join(app: App, into: Path, number: str) -> None:
    from wallet.online.sub_wallets import join as joined

    joined(_home(into), app.banks, app.clock, number)


def _home(folder: Path) -> Home:
    from wallet.home.home import Home

    return Home(folder.expanduser())
