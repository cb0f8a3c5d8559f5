"""What ``wallet sub …`` says of sub-wallets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from currency.amount import format_yuan
from dcep.bank.v1 import sub_wallets_pb2
from language import N_, _
from language.wide import labelled
from wallet.cli.console import CommandResult
from wallet.cli.times import clock

SubWallet = sub_wallets_pb2.SubWallet
Terms = sub_wallets_pb2.SubWalletTerms
_CLOSED = sub_wallets_pb2.SUB_WALLET_STATE_CLOSED
_STATES = {
    sub_wallets_pb2.SUB_WALLET_STATE_OPEN: N_("open"),
    sub_wallets_pb2.SUB_WALLET_STATE_FROZEN: N_("frozen"),
    sub_wallets_pb2.SUB_WALLET_STATE_CLOSING: N_("closing: its money is on its way home"),
    _CLOSED: N_("closed"),
}


def terms_fields(terms: Terms) -> dict[str, Any]:
    """For a program: what a sub-wallet may do; 0 for a limit that it does not have."""
    return {
        "balance_cap_fen": terms.balance_cap_fen,
        "single_fen": terms.single_fen,
        "day_fen": terms.day_fen,
        "ends_time_ms": terms.ends_time_ms,
        "purpose": terms.purpose,
        "payees": list(terms.payees),
        "each_fen": terms.mandate.each_fen,
        "month_fen": terms.mandate.month_fen,
    }


def terms_rows(terms: Terms) -> list[tuple[str, str]]:
    """In words: what a sub-wallet is for, whom it may pay, and until when."""
    rows = [(_("For"), terms.purpose)] if terms.purpose else []
    if terms.payees:
        rows.append((_("Pays only"), ", ".join(terms.payees)))
    rows.append((_("Until"), clock(terms.ends_time_ms)))
    return rows


def fields(each: SubWallet) -> dict[str, Any]:
    """For a program."""
    state = sub_wallets_pb2.SubWalletState.Name(each.state)
    return {
        "number": each.wallet_number,
        "state": state.removeprefix("SUB_WALLET_STATE_"),
        "available_fen": each.available_fen,
        "held_fen": each.held_fen,
        "day_spent_fen": each.day_spent_fen,
        "month_spent_fen": each.month_spent_fen,
        "opened_time_ms": each.opened_time_ms,
        "terms": terms_fields(each.terms),
    }


def ordered(each: SubWallet, into: Path | None = None) -> CommandResult:
    """After ``sub add``, ``change`` and ``close``."""
    found = fields(each)
    if into is not None:
        found["home"] = str(into)
    text = _in_words(each)
    if each.state == sub_wallets_pb2.SUB_WALLET_STATE_OPEN:
        text += "\n" + _("To put money in: wallet pay {number} AMOUNT").format(
            number=each.wallet_number
        )
    return found, text


def listed(answer: sub_wallets_pb2.ListSubWalletsResponse, *, every: bool) -> CommandResult:
    """After ``sub list``."""
    subs = [each for each in answer.sub_wallets if not each.terms.HasField("mandate")]
    found = [each for each in subs if every or each.state != _CLOSED]
    told = {"items": [fields(each) for each in found], "ladder_fen": list(answer.ladder_fen)}
    if not found:
        return told, _("No sub-wallets. One is opened with: wallet sub add")
    return told, "\n\n".join(_in_words(each) for each in found)


def mandated(each: SubWallet) -> CommandResult:
    """After ``mandate give``, ``change`` and ``end``."""
    text = _mandate_in_words(each)
    if each.state == sub_wallets_pb2.SUB_WALLET_STATE_OPEN:
        text += "\n" + _("They ask with: wallet request {number} AMOUNT").format(
            number=each.wallet_number
        )
    return fields(each), text


def mandates(found: list[SubWallet], *, every: bool) -> CommandResult:
    """After ``mandate list``."""
    shown = [each for each in found if every or each.state != _CLOSED]
    told = {"items": [fields(each) for each in shown]}
    if not shown:
        return told, _("No mandates. One is given with: wallet mandate give")
    return told, "\n\n".join(_mandate_in_words(each) for each in shown)


def _mandate_in_words(each: SubWallet) -> str:
    terms, mandate = each.terms, each.terms.mandate
    month = _("{yuan} yuan, of which {spent} were paid this month").format(
        yuan=format_yuan(mandate.month_fen), spent=format_yuan(each.month_spent_fen)
    )
    most = _("{yuan} yuan for one request").format(yuan=format_yuan(terms.balance_cap_fen))
    rows = [
        (_("Mandate"), each.wallet_number),
        (_("State"), _(_STATES.get(each.state, N_("open")))),
        (_("Pays only"), ", ".join(terms.payees)),
        *([(_("For"), terms.purpose)] if terms.purpose else []),
        (_("A request"), _("{yuan} yuan").format(yuan=format_yuan(mandate.each_fen))),
        (_("A month"), month),
        (_("With a yes"), most),
        (_("Until"), clock(terms.ends_time_ms)),
    ]
    return "\n".join(labelled(rows, 10))


def _in_words(each: SubWallet) -> str:
    terms = each.terms
    most = [
        (_("May hold"), terms.balance_cap_fen),
        (_("A payment"), terms.single_fen),
        (_("A day"), terms.day_fen),
    ]
    has = _("{yuan} yuan").format(yuan=format_yuan(each.available_fen))
    if each.held_fen:
        has += _(", and {held} on their way").format(held=format_yuan(each.held_fen))
    rows = [
        (_("Sub-wallet"), each.wallet_number),
        (_("State"), _(_STATES.get(each.state, N_("open")))),
        (_("Has"), has),
        *((name, _("{yuan} yuan").format(yuan=format_yuan(fen))) for name, fen in most if fen),
        *terms_rows(terms),
    ]
    return "\n".join(labelled(rows, 10))
