"""``wallet offline …``: money without any server in reach."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from language import N_, _
from wallet.cli.options import (
    AMOUNTS,
    Amount,
    Anew,
    File,
    HomeOption,
    JsonOption,
    PinOption,
    gather,
    wallet,
)

offline = typer.Typer(
    help="Offline money: load, request, pay, accept, deposit (unload), show, again, renew.",
    no_args_is_help=True,
)
Text = Annotated[str, typer.Argument(help="The text that the other device shows.")]
AskedAmount = Annotated[str, typer.Option("--amount", help="Yuan, like 12.50", show_default=False)]


@offline.callback()
def common(
    context: typer.Context,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Offline money: load, request, pay, accept, deposit (unload), show, again, renew."""
    context.obj = gather(context, home, as_json, pin)


@offline.command(context_settings=AMOUNTS)
def load(
    context: typer.Context,
    amount: Amount,
    anew: Anew = False,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Load money from the wallet into the device. Needs the bank."""
    from currency.amount import parse_yuan

    with wallet(context, home, as_json, pin, device="loading") as (app, output):
        amount_fen = parse_yuan(amount)
        from wallet.cli import offline_output
        from wallet.cli.console import EXIT_NO_ANSWER

        placed = app.loading().load(amount_fen, anew=anew)
        offline_fen = app.offline_payments().balance_fen()
        output.result(*offline_output.loaded(amount_fen, offline_fen, placed))
        if placed.pending:
            raise SystemExit(EXIT_NO_ANSWER)


@offline.command(context_settings=AMOUNTS)
def request(
    context: typer.Context,
    amount: Amount,
    file: File = None,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for a payment: as text with a QR code, or in a file."""
    from currency.amount import parse_yuan

    with wallet(context, home, as_json, pin, device="alone") as (app, output):
        amount_fen = parse_yuan(amount)
        from wallet.cli import offline_input, offline_output

        offline_input.check_file(file)
        text = app.offline_payments().request(amount_fen)
        offline_input.keep(text, file)
        output.result(*offline_output.requested(text, amount_fen, file))


@offline.command()
def pay(
    context: typer.Context,
    request: Text = "",
    file: File = None,
    connect: Annotated[str, typer.Option("--connect", help="HOST:PORT of the payee.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write the payment to a file.")] = None,
    amount: AskedAmount = "",
    anew: Annotated[
        bool, typer.Option("--anew", help="A new payment, even if an earlier one got no answer.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Pay without a question.")] = False,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Pay a request: by text, from a file, or straight to a device that listens.

    It shows what is paid, to whom as far as that is known, and what is left. With --amount it pays
    only a request for exactly that amount. Without --amount, and in any case above 100 yuan, it
    asks at the terminal and shows the code to compare with the payee's; --yes answers in advance.
    If a link was cut, the same command does not pay twice. `wallet offline again` shows a payment
    again.
    """
    from currency.amount import parse_yuan

    with wallet(context, home, as_json, pin, device="alone") as (app, output):
        expected_fen = parse_yuan(amount) if amount else None
        from wallet.cli import offline_input, offline_link, offline_output
        from wallet.offline import text_format

        offline_payments = app.offline_payments()
        if connect:
            handed = offline_link.pay_over_link(
                offline_payments, connect, expected_fen, anew=anew, yes=yes, say=output.say
            )
            output.result(*offline_output.handed_over(handed, offline_payments.balance_fen()))
            return
        asked = offline_input.given(request, file, N_("request"), text_format.REQUEST)
        offline_input.check_file(out)
        amount_fen = offline_input.asked_fen(offline_payments, asked, expected_fen, yes, output.say)
        payment = offline_payments.pay(asked)
        offline_input.keep(payment, out)
        output.result(
            *offline_output.paid(payment, amount_fen, out, asked, offline_payments.device)
        )


@offline.command()
def accept(
    context: typer.Context,
    payment: Annotated[
        list[str] | None,
        typer.Argument(help="The text that the payer shows, or the texts of all its codes."),
    ] = None,
    file: File = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the return of the payment to a file.")
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", help="HOST:PORT to wait at for the payer's device.")
    ] = "",
    amount: AskedAmount = "",
    anew: Annotated[bool, typer.Option("--anew", help="A new request over the link.")] = False,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Verify and take a payment: by text, from a file, or over a direct link.

    A payment of several codes is given as several texts, in any order, or one after the other.

    With --listen, --amount says what to ask for.

    A payment that is refused through no fault of its payer is given back: show the payer the text
    that comes out. The payer takes it with this same command, and deposits.
    """
    from currency.amount import parse_yuan

    with wallet(context, home, as_json, pin, device="alone") as (app, output):
        asked_fen = parse_yuan(amount) if amount else None
        from wallet.cli import offline_input, offline_link, offline_output
        from wallet.cli.console import EXIT_REFUSED
        from wallet.offline import text_format
        from wallet.offline.outcomes import PaymentReturned

        offline_payments = app.offline_payments()
        try:
            if listen:
                took = offline_link.accept_over_link(app, listen, asked_fen, anew, output.say)
                said = offline_output.taken(took, offline_payments.balance_fen())
            else:
                wanted = (text_format.PAYMENT, text_format.BACK)
                text = offline_input.given(" ".join(payment or []), file, N_("payment"), *wanted)
                said = offline_output.accept_text(offline_payments, text)
        except PaymentReturned as back:
            offline_input.keep(back.text, out)
            output.result(*offline_output.payment_returned(back, out, over_link=bool(listen)))
            raise SystemExit(EXIT_REFUSED) from None
        output.result(*said)


@offline.command()
def deposit(
    context: typer.Context,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Unload: deposit everything in the device into the wallet. Needs the bank.

    That is what was accepted, and what was loaded and not spent.
    """
    with wallet(context, home, as_json, pin) as (app, output):
        from wallet.cli import offline_output
        from wallet.cli.console import EXIT_NO_ANSWER, EXIT_REFUSED

        done = app.loading().deposit()
        output.result(*offline_output.deposited(done, app.offline_payments().balance_fen()))
        if done.refused:
            raise SystemExit(EXIT_REFUSED)
        if done.pending:
            raise SystemExit(EXIT_NO_ANSWER)


@offline.command()
def tap(
    context: typer.Context,
    socket: Annotated[Path, typer.Argument(help="The hard wallet's socket.")],
    take: Annotated[
        str, typer.Option("--take", help="Yuan that the card pays to this device.")
    ] = "",
    give: Annotated[
        str, typer.Option("--give", help="Yuan that this device pays to the card.")
    ] = "",
    load: Annotated[
        str, typer.Option("--load", help="Yuan to load onto the card from the bank.")
    ] = "",
    deposit: Annotated[
        bool, typer.Option("--deposit", help="Deposit this wallet's money on the card.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Give, even if an earlier payment got no answer.")
    ] = False,
    card_pin: Annotated[
        str, typer.Option("--card-pin", help="The card's PIN; better DCEP_CARD_PIN, or typed.")
    ] = "",
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Hold a hard wallet to this one: show it, take money, give money, load it, deposit.

    Repeating a tap that was cut off pays once.
    """
    from currency.amount import parse_yuan

    device = "giving" if give else "card" if take else "loading-card" if load else ""
    with wallet(context, home, as_json, pin, device=device) as (app, output):
        take_fen, give_fen, load_fen = (
            parse_yuan(text) if text else 0 for text in (take, give, load)
        )
        from wallet.cli import offline_link, offline_output
        from wallet.cli.console import EXIT_NO_ANSWER, EXIT_REFUSED, UsageError
        from wallet.hard_wallet.reader import touched

        if sum(map(bool, (take, give, load, deposit))) > 1:
            raise UsageError(_("one of --take, --give, --load and --deposit at a time"))
        app.profile()
        with touched(socket) as card:
            offline_link.open_card(
                app,
                card,
                card_pin,
                take_fen=take_fen,
                with_pin=bool(load),
                owner=not (take or give),
            )
            if load_fen:
                placed = app.loading(card).load(load_fen)
                left = offline_link.left_on(card)
                output.result(*offline_output.loaded(load_fen, left and left.held_fen, placed))
                if placed.pending:
                    raise SystemExit(EXIT_NO_ANSWER)
            elif deposit:
                done = app.loading(card).deposit()
                left = offline_link.left_on(card)
                output.result(*offline_output.deposited(done, left and left.held_fen))
                if done.refused:
                    raise SystemExit(EXIT_REFUSED)
            else:
                output.result(*offline_link.tap(app, card, take_fen, give_fen, anew=anew))


@offline.command("pin")
def pin_(
    context: typer.Context,
    new: Annotated[
        str,
        typer.Option("--new", help="The new PIN; better DCEP_NEW_PIN, or typed."),
    ] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Remove the PIN.")] = False,
    home: HomeOption = None,
    pin: PinOption = "",
    as_json: JsonOption = False,
) -> None:
    """Set, change or remove the device's PIN. Ten wrong ones in a row lock it for good."""
    with wallet(context, home, as_json, pin) as (app, output):
        from wallet.cli import offline_input, offline_output

        app.profile()
        app.sealed.read()
        app.sealed.set_pin("" if remove else offline_input.new_pin(new))
        output.result(*offline_output.pin_set(not remove))


def _add_held() -> None:
    from wallet.cli.offline_held import again, limit, renew, show

    for command in (show, again, renew, limit):
        offline.command()(command)


_add_held()
