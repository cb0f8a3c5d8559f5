"""``wallet``: the command line. Amounts are yuan; --json gives fen."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from currency import text
from language import _
from runtime.command_line import Version, run_app
from runtime.output import asked_for_json
from wallet.cli.options import (
    AMOUNTS,
    Amount,
    Anew,
    BankAccount,
    Code,
    Document,
    DocumentKind,
    HolderName,
    HomeOption,
    JsonOption,
    Phone,
    Receipt,
    StackOption,
    gather,
    stack_folder,
    wallet,
)

app = typer.Typer(
    help="A person's wallet for digital currency.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """The ``wallet`` command."""
    from runtime.output import run_command
    from wallet.cli.reason_texts import NO_ANSWER_NEXT

    run_command(lambda: run_app(app, "wallet", _wrong_usage), NO_ANSWER_NEXT)


def _wrong_usage(message: str, following: str) -> NoReturn:
    from wallet.cli.console import EXIT_USAGE, Output

    Output(asked_for_json()).fail(EXIT_USAGE, "USAGE", message, following)


@app.callback()
def common(
    context: typer.Context,
    home: HomeOption = None,
    as_json: JsonOption = False,
    version: Version = False,
) -> None:
    """A person's wallet for digital currency."""
    context.obj = gather(context, home, as_json)


