"""``wallet refund``: gives back what was received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from currency import text
from language import _
from wallet.cli.options import Anew, HomeOption, JsonOption, wallet

if TYPE_CHECKING:
    from collections.abc import Callable

    from wallet.online.account import HistoryEntry


def refund(
    context: typer.Context,
    payment_id: Annotated[
        str, typer.Argument(metavar="ID", help="The payment, as `wallet history` shows it.")
    ],
    amount: Annotated[
        str | None,
        typer.Argument(help="Yuan, like 12.50; without it all that is left.", show_default=False),
    ] = None,
    memo: Annotated[str, typer.Option("--memo", help="At most 140 characters.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Refund without a question.")] = False,
    anew: Anew = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a payment back to whoever paid it, or a part of it.

    Shows what is left to refund, and asks at the terminal; --yes answers in advance. After no
    answer the same command does not refund twice.
    """
    from currency.amount import parse_yuan

    with wallet(context, home, as_json) as (app, output):
        amount_fen = 0 if amount is None else parse_yuan(amount)
        from currency.payments import payer_of
        from wallet.cli.console import EXIT_NO_ANSWER
        from wallet.cli.output import refunded

        payment_id = payment_id.strip()
        placed = app.holder().refund(
            payment_id,
            amount_fen,
            text.typed(memo),
            anew=anew,
            agree=asking(output.say, yes=yes, said=amount is not None),
        )
        output.result(*refunded(payment_id, payer_of(payment_id), placed))
        if placed.pending:
            raise SystemExit(EXIT_NO_ANSWER)


def asking(
    say: Callable[[str], None], *, yes: bool, said: bool
) -> Callable[[HistoryEntry, int], None]:
    """What shows a payment and what is left of it, and asks the holder.

    Args:
        say: prints a remark.
        yes: whether the holder has answered in advance.
        said: whether the holder has said the amount.
    """

    def agree(received: HistoryEntry, fen: int) -> None:
        import sys

        from currency.amount import format_yuan
        from wallet.cli.asking import ask
        from wallet.cli.console import UsageError
        from wallet.cli.times import clock

        refunds = _(
            "{yuan} yuan to {payer}, of the payment of {paid} yuan at {time}; {left} yuan of it "
            "are left to refund"
        ).format(
            yuan=format_yuan(fen),
            payer=received.counterparty,
            paid=format_yuan(received.change_fen),
            time=clock(received.time_ms),
            left=format_yuan(received.left_fen),
        )
        if not yes and sys.stdin.isatty():
            ask(_("Refund {refunds}. Is that right? [y/N] ").format(refunds=refunds))
        elif yes or said:
            say(_("Refunding {refunds}.").format(refunds=refunds))
        else:
            raise UsageError(
                _("{left} yuan are left to refund; say how much, or --yes for all of it").format(
                    left=format_yuan(received.left_fen)
                )
            )

    return agree
