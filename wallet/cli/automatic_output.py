"""What a wallet does with the deposit account by itself, in words and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from currency.amount import format_yuan
from language import _

if TYPE_CHECKING:
    from dcep.bank.v1.wallets_pb2 import GetWalletResponse
    from wallet.cli.console import CommandResult
    from wallet.home.home import Profile


def level_in_fen(state: GetWalletResponse) -> int | None:
    """The level over which what arrives goes on; 0 for what the class allows, None for never."""
    return state.sweep_above_fen if state.sweeps else None


def level_in_words(state: GetWalletResponse) -> str:
    """``what arrives over 1,000.00 yuan goes on to the deposit account``."""
    if state.sweep_above_fen:
        return _("what arrives over {yuan} yuan goes on to the deposit account").format(
            yuan=format_yuan(state.sweep_above_fen)
        )
    return _("what arrives over what the wallet may hold goes on to the deposit account")


def told(profile: Profile, state: GetWalletResponse | None, why_not: str) -> CommandResult:
    """After ``automatic``.

    Args:
        profile: of the home.
        state: what the bank says; None if it does not answer.
        why_not: then: why.
    """
    fields: dict[str, Any] = {"number": profile.number, "top_up": profile.tops_up}
    text = _("Payments take nothing from the deposit account: `wallet automatic --top-up`.")
    if profile.tops_up:
        text = _("Payments take what the wallet lacks from the deposit account.")
    if state is None:
        unknown = _("Whether arrivals go on there is unknown: the bank does not answer ({why}).")
        return fields, text + "\n" + unknown.format(why=why_not)
    fields |= {"sweep": state.sweeps, "sweep_above_fen": level_in_fen(state)}
    swept = _("What arrives stays in the wallet: `wallet automatic --sweep`.")
    if state.sweeps:
        words = level_in_words(state)
        swept = _("The bank's standing order: {words}.").format(words=words)
    return fields, text + "\n" + swept
