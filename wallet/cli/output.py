"""Results of commands: the fields for programs and the text for people, side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from currency.amount import format_yuan
from currency.contract_words import class_name, state_name, status_name
from dcep.bank.v1.exchange_pb2 import ExchangeResponse
from dcep.bank.v1.payments_pb2 import PayResponse, RefundResponse
from dcep.bank.v1.wallets_pb2 import GetWalletResponse
from language import N_, _
from language.wide import labelled
from wallet.cli.amounts import yuan
from wallet.cli.automatic_output import level_in_fen, level_in_words
from wallet.cli.console import CommandResult
from wallet.cli.keys import successor_fields, successor_in_words
from wallet.cli.limits_output import limits_in_fen, limits_in_words
from wallet.cli.times import clock
from wallet.home.home import Profile
from wallet.online.account import HistoryEntry, refunded_fen
from wallet.online.top_up import topped_up_fen
from wallet.orders.submitter import Placed

_STATUSES = (N_("frozen"), N_("closed"))


def opened(profile: Profile, why_not: str) -> CommandResult:
    """After ``open``."""
    fields = {
        "number": profile.number,
        "bank": profile.bank,
        "wallet_class": profile.wallet_class,
        "offline_ready": not why_not,
    }
    text = _("Wallet {number} at {bank}, class {wallet_class}.").format(
        number=profile.number, bank=profile.bank, wallet_class=profile.wallet_class
    )
    if why_not:
        text += _(
            "\nNot ready for offline money yet ({why_not}); `wallet offline load` tries again."
        ).format(why_not=why_not)
    return fields, text


def shown(
    profile: Profile, state: GetWalletResponse | None, offline_fen: int | None, why: str
) -> CommandResult:
    """After ``show``."""
    fields: dict[str, Any] = {
        "number": profile.number,
        "bank": profile.bank,
        "available_fen": None if state is None else state.available_fen,
        "held_fen": None if state is None else state.held_fen,
        "offline_fen": offline_fen,
        "bank_reached": state is not None,
    }
    where = _("{number} at {bank}").format(number=profile.number, bank=profile.bank)
    if state is None:
        text = _("unknown: bank {bank} does not answer ({why})")
        rows = [(_("Online"), text.format(bank=profile.bank, why=why))]
    else:
        fields |= _details(state)
        where += _(", class {wallet_class}").format(wallet_class=fields["wallet_class"])
        rows = [(_("Online"), yuan(state.available_fen))]
        if state.held_fen:
            rows.append((_("On its way"), yuan(state.held_fen)))
        if state.has_deposit_account:
            rows.append((_("Deposit"), yuan(state.deposit_fen)))
        if state.sweeps:
            rows.append((_("Sweep"), level_in_words(state)))
        if fields["status"] != "OPEN":
            rows.append((_("Status"), _(fields["status"].lower())))
        rows += limits_in_words(state)
    if state is not None and state.successor_key:
        warned = successor_in_words(state.successor_key, state.successor_time_ms)
        rows.append((_("Attention"), warned))
    behind = _("behind a PIN: wallet offline show")
    rows.append((_("Offline"), behind if offline_fen is None else yuan(offline_fen)))
    return fields, "\n".join(labelled([(_("Wallet"), where), *rows], 10))


def _details(state: GetWalletResponse) -> dict[str, Any]:
    return {
        "deposit_fen": state.deposit_fen if state.has_deposit_account else None,
        "wallet_class": class_name(state.wallet_class),
        "status": status_name(state.status),
        "sweep_above_fen": level_in_fen(state),
        "limits": limits_in_fen(state),
        "day_spent_fen": state.day_spent_fen,
        "year_spent_fen": state.year_spent_fen,
        **successor_fields(state.successor_key, state.successor_time_ms),
    }


def exchanged(what: str, amount_fen: int, placed: Placed[ExchangeResponse]) -> CommandResult:
    """After ``topup`` and ``cashout``: "put in" or "taken out", in the reader's language."""
    available_fen = placed.message.available_fen
    fields = {
        "order_id": placed.order.payment_id,
        "amount_fen": amount_fen,
        "available_fen": available_fen,
        "repeated": placed.resent,
    }
    text = _("{yuan} yuan {what}; {available} yuan available.").format(
        yuan=format_yuan(amount_fen), what=what, available=format_yuan(available_fen)
    )
    return fields, earlier(
        placed, _("{yuan} yuan {what}").format(yuan=format_yuan(amount_fen), what=what)
    ) or text


