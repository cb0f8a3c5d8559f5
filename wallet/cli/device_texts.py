"""Texts for refusals of the device itself, where no bank is involved."""

from __future__ import annotations

from currency.amount import format_yuan
from currency.reasons import detail
from language import N_, _
from runtime.errors import Refusal

_WORDS = {
    "OVER_BALANCE_CAP": (
        N_("More than this device may hold."),
        N_(
            "`wallet offline limit` shows the limits. Put some into the wallet first: `wallet "
            "offline deposit`."
        ),
    ),
    "OVER_SINGLE_LIMIT": (
        N_("More than may be paid offline at once."),
        N_("`wallet offline limit` shows the limits. Pay less, or with the bank: `wallet pay`."),
    ),
    "SAME_ACCOUNT": (
        N_("This device has asked for it itself; nothing was paid."),
        N_("It is the other device that pays it."),
    ),
    "EXPIRED": (N_("It came too late; nothing was paid."), N_("Ask the payee for a new request.")),
    "FIELD_INVALID": (
        N_("This is not what is needed here; nothing was paid or taken."),
        N_("Ask the other device to show it again, whole."),
    ),
    "TOKEN_INVALID": (
        N_("This offline payment is not good; it was not taken."),
        N_("Ask the payer to show it again, whole."),
    ),
}
_TOO_OLD = (
    N_("This device has not been online for too long; nothing was paid or taken."),
    N_("Once with the bank in reach: `wallet offline renew`. What it holds stays as it is."),
)
_CARD_FULL = (
    N_("More than this card may hold."),
    N_("Load less, or put some into the wallet first: `wallet offline tap SOCKET --deposit`."),
)
OWN = {
    "loading": frozenset(("OVER_BALANCE_CAP",)),
    "giving": frozenset(("INSUFFICIENT_FUNDS",)),
}
"""What the device refuses where somebody else takes part, by what it does."""


def sentence(refusal: Refusal) -> tuple[str, str] | None:
    """What happened and what to do next; None if the device has no text for the reason."""
    name = refusal.name
    if name == "INSUFFICIENT_FUNDS":
        return _short(int(refusal.metadata.get("missing_fen", "0")), refusal.message)
    if refusal.metadata.get("verdict") == "BUNDLE_TOO_OLD":
        return _(_TOO_OLD[0]), _(_TOO_OLD[1])
    return _explained(_WORDS[name], refusal) if name in _WORDS else None


def card_short() -> tuple[str, str]:
    """The text for a card that cannot pay the amount; it does not reveal what the card holds."""
    return (
        _("The card cannot pay so much at once."),
        _("Take less, or load the card: `wallet offline tap SOCKET --load AMOUNT`."),
    )


def card_full(refusal: Refusal) -> tuple[str, str]:
    """The text for a card that would not take a load."""
    return _explained(_CARD_FULL, refusal)


def _explained(words: tuple[str, str], refusal: Refusal) -> tuple[str, str]:
    """A text with the refusal's own details in brackets."""
    said, following = map(_, words)
    if more := detail(refusal.name, refusal.message, refusal.metadata):
        said = _("{said} ({more})").format(said=said, more=more)
    return said, following


def _short(missing_fen: int, message: str) -> tuple[str, str]:
    if not missing_fen:
        return (
            _("There is enough, but not for one payment. ({message})").format(message=_(message)),
            _("Pay in several parts, or with the bank in reach: `wallet offline renew`."),
        )
    return (
        _("This device cannot pay so much: {missing} yuan are missing.").format(
            missing=format_yuan(missing_fen)
        ),
        _("Look with `wallet offline show`; with the bank in reach: `wallet offline load AMOUNT`."),
    )
