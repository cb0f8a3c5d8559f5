"""``wallet alias …`` and ``wallet pay --alias``: being found, and finding, without a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from language import _
from wallet.cli.options import Code, HomeOption, JsonOption, gather, wallet

if TYPE_CHECKING:
    from wallet.app import App
    from wallet.cli.console import Output
    from wallet.online.aliases import Payee

Name = Annotated[str, typer.Argument(help="A phone like 13800000001, or a name like @li.ming.")]

alias = typer.Typer(
    help="Aliases: a phone or a name by which this wallet is found.", no_args_is_help=True
)


@alias.callback()
def common(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Aliases: a phone or a name by which this wallet is found."""
    context.obj = gather(context, home, as_json)


@alias.command()
def add(
    context: typer.Context,
    name: Name,
    private: Annotated[
        bool, typer.Option("--private", help="Keep it, and let nobody be found by it.")
    ] = False,
    code: Code = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an alias; a phone by the code that comes to it. Again, it changes what is private.

    A phone that another bank has comes here after seven days, unless its holder there shows it
    once more. So does the same command with the code, against a claim of another bank.
    """
    with wallet(context, home, as_json) as (app, output):
        from wallet.cli.aliases_output import changed

        output.result(*changed(app.aliases().add(name, private=private, code=code)))


@alias.command("list")
def list_(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List this wallet's aliases, and those that it lost or gave up within a month."""
    with wallet(context, home, as_json, asks_only=True) as (app, output):
        from wallet.cli.aliases_output import lines

        output.result(*lines(*app.aliases().lines()))


@alias.command()
def remove(
    context: typer.Context, name: Name, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Give an alias up: from then on anybody may take it."""
    with wallet(context, home, as_json) as (app, output):
        from wallet.cli.aliases_output import changed

        output.result(*changed(app.aliases().remove(name)))


def pay_alias(
    app: App,
    output: Output,
    typed: str,
    amount: str | None,
    memo: str,
    *,
    anew: bool,
    yes: bool,
    top_up: bool | None = None,
) -> None:
    """Pays the wallet that an alias stands for, once the holder has seen whose it is.

    Args:
        typed: the alias.
        amount: what was typed; None for nothing.
        memo: for the payee.
        anew: pay once more, whatever came of it before.
        yes: the question whether it is right was answered in advance.
        top_up: as in `OnlineWallet.pay`.

    Raises:
        UsageError, AmountError, AliasError: what was typed cannot be paid.
        Refusal, NoAnswer: the bank's.
    """
    from currency.amount import format_yuan, parse_yuan
    from wallet.cli.console import EXIT_NO_ANSWER, UsageError
    from wallet.cli.output import paid

    if amount is None:
        raise UsageError(_("say how much, like: `wallet pay --alias @li.ming 12.50`"))
    amount_fen = parse_yuan(amount)
    payee = app.aliases().find(typed)
    pays = _("{yuan} yuan to {payee}").format(yuan=format_yuan(amount_fen), payee=called(payee))
    agree(pays, yes=yes, output=output)
    placed = app.holder().pay(payee.number, amount_fen, memo, anew=anew, top_up=top_up)
    fields, text = paid(payee.number, amount_fen, placed)
    output.result({**fields, "alias": payee.alias, "masked_name": payee.masked_name}, text)
    if placed.pending:
        raise SystemExit(EXIT_NO_ANSWER)


def agree(pays: str, *, yes: bool, output: Output) -> None:
    """Tells the holder who is paid, and asks whether that is right. Raises UsageError."""
    from wallet.cli.asking import agree as agreed

    otherwise = _("this would be {pays}; if that is right, add --yes").format(pays=pays)
    agreed(pays, sure=yes, otherwise=otherwise, output=output)


def called(payee: Payee) -> str:
    """A payee as a sentence names them: the masked name first."""
    from runtime.output import quoted

    name = quoted(payee.masked_name) if payee.masked_name else _("a holder without a name")
    return _("{name}, {alias}, wallet {number}").format(
        name=name, alias=payee.alias, number=payee.number
    )
