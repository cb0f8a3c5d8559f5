"""``wallet request``, ``wallet requests …`` and ``wallet pay --request``: asking for money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from language import _
from wallet.cli.options import HomeOption, JsonOption, gather, wallet

if TYPE_CHECKING:
    from wallet.app import App
    from wallet.cli.console import Output
    from wallet.online.requests import RequestLine

Name = Annotated[str, typer.Argument(help="As `wallet requests` shows it.")]

requests = typer.Typer(
    help="Requests to pay: what this wallet has asked for, and what it is asked for.",
    invoke_without_command=True,
)


def request(
    context: typer.Context,
    number: Annotated[
        str | None,
        typer.Argument(help="The wallet that is asked, 16 digits.", show_default=False),
    ] = None,
    amount: Annotated[
        str | None, typer.Argument(help="Yuan, like 12.50", show_default=False)
    ] = None,
    text: Annotated[
        str, typer.Option("--text", help="For whoever is asked, at most 140 characters.")
    ] = "",
    due: Annotated[
        str, typer.Option("--due", help="The last day or time, like 2026-12-24; else 30 days.")
    ] = "",
    reference: Annotated[
        str, typer.Option("--reference", help="Your own, at most 35 characters.")
    ] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="It may be paid in parts; else all at once.")
    ] = False,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            help="Split the amount among these wallets, with commas between them; your own number "
            "among them keeps a share for you.",
        ),
    ] = "",
    alias: Annotated[
        str,
        typer.Option(
            "--from-alias", help="Who is asked, by phone or @ and a name, instead of the number."
        ),
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask another wallet, at any bank, for an amount.

    Only the wallet that is asked can pay it, once, and never more than the amount in all. The
    answer does not tell whether there is such a wallet, or whether it wants to be asked by you.
    """
    with wallet(context, home, as_json) as (app, output):
        from currency.amount import parse_yuan
        from currency.number import typed
        from currency.text import typed as cleaned
        from wallet.cli.console import UsageError
        from wallet.cli.requests_output import made as told
        from wallet.cli.times import parse_time
        from wallet.limits import DUE_MS
        from wallet.online.requests import shares

        words = [word for word in (number, amount) if word is not None]
        if len(words) != (1 if split or alias else 2) or (split and alias):
            raise UsageError(
                _(
                    "say whom and how much, like: `wallet request NUMBER 12.50`, or `wallet "
                    "request --split NUMBER,NUMBER 30`"
                )
            )
        asked_fen = parse_yuan(words[-1])
        if alias:
            from wallet.cli.aliases import called

            payee = app.aliases().find(alias)
            output.say(_("{alias} is {payee}.").format(alias=payee.alias, payee=called(payee)))
            words[0] = payee.number
        people = [typed(one) for one in split.split(",")] if split else [typed(words[0])]
        due_time_ms = parse_time(due, end=True) if due else app.clock.now_ms() + DUE_MS
        asking = app.requests_to_pay()
        done: list[tuple[str, str, int]] = []
        for person, fen in shares(asked_fen, people).items():
            if split and person == app.profile().number:
                continue
            name = asking.ask(
                person,
                fen,
                words=cleaned(text),
                reference=cleaned(reference),
                due_time_ms=due_time_ms,
                partial=partial,
            )
            done.append((name, person, fen))
            if split:
                output.say(told([done[-1]], due_time_ms)[1])
        output.result(*told(done, due_time_ms))


