"""The limits of a wallet at its bank: what each is, what is left of it, and when that turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from currency.amount import format_yuan
from currency.contract_words import class_name
from dcep.bank.v1.wallets_pb2 import GetWalletResponse
from language import N_, _
from language.wide import labelled
from wallet.cli.automatic_output import level_in_fen, level_in_words
from wallet.cli.console import CommandResult
from wallet.cli.times import clock


class Limit(NamedTuple):
    """A limit that a wallet has, and how far it is used.

    Attributes:
        reason: of the refusal of what goes over it, such as ``OVER_DAY_LIMIT``.
        most_fen: the limit.
        left_fen: what is left of it; None for that of one payment.
        turns_time_ms: when all of it is left again, Unix milliseconds; None for never by itself.
    """

    reason: str
    most_fen: int
    left_fen: int | None = None
    turns_time_ms: int | None = None

    def in_words(self) -> str:
        """``100,000.00 yuan, 98,000.00 left until 2026-11-29 00:00:00``."""
        most = format_yuan(self.most_fen)
        if self.left_fen is None:
            return _("{single} yuan at most").format(single=most)
        left = format_yuan(self.left_fen)
        if self.turns_time_ms is None:
            return _("{most} yuan, {room} more").format(most=most, room=left)
        return _("{limit} yuan, {left} left until {time}").format(
            limit=most, left=left, time=clock(self.turns_time_ms)
        )

    def fields(self) -> dict[str, Any]:
        """The same for programs."""
        found = {
            "most_fen": self.most_fen,
            "left_fen": self.left_fen,
            "turns_time_ms": self.turns_time_ms,
        }
        return {name: value for name, value in found.items() if value is not None}


NAMES = {
    "OVER_BALANCE_CAP": N_("May hold"),
    "OVER_SINGLE_LIMIT": N_("A payment"),
    "OVER_DAY_LIMIT": N_("A day"),
    "OVER_YEAR_LIMIT": N_("A year"),
}
"""What a limit is called, by the reason of what goes over it."""

_FIELDS = {
    "OVER_BALANCE_CAP": "balance_cap",
    "OVER_SINGLE_LIMIT": "single",
    "OVER_DAY_LIMIT": "day",
    "OVER_YEAR_LIMIT": "year",
}


def limits_of(state: GetWalletResponse) -> Iterator[Limit]:
    """The limits that a wallet has; none that its class does not have."""
    limits = state.limits
    if limits.balance_cap_fen:
        held_fen = state.available_fen + state.held_fen
        most_fen = limits.balance_cap_fen
        yield Limit("OVER_BALANCE_CAP", most_fen, max(0, most_fen - held_fen))
    if limits.single_fen:
        yield Limit("OVER_SINGLE_LIMIT", limits.single_fen)
    for reason, most_fen, spent_fen, turns_time_ms in (
        ("OVER_DAY_LIMIT", limits.day_fen, state.day_spent_fen, state.day_turns_time_ms),
        ("OVER_YEAR_LIMIT", limits.year_fen, state.year_spent_fen, state.year_turns_time_ms),
    ):
        if most_fen:
            yield Limit(reason, most_fen, max(0, most_fen - spent_fen), turns_time_ms)


def limits_in_words(state: GetWalletResponse) -> list[tuple[str, str]]:
    """The limits that a wallet has, by name."""
    return [(_(NAMES[limit.reason]), limit.in_words()) for limit in limits_of(state)]


def limits_in_fen(state: GetWalletResponse) -> dict[str, int]:
    """All four limits; 0 for one that the wallet does not have."""
    limits = state.limits
    return {
        "balance_cap_fen": limits.balance_cap_fen,
        "single_fen": limits.single_fen,
        "day_fen": limits.day_fen,
        "year_fen": limits.year_fen,
    }


def limited(state: GetWalletResponse) -> CommandResult:
    """After ``limits``."""
    wallet_class = class_name(state.wallet_class)
    found = list(limits_of(state))
    fields: dict[str, Any] = {
        "number": state.wallet_number,
        "wallet_class": wallet_class,
        "limits": {_FIELDS[limit.reason]: limit.fields() for limit in found},
    }
    if state.HasField("belongs_to"):
        return _of_sub_wallet(state, fields)
    where = _("{number} at {bank}").format(number=state.wallet_number, bank=state.bank)
    where += _(", class {wallet_class}").format(wallet_class=wallet_class)
    rows = limits_in_words(state) or [(_("Limits"), _("none"))]
    if state.sweeps:
        fields |= {"sweep_above_fen": level_in_fen(state)}
        rows.append((_("Sweep"), level_in_words(state)))
    text = "\n".join(labelled([(_("Wallet"), where), *rows], 10))
    if found and wallet_class != "I":
        text += "\n" + _("For higher limits show the bank more: `wallet upgrade` says what.")
    return fields, text


def _of_sub_wallet(state: GetWalletResponse, fields: dict[str, Any]) -> CommandResult:
    """The same for a sub-wallet: whose it is, and what it is for."""
    from wallet.cli.sub_wallets_output import terms_fields, terms_rows

    parent, terms = state.belongs_to.parent_number, state.belongs_to.terms
    where = _("{number} at {bank}").format(number=state.wallet_number, bank=state.bank)
    rows = [(_("Sub-wallet"), where), (_("Belongs to"), parent), *terms_rows(terms)]
    text = "\n".join(labelled([*rows, *limits_in_words(state)], 10))
    text += "\n" + _(
        "What it spends counts against the limits of wallet {number} too, and has to be within "
        "them."
    ).format(number=parent)
    return {**fields, "belongs_to": {"number": parent, **terms_fields(terms)}}, text
