"""What the offline commands read: texts, files, amounts, and what people answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from currency.amount import format_yuan, parse_yuan
from dcep.errors.v1 import errors_pb2
from language import N_, _
from runtime.errors import Refusal
from runtime.output import Unprintable, harmless, reason_of
from wallet.cli.asking import ask
from wallet.cli.console import UsageError
from wallet.home.pin import asked
from wallet.limits import ASK_ABOVE_FEN, MAX_INPUT_BYTES
from wallet.offline import text_format
from wallet.offline.found_text import decoded, found
from wallet.offline.payments import OfflinePayments
from wallet.secure_element.interface import Limits

if TYPE_CHECKING:
    from offline_token.formats import Request


def given(text: str, file: Path | None, what: str, *wanted: str) -> str:
    """The offline text that was typed, or is in a file, or on standard input for ``-``.

    Args:
        text: what was typed.
        file: the file, if one was named.
        what: its name in messages, in English.
        wanted: the prefixes that are accepted.

    Raises:
        UsageError: nothing was given, or it cannot be read.
    """
    if bool(text) == bool(file):
        raise UsageError(
            _("give the {what} as text, as --file FILE, or - for standard input").format(
                what=_(what)
            )
        )
    if file is not None and str(file) == "-":
        file, text = None, "-"
    if text != "-" and file is None:
        return found(text, wanted)
    try:
        if file is None:
            data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
        else:
            with file.open("rb") as source:
                data = source.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise UsageError(
            _("{file} cannot be read: {error}").format(
                file=file or _("standard input"), error=reason_of(error)
            )
        ) from error
    if len(data) > MAX_INPUT_BYTES:
        raise UsageError(
            _("this has more than {most} bytes; give the {what} alone").format(
                most=MAX_INPUT_BYTES, what=_(what)
            )
        )
    return found(decoded(data), wanted)


def keep(text: str, file: Path | None) -> None:
    """Writes a text to a file, if one is wanted. Raises Unprintable."""
    if file is None:
        return
    try:
        file.write_text(text + "\n", encoding="ascii")
    except OSError as error:
        raise Unprintable(
            _("{file} cannot be written: {error}").format(file=file, error=reason_of(error))
        ) from error


def check_file(file: Path | None) -> None:
    """Raises UsageError if a file cannot be written; called before any money moves."""
    if file is None:
        return
    where = file if file.exists() else file.parent
    if file.is_dir() or not where.exists() or not os.access(where, os.W_OK):
        raise UsageError(
            _("{file} cannot be written: name a file in a folder of yours").format(file=file)
        )


def asked_fen(
    offline_payments: OfflinePayments,
    request: str,
    expected_fen: int | None,
    yes: bool,
    say: Callable[[str], None],
) -> int:
    """The amount of a request, in fen, once it is as expected or the holder has confirmed it.

    Prints what is paid, to whom as far as that is known, and what is left.

    Raises UsageError when the amount differs, or nobody can be asked to confirm it.
    """
    asked = request_of(request)
    amount = format_yuan(asked.amount_fen)
    check_expected(asked, expected_fen)
    if offline_payments.has_paid(request):
        say(
            _("This request of {yuan} yuan was paid before; this is the same payment.").format(
                yuan=amount
            )
        )
        return asked.amount_fen
    _check_enough(offline_payments, asked.amount_fen)
    pays = _("{yuan} yuan to {payee}; {left}").format(
        yuan=amount, payee=payee(asked), left=_left(offline_payments, asked.amount_fen)
    )
    if yes or (expected_fen is not None and asked.amount_fen <= ASK_ABOVE_FEN):
        say(_("Paying {pays}.").format(pays=pays))
    elif sys.stdin.isatty():
        ask(_("Pay {pays}. Is that right? [y/N] ").format(pays=pays))
    elif expected_fen is None:
        raise UsageError(
            _("the request asks for {yuan} yuan; say so, like: --amount {yuan}").format(yuan=amount)
        )
    else:
        raise UsageError(
            _(
                "{yuan} yuan to {payee} is more than {ask_above} yuan: say --yes as well; "
                "nothing was paid"
            ).format(yuan=amount, payee=payee(asked), ask_above=format_yuan(ASK_ABOVE_FEN))
        )
    return asked.amount_fen


def _check_enough(offline_payments: OfflinePayments, amount_fen: int) -> None:
    """Raises Refusal for a payment that cannot be made, before anything is printed."""
    missing_fen = amount_fen - offline_payments.balance_fen()
    if missing_fen > 0:
        raise Refusal(
            errors_pb2.REASON_INSUFFICIENT_FUNDS,
            N_("not enough money in the device"),
            missing_fen=str(missing_fen),
        )


def check_expected(asked: Request, expected_fen: int | None) -> None:
    """Raises UsageError if a request is for another amount than the holder has said."""
    if expected_fen not in (None, asked.amount_fen):
        raise UsageError(
            _("the request asks for {yuan} yuan; nothing was paid").format(
                yuan=format_yuan(asked.amount_fen)
            )
        )


def payee(asked: Request) -> str:
    """The payee, as far as known."""
    return _("a device of {bank} whose screen shows {code}").format(
        bank=harmless(asked.certificate.bank), code=asked.code()
    )


def _left(offline_payments: OfflinePayments, amount_fen: int) -> str:
    left_fen = offline_payments.balance_fen() - amount_fen
    return _("{left} yuan are left then").format(left=format_yuan(max(left_fen, 0)))


def request_of(text: str) -> Request:
    """Decodes a request. Raises UsageError."""
    from offline_token.formats import FormatError, Request

    try:
        return Request.decode(text_format.read(text_format.REQUEST, text))
    except FormatError as error:
        raise UsageError(_("this request is not whole: {error}").format(error=error)) from error


def new_limits(old: Limits, single: str, total: str) -> Limits:
    """The limits with the given ones changed."""
    return Limits(
        _limit_fen(single) if single else old.single_fen,
        _limit_fen(total) if total else old.total_fen,
    )


def _limit_fen(text: str) -> int:
    return 0 if text == "0" else parse_yuan(text)


def new_pin(given: str) -> str:
    """The new PIN: as given, from the environment, or typed twice. Raises UsageError."""
    pin = given or os.environ.get("DCEP_NEW_PIN", "")
    if pin:
        return pin
    pin = asked(_("New PIN: "))
    if not pin:
        raise UsageError(_("give the new PIN with --new, DCEP_NEW_PIN, or at a terminal"))
    if asked(_("Once more: ")) != pin:
        raise UsageError(_("these are two different PINs; nothing was changed"))
    return pin
