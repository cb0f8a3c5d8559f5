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


def pending(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List what waits for signatures, the oldest first."""
    with wallet(context, home, as_json, asks_only=True) as (app, output):
        found = app.together().waiting()
        lines = [_line(one) for one in found]
        output.result(
            {"pending": [_fields(one) for one in found]},
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
        agree = _agreed(output.say, yes=yes, question=_("Sign it?"))
        output.result(*signed(app.together().release(name, agree)))


def withdraw(
    context: typer.Context,
    name: Id,
    yes: Yes = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End something that waits for signatures, for good."""
    with wallet(context, home, as_json) as (app, output):
        agree = _agreed(output.say, yes=yes, question=_("Withdraw it, for good?"))
        one = app.together().withdraw(name, agree)
        output.result(
            {**_fields(one), "withdrawn": True}, _("Withdrawn: {what}").format(what=_line(one))
        )


def signed(answer: signers_pb2.SignResponse) -> CommandResult:
    """After ``prepare`` and ``release``."""
    from currency.contract_words import state_name
    from wallet.cli.amounts import yuan
    from wallet.online.together import ID_DIGITS

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
        return fields, _("{id} is in force.").format(id=name)
    paid = answer.paid
    state = state_name(paid.state)
    fields |= {"payment_id": paid.payment_id, "state": state, "available_fen": paid.available_fen}
    return fields, _("{id} was released: {state}. Left: {yuan}.").format(
        id=name, state=_(state), yuan=yuan(paid.available_fen)
    )


def _fields(one: Waiting) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": one.name,
        "kind": "payment" if one.payment is not None else "signers",
        "prepared_by": one.place,
        "signed": list(one.signed),
        "expires_time_ms": one.expires_time_ms,
    }
    if one.payment is not None:
        fields |= {
            "payee": one.payment.payee_number,
            "amount_fen": one.payment.amount_fen,
            "memo": one.payment.memo,
        }
    if one.signers is not None:
        fields |= {"threshold": one.signers.threshold, "signers": _listed(one)}
    return fields


def _listed(one: Waiting) -> list[dict[str, Any]]:
    from wallet.cli.signers import signer_fields

    listed = one.signers.signers if one.signers is not None else ()
    return [signer_fields(each) for each in listed]


def _line(one: Waiting) -> str:
    from wallet.cli.amounts import yuan
    from wallet.cli.times import clock

    by = ", ".join(map(str, one.signed))
    until = clock(one.expires_time_ms)
    if one.payment is not None:
        pay = one.payment
        what = _("{yuan} to {number} {memo}").format(
            yuan=yuan(pay.amount_fen), number=pay.payee_number, memo=pay.memo
        )
    else:
        keys = ", ".join(
            f"{each['place']}: {each['code']} {each['role']} {each['label']}".rstrip()
            for each in _listed(one)
        )
        what = _("signers from now on, {count} of whom release: {keys}").format(
            count=one.signers.threshold if one.signers is not None else 0, keys=keys
        )
    return _("{id}  {what}  (signed by {by}; until {time})").format(
        id=one.name, what=what.rstrip(), by=by, time=until
    )


def _agreed(say: Callable[[str], None], *, yes: bool, question: str) -> Callable[[Waiting], None]:
    """Shows what is to be signed, and asks; without a terminal only `--yes` agrees."""
    from wallet.cli.asking import consent

    def agree(one: Waiting) -> None:
        say(_line(one))
        consent(question, _("nothing was signed"), yes=yes)

    return agree
