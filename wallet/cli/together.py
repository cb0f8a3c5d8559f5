"""``wallet prepare``, ``pending``, ``release`` and ``withdraw``: what several people sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from language import _
from wallet.cli.options import Amount, Anew, HomeOption, JsonOption, Yes, wallet

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcep.bank.v1 import signers_pb2
    from wallet.cli.console import CommandResult
    from wallet.online.together import Waiting

Id = Annotated[str, typer.Argument(metavar="ID", help="As `wallet pending` shows it.")]


def prepare(
    context: typer.Context,
    payee: Annotated[str, typer.Argument(metavar="NUMBER", help="Whom to pay, 16 digits.")],
    amount: Amount,
    memo: Annotated[str, typer.Option("--memo", help="At most 140 characters.")] = "",
    anew: Anew = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a payment before those who may release it.

    It waits for 24 hours. It is made once, when as many as it takes have released it; whoever
    prepares it counts if this home may release too.
    """
    with wallet(context, home, as_json, limits=True) as (app, output):
        from currency.amount import parse_yuan
        from currency.number import typed
        from currency.text import typed as cleaned

        placed = app.together().prepare(typed(payee), parse_yuan(amount), cleaned(memo), anew=anew)
        output.result(*signed(placed.message))


def pending(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[ID]", help="All of this one only.", show_default=False)
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what waits for signatures, the oldest first; with an id, all orders that are in it."""
    with wallet(context, home, as_json, asks_only=True) as (app, output):
        from wallet.cli.together_output import fields_of, shown

        found = app.together().waiting(name)
        lines = [line for one in found for line in shown(one, 0 if name else None)]
        output.result(
            {"pending": [fields_of(one) for one in found]},
            "\n".join(lines) or _("Nothing waits for signatures."),
        )


def release(
    context: typer.Context,
    name: Id,
    yes: Yes = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign what somebody else has prepared: shows it, and asks; `--yes` answers in advance."""
    with wallet(context, home, as_json, limits=True) as (app, output):
        seen: list[Waiting] = []
        agree = _agreed(output.say, seen.append, yes=yes, question=_("Sign it?"))
        answer = app.together().release(name, agree)
        output.result(*signed(answer, of_orders=seen[0].release is not None))


def withdraw(
    context: typer.Context,
    name: Id,
    yes: Yes = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End something that waits for signatures, for good."""
    with wallet(context, home, as_json) as (app, output):
        from wallet.cli.together_output import fields_of, line_of

        question = _("Withdraw it, for good?")
        agree = _agreed(output.say, lambda _one: None, yes=yes, question=question)
        one = app.together().withdraw(name, agree)
        output.result(
            {**fields_of(one), "withdrawn": True}, _("Withdrawn: {what}").format(what=line_of(one))
        )


def signed(answer: signers_pb2.SignResponse, *, of_orders: bool = False) -> CommandResult:
    """After ``prepare`` and ``release``.

    Args:
        of_orders: it releases orders that whoever has prepared them sends.
    """
    from currency.contract_words import state_name
    from wallet.cli.amounts import yuan
    from wallet.orders.releases import ID_DIGITS

    name = answer.order_digest.hex()[:ID_DIGITS]
    fields: dict[str, Any] = {
        "id": name,
        "signed": list(answer.signed),
        "threshold": answer.threshold,
        "done": answer.done,
    }
    if not answer.done:
        left = answer.threshold - len(answer.signed)
        return fields, _(
            "{id} waits for {left} more: they release it with `wallet release {id}`."
        ).format(id=name, left=left)
    if not answer.HasField("paid"):
        if of_orders:
            said = _("{id} is released: who has prepared it repeats the command, which sends it.")
            return fields, said.format(id=name)
        return fields, _("{id} is in force.").format(id=name)
    paid = answer.paid
    state = state_name(paid.state)
    fields |= {"payment_id": paid.payment_id, "state": state, "available_fen": paid.available_fen}
    return fields, _("{id} was released: {state}. Left: {yuan}.").format(
        id=name, state=_(state), yuan=yuan(paid.available_fen)
    )


def _agreed(
    say: Callable[[str], None], see: Callable[[Waiting], None], *, yes: bool, question: str
) -> Callable[[Waiting], None]:
    """Shows what is to be signed, and asks; without a terminal only `--yes` agrees."""
    from wallet.cli.asking import consent
    from wallet.cli.together_output import FIRST, shown

    def agree(one: Waiting) -> None:
        see(one)
        for line in shown(one, FIRST):
            say(line)
        consent(question, _("nothing was signed"), yes=yes)

    return agree
