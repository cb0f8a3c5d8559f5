"""``wallet upgrade`` and ``wallet downgrade``: another class, with other limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from currency import text
from language import N_, _
from wallet.cli.options import (
    BankAccount,
    Code,
    Document,
    DocumentKind,
    HolderName,
    HomeOption,
    JsonOption,
    Phone,
    wallet,
)

if TYPE_CHECKING:
    from currency.proofs import Proof
    from dcep.bank.v1.wallets_pb2 import ChangeClassResponse
    from wallet.app import App
    from wallet.cli.console import CommandResult
    from wallet.online.opening import HolderShows

_PROOFS = {
    "PHONE": N_("a phone, by the code that comes to it (--phone)"),
    "DOCUMENT": N_("a document in your name (--name, --document)"),
    "ACCOUNT": N_("a bank account in your name (--account)"),
    "PRESENCE": N_("that you come to the bank's counter"),
}


def upgrade(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", help="The class: I, II or III.")] = "",
    name: HolderName = "",
    phone: Phone = "",
    document: Document = "",
    kind: DocumentKind = "id-card",
    account: BankAccount = "",
    code: Code = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the next class asks for, or show it to the bank and get its limits."""
    from currency.proofs import ASKED, Proof, class_of
    from wallet.cli.typed import papers_typed, phone_typed
    from wallet.online.opening import HolderShows

    with wallet(context, home, as_json) as (app, output):
        now = int(app.holder().show().wallet_class)
        shows = HolderShows(
            text.typed(name),
            phone_typed(phone),
            papers_typed(document),
            kind,
            papers_typed(account),
        )
        if not to and shows == HolderShows(document_kind=kind):
            output.result(*_asked(now))
            return
        shown = ASKED[now]  # type: ignore[index]
        shown |= Proof.DOCUMENT if document else Proof(0)
        shown |= Proof.ACCOUNT if account else Proof(0)
        wanted = _class(to) if to else class_of(shown)
        output.result(*_changed(_change(app, wanted, shows, code)))


def downgrade(
    context: typer.Context,
    to: Annotated[str, typer.Argument(help="The class: II, III or IV.")],
    over_the_cap: Annotated[
        bool,
        typer.Option(
            "--over-the-cap", help="Also if the wallet has more than the class allows to have."
        ),
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the wallet a lower class; no money is taken out of it."""
    from currency.amount import format_yuan
    from currency.contract_words import class_name
    from dcep.errors.v1 import errors_pb2
    from runtime.errors import Refusal
    from wallet.cli.console import UsageError
    from wallet.online.opening import HolderShows

    with wallet(context, home, as_json) as (app, output):
        wanted = _class(to)
        offline_fen = app.offline_fen()
        if offline_fen:
            output.say(
                _("{yuan} yuan of offline money stay, and can be paid or deposited.").format(
                    yuan=format_yuan(offline_fen)
                )
            )
        try:
            answer = _change(app, wanted, HolderShows(), "", over_the_cap=over_the_cap)
        except Refusal as refusal:
            if refusal.reason != errors_pb2.REASON_OVER_BALANCE_CAP:
                raise
            raise UsageError(
                _(
                    "the wallet has more than class {name} allows: it stays and can be paid out, "
                    "and nothing comes in until then; repeat with --over-the-cap"
                ).format(name=class_name(wanted))
            ) from None
        output.result(*_changed(answer))


def _change(
    app: App, wanted: int, shows: HolderShows, code: str, *, over_the_cap: bool = False
) -> ChangeClassResponse:
    from wallet.online.classes import change_class

    return change_class(
        app.home,
        app.key_here(),
        app.randomness,
        wanted,
        shows,
        code=code,
        over_the_cap=over_the_cap,
    )


def _class(typed: str) -> int:
    """The class that somebody typed. Raises UsageError."""
    from currency.contract_words import WALLET_CLASSES, class_name
    from wallet.cli.console import UsageError

    for each in WALLET_CLASSES:
        if class_name(each) == typed.strip().upper():
            return int(each)
    raise UsageError(_("a class is I, II, III or IV"))


def _asked(now: int) -> CommandResult:
    """What the next class asks for."""
    from currency.contract_words import class_name
    from currency.proofs import ASKED

    if now == 1:
        return {"wallet_class": "I", "next_class": None, "asks_for": []}, _(
            "This is class I; there is no better one."
        )
    more: Proof = ASKED[now - 1] & ~ASKED[now]  # type: ignore[index]
    names = [str(each.name) for each in more]
    fields = {
        "wallet_class": class_name(now),
        "next_class": class_name(now - 1),
        "asks_for": [name.lower() for name in names],
    }
    return fields, _("This is class {now}. Class {next} asks for {proofs}.").format(
        now=class_name(now),
        next=class_name(now - 1),
        proofs=_(", ").join(_(_PROOFS[name]) for name in names),
    )


def _changed(answer: ChangeClassResponse) -> CommandResult:
    """The class that the wallet has now, and its limits."""
    from currency.amount import format_yuan
    from currency.contract_words import class_name

    limits = answer.limits
    figures = {
        "balance_cap_fen": limits.balance_cap_fen,
        "single_fen": limits.single_fen,
        "day_fen": limits.day_fen,
        "year_fen": limits.year_fen,
    }
    names = {
        "balance_cap_fen": N_("to have"),
        "single_fen": N_("a payment"),
        "day_fen": N_("a day"),
        "year_fen": N_("a year"),
    }
    said = [
        _("{what}: {yuan} yuan").format(what=_(names[each]), yuan=format_yuan(fen))
        for each, fen in figures.items()
        if fen
    ]
    name = class_name(answer.wallet_class)
    fields = {
        "wallet_class": name,
        "limits": figures,
        "has_deposit_account": answer.has_deposit_account,
    }
    text_ = _("The wallet is of class {name} now. At most {limits}.").format(
        name=name, limits=_(", ").join(said) or _("what you like")
    )
    return fields, text_