@app.command("open")
def open_(
    context: typer.Context,
    bank: Annotated[str, typer.Option("--bank", help="The bank's name or HOST:PORT.")],
    name: HolderName = "",
    phone: Phone = "",
    document: Document = "",
    kind: DocumentKind = "id-card",
    account: BankAccount = "",
    code: Code = "",
    no_phrase: Annotated[
        bool, typer.Option("--no-phrase", help="Make no recovery phrase.", show_default=False)
    ] = False,
    stack: StackOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a wallet: with a phone class IV, with a document too III, with a bank account too II.

    At a terminal a recovery phrase is shown, once, to be written down: it gives the wallet back
    when its home is lost. A program gets it as `phrase`.
    """
    from wallet.cli.output import opened
    from wallet.cli.phrase import phrase_for
    from wallet.cli.typed import papers_typed, phone_typed
    from wallet.peers.bank_directory import find_bank
    from wallet.peers.same_stack import check_same_stack

    with wallet(context, home, as_json) as (app, output):
        if not name and not phone:
            from wallet.cli.console import UsageError

            raise UsageError(
                _(
                    "a wallet is opened with a phone, and more for higher limits, like: "
                    "wallet open --bank alpha --phone 13800000001, or in a sandbox --name Alice"
                )
            )
        entry = find_bank(stack_folder(stack), bank)
        # Before a phrase is made: else a home is left for a wallet that was never asked for.
        check_same_stack(entry.stack, entry.name, entry.address)
        # One that is being opened goes on as it was begun.
        begins = app.home.profile() is None
        if begins and no_phrase:
            app.home.drop_recovery_key()
        wanted = begins and not no_phrase
        profile = app.open(
            entry,
            holder_name=text.typed(name),
            phone=phone_typed(phone),
            document=papers_typed(document),
            document_kind=kind,
            bank_account=papers_typed(account),
            code=code,
            recovery_key=phrase_for(app, output, entry.name, wanted=wanted),
        )
        why_not = app.prepare_offline()
        output.result(*opened(profile, why_not))


@app.command()
def show(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what is in the wallet."""
    from wallet.cli.console import EXIT_NO_ANSWER
    from wallet.cli.output import shown

    with wallet(context, home, as_json, asks_only=True) as (app, output):
        profile = app.profile()
        state, why_not = app.look()
        output.result(*shown(profile, state, app.offline_fen(), why_not))
        if state is None:
            raise SystemExit(EXIT_NO_ANSWER)


@app.command("limits")
def limits_(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what the wallet may hold and pay, what is left of it, and when that turns."""
    from wallet.cli.limits_output import limited

    with wallet(context, home, as_json, asks_only=True) as (app, output):
        output.result(*limited(app.holder().show()))


@app.command(context_settings=AMOUNTS)
def topup(
    context: typer.Context,
    amount: Amount,
    receipt: Receipt = "",
    anew: Anew = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put money into the wallet: from the deposit account, or cash with the machine's receipt."""
    from currency.amount import parse_yuan

    with wallet(context, home, as_json, limits=True) as (app, output):
        amount_fen = parse_yuan(amount)
        from wallet.cli.output import exchanged
        from wallet.online.receipts import receipt_bytes

        placed = app.holder().top_up(amount_fen, receipt=receipt_bytes(receipt), anew=anew)
        output.result(*exchanged(_("put in"), amount_fen, placed))


@app.command(context_settings=AMOUNTS)
def cashout(
    context: typer.Context,
    amount: Amount,
    receipt: Receipt = "",
    anew: Anew = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take money out of the wallet: to the deposit account, or as cash that a machine has ready."""
    from currency.amount import parse_yuan

    with wallet(context, home, as_json) as (app, output):
        amount_fen = parse_yuan(amount)
        from wallet.cli.output import exchanged
        from wallet.online.receipts import receipt_bytes

        placed = app.holder().cash_out(amount_fen, receipt=receipt_bytes(receipt), anew=anew)
        output.result(*exchanged(_("taken out"), amount_fen, placed))


@app.command(context_settings=AMOUNTS)
def pay(
    context: typer.Context,
    number: Annotated[
        str | None,
        typer.Argument(help="The payee's wallet number, 16 digits.", show_default=False),
    ] = None,
    amount: Annotated[
        str | None, typer.Argument(help="Yuan, like 12.50", show_default=False)
    ] = None,
    qr: Annotated[
        str,
        typer.Option(
            "--qr", help="A merchant's code, as text or a picture, instead of the number."
        ),
    ] = "",
    asked: Annotated[
        str,
        typer.Option(
            "--request", help="The id of a request to pay, instead of the number: see `requests`."
        ),
    ] = "",
    alias: Annotated[
        str,
        typer.Option("--alias", help="The payee's phone, or @ and a name, instead of the number."),
    ] = "",
    memo: Annotated[str, typer.Option("--memo", help="At most 140 characters.")] = "",
    top_up: Annotated[
        bool | None,
        typer.Option(
            "--top-up/--no-top-up",
            help="Take what the wallet lacks from the deposit account; see `automatic`.",
            show_default=False,
        ),
    ] = None,
    anew: Anew = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="With --qr, --request or --alias: pay without a question."),
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pay a wallet, at any bank. After no answer the same command does not pay twice.

    With --qr the code says whom to pay, and the only argument is the amount. If the code has an
    amount, no other is paid. It shows what is paid and to whom; without an argument, and in any
    case above 100 yuan, it asks at the terminal. A code for one payment is paid once from here.
    With --request it is the same: who asked is paid, all that is left or the amount beside it.
    With --alias the payee's bank says whom it stands for, with the name masked, and you are asked.
    """
    from currency.amount import parse_yuan
    from currency.number import typed

    with wallet(context, home, as_json, limits=True) as (app, output):
        if qr:
            from wallet.cli.merchant_qr import pay_code

            typed_amount = _only([number, amount])
            pay_code(app, output, qr, typed_amount, memo, anew=anew, yes=yes, top_up=top_up)
            return
        if asked:
            from wallet.cli.requests import pay_request

            typed_amount = _only([number, amount])
            pay_request(app, output, asked, typed_amount, anew=anew, yes=yes, top_up=top_up)
            return
        if alias:
            from wallet.cli.aliases import pay_alias

            typed_amount, said = _only([number, amount]), text.typed(memo)
            pay_alias(app, output, alias, typed_amount, said, anew=anew, yes=yes, top_up=top_up)
            return
        if number is None or amount is None:
            from wallet.cli.console import UsageError

            raise UsageError(
                _(
                    "a payment has a payee and an amount, like: `wallet pay NUMBER 12.50`, or "
                    "`wallet pay --qr FILE.png`"
                )
            )
        amount_fen = parse_yuan(amount)
        number = typed(number)
        from wallet.cli.console import EXIT_NO_ANSWER
        from wallet.cli.output import paid

        said = text.typed(memo)
        placed = app.holder().pay(number, amount_fen, said, anew=anew, top_up=top_up)
        output.result(*paid(number, amount_fen, placed))
        if placed.pending:
            raise SystemExit(EXIT_NO_ANSWER)


def _only(words: list[str | None]) -> str | None:
    """The amount beside a code: it alone was typed. Raises UsageError."""
    typed = [word for word in words if word is not None]
    if len(typed) > 1:
        from wallet.cli.console import UsageError

        raise UsageError(_("the code says whom to pay; leave the number away"))
    return typed[0] if typed else None


@app.command("close")
def close_(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Close the wallet; it must be empty."""
    with wallet(context, home, as_json) as (app, output):
        number = app.profile().number
        app.holder().close()
        output.result(
            {"number": number, "status": "CLOSED"},
            _("Wallet {number} is closed.").format(number=number),
        )


@app.command()
def resume(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Allow orders from this home again, after the wallet was used from another place too."""
    from wallet.cli.history_output import resumed

    with wallet(context, home, as_json) as (app, output):
        output.result(*resumed(app.holder().resume()))


@app.command()
def watch(
    context: typer.Context,
    count: Annotated[int, typer.Option("--count", min=0, help="End after so many payments.")] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show money as it arrives, until Ctrl-C; with --json one object a line.

    If the connection breaks, the bank is asked again until it answers, and nothing that arrived
    meanwhile is left out.
    """
    from wallet.cli.output import arrived

    with wallet(context, home, as_json, asks_only=True) as (app, output):
        try:
            holder = app.holder()
            watching = holder.watching(output.say)
            output.say(_("Waiting for money; Ctrl-C ends."))
            for seen, arrival in enumerate(watching, 1):
                output.result(*arrived(holder.entry(arrival)))
                if seen == count:
                    break
        except KeyboardInterrupt:
            return


def _add_others() -> None:
    from wallet.cli.aliases import alias
    from wallet.cli.automatic import automatic
    from wallet.cli.backup import backup, restore
    from wallet.cli.classes import downgrade, upgrade
    from wallet.cli.history import history, payment
    from wallet.cli.keys import key, keys, recover
    from wallet.cli.mandates import mandate
    from wallet.cli.merchant_qr import qr
    from wallet.cli.offline import offline
    from wallet.cli.payroll import payroll
    from wallet.cli.refund import refund
    from wallet.cli.requests import request, requests
    from wallet.cli.signers import signers
    from wallet.cli.sub_wallets import sub
    from wallet.cli.together import pending, prepare, release, withdraw

    app.command(context_settings=AMOUNTS)(refund)
    app.command(context_settings=AMOUNTS)(request)
    app.command()(automatic)
    app.command()(upgrade)
    app.command()(downgrade)
    app.command()(history)
    app.command()(payment)
    app.command()(payroll)
    app.command()(recover)
    app.command()(keys)
    app.command()(backup)
    app.command()(restore)
    app.command(context_settings=AMOUNTS)(prepare)
    app.command()(pending)
    app.command()(release)
    app.command()(withdraw)
    app.add_typer(key, name="key")
    app.add_typer(alias, name="alias")
    app.add_typer(offline, name="offline")
    app.add_typer(qr, name="qr")
    app.add_typer(requests, name="requests")
    app.add_typer(signers, name="signers")
    app.add_typer(sub, name="sub")
    app.add_typer(mandate, name="mandate")


_add_others()


if __name__ == "__main__":
    main()