def paid(number: str, amount_fen: int, placed: Placed[PayResponse]) -> CommandResult:
    """After ``pay``."""
    answer = placed.message
    state = state_name(answer.state)
    fields = {
        "payment_id": placed.order.payment_id,
        "state": state,
        "payee_number": number,
        "amount_fen": amount_fen,
        "top_up_fen": topped_up_fen(placed.order),
        "available_fen": answer.available_fen,
        "repeated": placed.resent,
    }
    yuan = format_yuan(amount_fen)
    if placed.pending:
        text = _on_its_way(yuan, number)
    else:
        text = _("Paid {yuan} yuan to {number}; {available} yuan available.\n{payment_id}").format(
            yuan=yuan,
            number=number,
            available=format_yuan(answer.available_fen),
            payment_id=placed.order.payment_id,
        )
    if placed.resent and not placed.pending:
        text = earlier(placed, _("Paid {yuan} yuan to {number}").format(yuan=yuan, number=number))
    if fields["top_up_fen"]:
        pulled = format_yuan(topped_up_fen(placed.order))
        text += "\n" + _("{yuan} yuan of it came from your deposit account.").format(yuan=pulled)
    return fields, text


def refunded(payment_id: str, payer_number: str, placed: Placed[RefundResponse]) -> CommandResult:
    """After ``refund`` of a payment from a payer."""
    answer, amount_fen = placed.message, refunded_fen(placed.order)
    fields = {
        "payment_id": placed.order.payment_id,
        "state": state_name(answer.state),
        "refunds_payment_id": payment_id,
        "payee_number": payer_number,
        "amount_fen": amount_fen,
        "available_fen": answer.available_fen,
        "repeated": placed.resent,
    }
    yuan = format_yuan(amount_fen)
    done = _("Refunded {yuan} yuan to {number}").format(yuan=yuan, number=payer_number)
    if placed.pending:
        text = _on_its_way(yuan, payer_number)
    else:
        text = earlier(placed, done) or _("{done}; {available} yuan available.\n{order}").format(
            done=done,
            available=format_yuan(answer.available_fen),
            order=placed.order.payment_id,
        )
    return fields, text


def _on_its_way(yuan: str, number: str) -> str:
    return _(
        "{yuan} yuan to {number} are on their way; the last word is still to come.\n"
        "Repeat the same command to ask: it does not pay twice."
    ).format(yuan=yuan, number=number)


def arrived(entry: HistoryEntry) -> CommandResult:
    """One line of ``watch``."""
    memo = f" “{entry.memo}”" if entry.memo else ""
    sender = (
        _(" from {counterparty}").format(counterparty=entry.counterparty)
        if entry.counterparty
        else ""
    )
    text = _("{time}  +{change} yuan{sender}{memo}; {balance_after} yuan available").format(
        time=clock(entry.time_ms),
        change=format_yuan(entry.change_fen),
        sender=sender,
        memo=memo,
        balance_after=format_yuan(entry.balance_after_fen),
    )
    return asdict(entry), text


def earlier(placed: Placed[Any], done: str) -> str:
    """What became of an order that an earlier command made; "" when it is this command's."""
    if not placed.resent:
        return ""
    made = clock(placed.order.created_time_ms)
    return _(
        "{done}, once: it was ordered at {made} and is settled, {payment_id}.\n"
        "Nothing was ordered a second time; `--anew` does."
    ).format(done=done, made=made, payment_id=placed.order.payment_id)