@requests.callback()
def listed(
    context: typer.Context,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that are paid, declined or over.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the open requests of this wallet and those that it is asked to pay, newest first."""
    context.obj = gather(context, home, as_json)
    if context.invoked_subcommand is not None:
        return
    from itertools import islice

    from wallet.cli.requests_output import lines
    from wallet.limits import MAX_REQUESTS_LISTED

    with wallet(context, home, as_json, asks_only=True) as (app, output):
        found = list(
            islice(app.requests_to_pay().lines(open_only=not every), MAX_REQUESTS_LISTED + 1)
        )
        output.result(*lines(found[:MAX_REQUESTS_LISTED], len(found) > MAX_REQUESTS_LISTED))


@requests.command()
def decline(
    context: typer.Context,
    name: Name,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decline to pay: nothing more is paid on the request."""
    from dcep.bank.v1.orders_pb2 import ASKED_CHANGE_DECLINE

    _change(context, name, ASKED_CHANGE_DECLINE, home, as_json)


@requests.command()
def withdraw(
    context: typer.Context,
    name: Name,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw a request of this wallet; what is being paid at this moment still comes."""
    from dcep.bank.v1.orders_pb2 import ASKED_CHANGE_WITHDRAW

    _change(context, name, ASKED_CHANGE_WITHDRAW, home, as_json)


@requests.command()
def remind(
    context: typer.Context,
    name: Name,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remind of a request of this wallet: three times at most, and a day apart."""
    from dcep.bank.v1.orders_pb2 import ASKED_CHANGE_REMIND

    _change(context, name, ASKED_CHANGE_REMIND, home, as_json)


@requests.command()
def block(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="The asker's wallet number, or `everybody`.")],
    undo: Annotated[bool, typer.Option("--undo", help="Show their requests again.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Be shown no new requests of a wallet, or of everybody. Who asks is not told."""
    with wallet(context, home, as_json) as (app, output):
        from currency.number import typed
        from wallet.cli.requests_output import blocked

        asker = "" if number.strip().lower() == "everybody" else typed(number)
        app.requests_to_pay().block(asker, blocked=not undo)
        output.result(*blocked(asker, undo=undo))


def _change(
    context: typer.Context,
    name: str,
    change: int,
    home: HomeOption,
    as_json: bool,
) -> None:
    with wallet(context, home, as_json) as (app, output):
        from wallet.cli.requests_output import changed

        output.result(*changed(app.requests_to_pay().change(name.strip(), change)))  # type: ignore[arg-type]


def pay_request(
    app: App,
    output: Output,
    name: str,
    amount: str | None,
    *,
    anew: bool,
    yes: bool,
    top_up: bool | None = None,
) -> None:
    """Pays a request, or a part of it, and prints what came of it.

    Args:
        name: the request's id, as `wallet requests` shows it.
        amount: what was typed; None for all that is left.
        anew: pay once more, whatever came of it before.
        yes: the question whether it is right was answered in advance.
        top_up: as in `OnlineWallet.pay`.

    Raises:
        UsageError, AmountError: what was typed does not fit the request.
        Refusal, NoAnswer: the bank's.
    """
    from currency.amount import parse_yuan
    from wallet.cli.console import EXIT_NO_ANSWER
    from wallet.cli.output import paid

    asking = app.requests_to_pay()
    line = asking.get(name.strip())
    amount_fen = parse_yuan(amount) if amount is not None else 0
    before = None if anew else asking.ordered_before(line, amount_fen)
    if before is None:
        amount_fen = amount_fen or line.left_fen
        _agree(line, amount_fen, said=amount is not None, yes=yes, output=output)
    else:
        amount_fen = before
    placed = asking.pay(line, amount_fen, anew=anew, top_up=top_up)
    output.result(*paid(line.counterparty, amount_fen, placed))
    if placed.pending:
        raise SystemExit(EXIT_NO_ANSWER)


def _agree(line: RequestLine, amount_fen: int, *, said: bool, yes: bool, output: Output) -> None:
    """Tells the holder what is paid and to whom, and asks whether that is right, if it has to.

    Raises UsageError: it is their own, is over, or nobody says yes.
    """
    from currency.amount import format_yuan
    from wallet.cli.asking import agree
    from wallet.cli.console import UsageError
    from wallet.cli.requests_output import payment_of
    from wallet.limits import ASK_ABOVE_FEN

    if line.mine:
        raise UsageError(_("this wallet has made this request; it is for the other one to pay"))
    if line.mandate:
        raise UsageError(
            _("it asks by a mandate; have it paid with: wallet mandate allow {name}").format(
                name=line.name
            )
        )
    if not line.is_open:
        from wallet.cli.requests_output import state_word

        raise UsageError(_("the request is {state}").format(state=state_word(line)))
    pays = payment_of(line, amount_fen)
    otherwise = _("the request is for {pays}; say the amount too, like: `{yuan}`, or --yes").format(
        pays=pays, yuan=format_yuan(amount_fen)
    )
    sure = yes or (said and amount_fen <= ASK_ABOVE_FEN)
    agree(pays, sure=sure, otherwise=otherwise, output=output)
