"""Refusals of this very device in a person's words: no bank is involved."""

from __future__ import annotations

from currency.amount import format_yuan
from runtime.errors import Refusal

_WORDS = {
    "OVER_BALANCE_CAP": (
        "More than this device may hold.",
        "`wallet offline limit` shows the limits. Put some into the wallet first: "
        "`wallet offline deposit`.",
    ),
    "OVER_SINGLE_LIMIT": (
        "More than may be paid offline at once.",
        "`wallet offline limit` shows the limits. Pay less, or with the bank: `wallet pay`.",
    ),
    "SAME_ACCOUNT": (
        "This device has asked for it itself; nothing was paid.",
        "It is the other device that pays it.",
    ),
    "EXPIRED": ("It came too late; nothing was paid.", "Ask the payee for a new request."),
    "FIELD_INVALID": (
        "This is not what is needed here; nothing was paid or taken.",
        "Ask the other device to show it again, whole.",
    ),
    "TOKEN_INVALID": (
        "This offline payment is not good; it was not taken.",
        "Ask the payer to show it again, whole.",
    ),
}
_TOO_OLD = (
    "This device has not been online for too long; nothing was paid or taken.",
    "Once with the bank in reach: `wallet offline renew`. What it holds stays as it is.",
)
LOADING = frozenset(("OVER_BALANCE_CAP",))
"""What a load is refused for by the device, whichever side says so."""


def sentence(refusal: Refusal) -> tuple[str, str] | None:
    """What to tell a person, and what can be done next; None where the device has no own words."""
    name = refusal.name
    if name == "INSUFFICIENT_FUNDS":
        return _short(int(refusal.metadata.get("missing_fen", "0")), refusal.message)
    if refusal.metadata.get("verdict") == "BUNDLE_TOO_OLD":
        return _TOO_OLD
    if name not in _WORDS:
        return None
    said, following = _WORDS[name]
    return f"{said} ({refusal.message})", following


def _short(missing_fen: int, message: str) -> tuple[str, str]:
    if not missing_fen:
        return (
            f"There is enough, but not for one payment. ({message})",
            "Pay in several parts, or with the bank in reach: `wallet offline renew`.",
        )
    return (
        f"This device cannot pay so much: {format_yuan(missing_fen)} yuan are missing.",
        "Look with `wallet offline show`; with the bank in reach: `wallet offline load AMOUNT`.",
    )
