"""What the commands about merchant codes read: a code, and what its payer has to say."""

from __future__ import annotations

from pathlib import Path

from currency import text
from currency.amount import format_yuan, parse_yuan
from language import _
from runtime.output import quoted
from wallet.cli.asking import agree, answer
from wallet.cli.console import Output, UsageError
from wallet.limits import ASK_ABOVE_FEN
from wallet.qr.merchant_presented import looks_like_one
from wallet.qr.payment_code import ASK_THE_PAYER, PaymentCode
from wallet.qr.schemes import of_link

_PICTURES = (".png", ".jpg", ".jpeg")


def code_text(source: str) -> str:
    """The text of a code that was typed, or is in a picture whose file was named.

    Raises CodeError.
    """
    typed = source.strip()
    if not looks_like_one(typed) and not of_link(typed) and _names_a_file(typed):
        from wallet.qr.pictures import text_in

        typed = text_in(Path(typed)).strip()
    return typed


def _names_a_file(typed: str) -> bool:
    if typed.lower().endswith(_PICTURES):
        return True
    try:
        return Path(typed).exists()
    except OSError:
        return False  # it is longer than any name


def amount_to_pay(code: PaymentCode, typed: str | None) -> int:
    """Fen that a code is to be paid with: what it says, or else what its payer says.

    Args:
        typed: what was typed on the command line; None for nothing.

    Raises:
        UsageError: nobody says an amount, or the payer another one than the code.
        AmountError: what was typed is none.
    """
    typed_fen = None if typed is None else parse_yuan(typed)
    if code.amount_fen is None:
        return typed_fen if typed_fen is not None else _asked_fen()
    if typed_fen not in (None, code.amount_fen):
        raise UsageError(
            _("the code asks for {yuan} yuan; nothing was paid").format(
                yuan=format_yuan(code.amount_fen)
            )
        )
    return code.amount_fen


def check_before(code: PaymentCode, ordered_fen: int, typed: str | None) -> None:
    """Raises UsageError if a code that was ordered to be paid before is now for another amount.

    Args:
        ordered_fen: the amount of that order.
        typed: what was typed on the command line; None for nothing.
    """
    typed_fen = None if typed is None else parse_yuan(typed)
    if {code.amount_fen, typed_fen} - {None, ordered_fen}:
        raise UsageError(
            _(
                "this code was ordered to be paid before, with {yuan} yuan; nothing was paid now"
            ).format(yuan=format_yuan(ordered_fen))
        )


def _asked_fen() -> int:
    said = answer(_("How many yuan? "))
    if not said:
        raise UsageError(
            _("the code leaves the amount to you; say it, like: `wallet pay --qr FILE.png 12.50`")
        )
    return parse_yuan(said)


def memo_to_send(code: PaymentCode, typed: str) -> str:
    """The memo of a payment: the code's reference, or else what its payer says. Raises UsageError.

    Args:
        typed: what was typed on the command line; "" for nothing.
    """
    memo = text.typed(typed)
    if code.reference == ASK_THE_PAYER:
        memo = memo or text.typed(answer(_("Which reference does the payee want? ")))
        if not memo:
            raise UsageError(_("the code leaves the reference to you; say it with --memo"))
        return memo
    if code.reference and memo:
        raise UsageError(_("the code has a reference of its own; leave --memo away"))
    return code.reference or memo


def check_agreed(
    code: PaymentCode, amount_fen: int, memo: str, *, said: bool, yes: bool, output: Output
) -> None:
    """Tells the holder what is paid and to whom, and asks whether that is right, if it has to.

    Args:
        said: the amount was on the command line.
        yes: the question was answered in advance.

    Raises:
        UsageError: the holder does not say yes, or nobody can be asked.
    """
    amount = format_yuan(amount_fen)
    pays = _("{yuan} yuan to {number}, which calls itself {names}").format(
        yuan=amount, number=code.number, names=names_of(code)
    )
    if memo:
        pays += _(", for {memo}").format(memo=quoted(memo))
    if said:
        otherwise = _(
            "{pays}: that is more than {ask_above} yuan; say --yes as well. Nothing was paid"
        ).format(pays=pays, ask_above=format_yuan(ASK_ABOVE_FEN))
    else:
        otherwise = _(
            "the code asks for {pays}; say the amount too, like: `wallet pay --qr FILE.png {yuan}`"
        ).format(pays=pays, yuan=amount)
    sure = yes or (said and amount_fen <= ASK_ABOVE_FEN)
    agree(pays, sure=sure, otherwise=otherwise, output=output)


def names_of(code: PaymentCode) -> str:
    """The merchant's names and cities, quoted: “BEST TRANSPORT, BEIJING” “最佳运输, 北京”."""
    return " ".join(quoted(each) for each in (code.name_and_city, code.local_name_and_city) if each)
