"""``wallet qr …`` and ``wallet pay --qr``: merchant codes, shown, read and paid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from language import _
from wallet.cli.options import AMOUNTS, HomeOption, JsonOption, gather, wallet

if TYPE_CHECKING:
    from wallet.app import App
    from wallet.cli.console import Output
    from wallet.home.home import Profile
    from wallet.home.merchant import Merchant

MAX_MINUTES = 366 * 24 * 60

qr = typer.Typer(help="A merchant's QR codes: show, read.", no_args_is_help=True)


@qr.callback()
def common(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """A merchant's QR codes: show, read."""
    context.obj = gather(context, home, as_json)


@qr.command(context_settings=AMOUNTS)
def show(
    context: typer.Context,
    amount: Annotated[
        str | None,
        typer.Argument(help="Yuan, like 12.50; without it the payer says it.", show_default=False),
    ] = None,
    reference: Annotated[
        str,
        typer.Option("--reference", help="Comes back as the payment's memo; up to 25 in ASCII."),
    ] = "",
    minutes: Annotated[
        int,
        typer.Option(
            "--minutes", min=0, max=MAX_MINUTES, help="After so many the code ends; 0: never."
        ),
    ] = 0,
    name: Annotated[
        str | None,
        typer.Option("--name", help="The merchant's name, up to 25 in ASCII.", show_default=False),
    ] = None,
    city: Annotated[
        str | None, typer.Option("--city", help="Up to 15 in ASCII.", show_default=False)
    ] = None,
    name_zh: Annotated[
        str | None,
        typer.Option("--name-zh", help="The name in Chinese, up to 25.", show_default=False),
    ] = None,
    city_zh: Annotated[
        str | None,
        typer.Option("--city-zh", help="The city in Chinese, up to 15.", show_default=False),
    ] = None,
    asked: Annotated[
        str,
        typer.Option(
            "--request", help="The id of a request to pay of this wallet, for who is asked."
        ),
    ] = "",
    png: Annotated[Path | None, typer.Option("--png", help="Write a picture to a file.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show this wallet's code for payers: for many payments, or with an amount for one.

    With --request it is for the one wallet that was asked, and is paid once whoever reads it.
    Name and city are kept, so they are said once. Nobody checks them.
    """
    with wallet(context, home, as_json, asks_only=True) as (app, output):
        from currency.amount import parse_yuan
        from wallet.cli.console import UsageError
        from wallet.cli.merchant_qr_output import shown
        from wallet.cli.offline_input import check_file
        from wallet.home.merchant import keep_merchant, merchant_of
        from wallet.qr.errors import CodeError
        from wallet.qr.payment_code import LocalName, PaymentCode

        amount_fen = None if amount is None else parse_yuan(amount)
        profile = app.profile()
        check_file(png)
        kept = merchant_of(app.home)
        merchant = _called(kept, profile, name, city, name_zh, city_zh)
        now_s = app.clock.now_ms() // 1_000
        ends_time_ms = (now_s + minutes * 60) * 1_000 if minutes else None
        once = "" if amount_fen is None else UUID(app.randomness.uuid()).hex
        if asked:
            if amount is not None or reference or minutes:
                raise UsageError(_("the request says amount, reference and end; leave them away"))
            amount_fen, once, ends_time_ms = _of_request(app, asked)
        code = PaymentCode(
            number=profile.number,
            name=merchant.name,
            city=merchant.city,
            local=LocalName(merchant.local_name, merchant.local_city)
            if merchant.local_name or merchant.local_city
            else None,
            amount_fen=amount_fen,
            reference=reference,
            request_id=once,
            ends_time_ms=ends_time_ms,
        )
        try:
            text = code.text()
        except CodeError as wrong:
            raise UsageError(str(wrong)) from wrong
        if merchant != kept:
            keep_merchant(app.home, merchant)
        if png is not None:
            _write(png, text)
        output.result(*shown(code, text, png))


@qr.command()
def read(
    context: typer.Context,
    code: Annotated[str, typer.Argument(help="The code's text, or a picture: PNG or JPEG.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a code asks for; nothing is paid."""
    with wallet(context, home, as_json, asks_only=True) as (app, output):
        from wallet.cli.merchant_qr_input import code_text
        from wallet.cli.merchant_qr_output import read_by_another, read_by_us
        from wallet.qr.errors import CodeError
        from wallet.qr.payment_code import asked_by, fields_of

        fields: dict[str, str] = {}
        try:
            fields = fields_of(code_text(code))
            asked = asked_by(fields)
        except CodeError as no:
            if not no.refused:
                raise
            output.result(*read_by_another(fields, no))
            return
        output.result(*read_by_us(asked, app.clock.now_ms()))


def pay_code(
    app: App,
    output: Output,
    source: str,
    amount: str | None,
    memo: str,
    *,
    anew: bool,
    yes: bool,
    top_up: bool | None = None,
) -> None:
    """Pays what a code asks for, and prints what came of it.

    Args:
        source: the code's text, or the file of a picture.
        amount: what was typed; None for nothing.
        memo: what was typed; "" for nothing.
        anew: pay once more, whatever came of it before.
        yes: the question whether it is right was answered in advance.
        top_up: as in `OnlineWallet.pay`.

    Raises:
        UsageError, AmountError: what was typed does not fit the code.
        CodeError: the code cannot be paid.
        Refusal, NoAnswer: the bank's.
    """
    from wallet.cli import merchant_qr_input
    from wallet.cli.console import EXIT_NO_ANSWER
    from wallet.cli.output import paid
    from wallet.cli.requests import pay_request
    from wallet.qr import payment_code

    code = payment_code.read(merchant_qr_input.code_text(source))
    payments = app.code_payments()
    before = None if anew else payments.ordered_before(code)
    if before is not None:
        amount_fen, memo = before.amount_fen, before.memo
        merchant_qr_input.check_before(code, amount_fen, amount)
        output.say(_("This code was ordered to be paid before; this is the same payment."))
    else:
        code.check_time(app.clock.now_ms())
        asked = f"{code.number}-{code.request_id}" if code.once else ""
        if asked and app.requests_to_pay().find(asked) is not None:
            pay_request(app, output, asked, amount, anew=anew, yes=yes, top_up=top_up)
            return
        amount_fen = merchant_qr_input.amount_to_pay(code, amount)
        memo = merchant_qr_input.memo_to_send(code, memo)
        merchant_qr_input.check_agreed(
            code, amount_fen, memo, said=amount is not None, yes=yes, output=output
        )
    placed = payments.pay(code, amount_fen, memo, anew=anew, top_up=top_up)
    output.result(*paid(code.number, amount_fen, placed))
    if placed.pending:
        raise SystemExit(EXIT_NO_ANSWER)


def _of_request(app: App, name: str) -> tuple[int, str, int]:
    """What a code for a request to pay says: fen, its id without the number, and when it ends.

    Raises:
        UsageError: it is not this wallet's, or is over.
        Refusal: there is none.
    """
    from wallet.cli.console import UsageError
    from wallet.cli.requests_output import state_word

    line = app.requests_to_pay().get(name.strip())
    if not line.mine:
        raise UsageError(_("another wallet has made this request; it shows the code"))
    if not line.is_open:
        raise UsageError(_("the request is {state}").format(state=state_word(line)))
    return line.left_fen, line.name.partition("-")[2], line.due_time_ms // 1_000 * 1_000


def _called(
    kept: Merchant,
    profile: Profile,
    name: str | None,
    city: str | None,
    local_name: str | None,
    local_city: str | None,
) -> Merchant:
    """What the merchant is called: as was typed, or else as before. Raises UsageError."""
    from currency.text import typed
    from wallet.cli.console import UsageError

    given = {"name": name, "city": city, "local_name": local_name, "local_city": local_city}
    merchant = replace(kept, **{at: typed(said) for at, said in given.items() if said is not None})
    if not merchant.name and profile.holder_name.isascii():
        merchant = replace(merchant, name=profile.holder_name)
    if not merchant.name or not merchant.city:
        raise UsageError(
            _(
                "a code says the merchant's name and city in ASCII; say them once, like: `wallet "
                'qr show --name "BEST TRANSPORT" --city BEIJING`'
            )
        )
    return merchant


def _write(file: Path, text: str) -> None:
    """Writes the picture of a code. Raises Unprintable."""
    from runtime.output import Unprintable, reason_of
    from wallet.qr.pictures import png

    try:
        file.write_bytes(png(text))
    except OSError as error:
        raise Unprintable(
            _("{file} cannot be written: {error}").format(file=file, error=reason_of(error))
        ) from error
