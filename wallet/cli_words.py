"""Results of commands: the fields for programs and the text for people, side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from currency.amount import format_yuan
from dcep.bank.v1.bank_pb2 import GetWalletResponse
from wallet.desk import Placed
from wallet.holder import Entry, class_name, state_name, status_name
from wallet.home import Profile
from wallet.times import clock

Said = tuple[dict[str, Any], str]


def opened(profile: Profile, why_not: str) -> Said:
    """After ``open``."""
    fields = {
        "number": profile.number,
        "bank": profile.bank,
        "wallet_class": profile.wallet_class,
        "offline_ready": not why_not,
    }
    text = f"Wallet {profile.number} at {profile.bank}, class {profile.wallet_class}."
    if why_not:
        text += f"\nNot ready for offline money yet ({why_not}); `wallet offline load` tries again."
    return fields, text


def shown(
    profile: Profile, state: GetWalletResponse | None, offline_fen: int | None, why: str
) -> Said:
    """After ``show``."""
    fields: dict[str, Any] = {
        "number": profile.number,
        "bank": profile.bank,
        "available_fen": None if state is None else state.available_fen,
        "held_fen": None if state is None else state.held_fen,
        "offline_fen": offline_fen,
        "bank_reached": state is not None,
    }
    lines = [f"Wallet     {profile.number} at {profile.bank}"]
    if state is None:
        lines.append(f"Online     unknown: bank {profile.bank} does not answer ({why})")
    else:
        fields |= _details(state)
        lines[0] += f", class {fields['wallet_class']}"
        lines.append(f"Online     {format_yuan(state.available_fen)} yuan")
        if state.held_fen:
            lines.append(f"On its way {format_yuan(state.held_fen)} yuan")
        if state.has_deposit_account:
            lines.append(f"Deposit    {format_yuan(state.deposit_fen)} yuan")
        if fields["status"] != "OPEN":
            lines.append(f"Status     {fields['status'].lower()}")
        lines += (f"{name:<10} {text}" for name, text in limits_in_words(state))
    if offline_fen is None:
        lines.append("Offline    behind a PIN: wallet offline show")
    else:
        lines.append(f"Offline    {format_yuan(offline_fen)} yuan")
    return fields, "\n".join(lines)


def limits_in_words(state: GetWalletResponse) -> list[tuple[str, str]]:
    """The wallet's limits, each with what is left of it; nothing for what has none."""
    limits, words = state.limits, []
    if limits.balance_cap_fen:
        room_fen = max(0, limits.balance_cap_fen - state.available_fen - state.held_fen)
        most = format_yuan(limits.balance_cap_fen)
        words.append(("May hold", f"{most} yuan, {format_yuan(room_fen)} more"))
    if limits.single_fen:
        words.append(("A payment", f"{format_yuan(limits.single_fen)} yuan at most"))
    for name, limit_fen, spent_fen, when in (
        ("A day", limits.day_fen, state.day_spent_fen, "today"),
        ("A year", limits.year_fen, state.year_spent_fen, "this year"),
    ):
        if limit_fen:
            left = format_yuan(max(0, limit_fen - spent_fen))
            words.append((name, f"{format_yuan(limit_fen)} yuan, {left} left {when} (UTC+8)"))
    return words


def _details(state: GetWalletResponse) -> dict[str, Any]:
    limits = state.limits
    return {
        "deposit_fen": state.deposit_fen if state.has_deposit_account else None,
        "wallet_class": class_name(state.wallet_class),
        "status": status_name(state.status),
        "limits": {
            "balance_cap_fen": limits.balance_cap_fen,
            "single_fen": limits.single_fen,
            "day_fen": limits.day_fen,
            "year_fen": limits.year_fen,
        },
        "day_spent_fen": state.day_spent_fen,
        "year_spent_fen": state.year_spent_fen,
    }


def exchanged(what: str, amount_fen: int, placed: Placed) -> Said:
    """After ``topup`` and ``cashout``."""
    available_fen = placed.message.available_fen
    fields = {
        "order_id": placed.order.payment_id,
        "amount_fen": amount_fen,
        "available_fen": available_fen,
        "repeated": placed.resent,
    }
    text = f"{format_yuan(amount_fen)} yuan {what}; {format_yuan(available_fen)} yuan available."
    return fields, earlier(placed, f"{format_yuan(amount_fen)} yuan {what}") or text


def paid(number: str, amount_fen: int, placed: Placed) -> Said:
    """After ``pay``."""
    answer = placed.message
    state = state_name(answer.state)
    fields = {
        "payment_id": placed.order.payment_id,
        "state": state,
        "payee_number": number,
        "amount_fen": amount_fen,
        "available_fen": answer.available_fen,
        "repeated": placed.resent,
    }
    yuan = format_yuan(amount_fen)
    if placed.pending:
        text = (
            f"{yuan} yuan to {number} are on their way; the last word is still to come.\n"
            "Repeat the same command to ask: it does not pay twice."
        )
    else:
        text = (
            f"Paid {yuan} yuan to {number}; "
            f"{format_yuan(answer.available_fen)} yuan available.\n{placed.order.payment_id}"
        )
    if placed.resent and not placed.pending:
        text = earlier(placed, f"Paid {yuan} yuan to {number}")
    return fields, text


def arrived(entry: Entry) -> Said:
    """One line of ``watch``."""
    memo = f" “{entry.memo}”" if entry.memo else ""
    sender = f" from {entry.counterparty}" if entry.counterparty else ""
    text = (
        f"{clock(entry.time_ms)}  +{format_yuan(entry.change_fen)} yuan{sender}{memo}; "
        f"{format_yuan(entry.balance_after_fen)} yuan available"
    )
    return asdict(entry), text


def earlier(placed: Placed, done: str) -> str:
    """What became of an order that an earlier command made; "" when it is this command's."""
    if not placed.resent:
        return ""
    made = clock(placed.order.created_time_ms)
    return (
        f"{done}, once: it was ordered at {made} and is settled, {placed.order.payment_id}.\n"
        "Nothing was ordered a second time; `--anew` does."
    )
