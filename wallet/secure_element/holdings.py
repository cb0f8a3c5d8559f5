"""The money in a device: what there is, what can be paid, and how much there may be."""

from __future__ import annotations

from collections.abc import Sequence

from offline_token.formats import FormatError, Token
from offline_token.limits import MAX_CHAINS
from wallet.secure_element import loading
from wallet.secure_element.context import Context
from wallet.secure_element.interface import Limits, PieceState, Rules, ShownPiece
from wallet.secure_element.pieces import (
    balance_fen,
    bundle_of,
    check_room,
    check_total,
    shown,
)
from wallet.secure_element.refusals import invalid
from wallet.secure_element.state import ElementState


class Holdings:
    """The pieces of money in the device, and the limits that they are held to."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal if the device would not take a load of so much."""
        state = self._context.read()
        check_room(state, MAX_CHAINS)  # a load may be divided into so many tokens
        check_total(state, self._context.trusting.view(state), amount_fen)

    def load(self, tokens: Sequence[bytes]) -> None:
        """Takes fresh tokens that are for keys of this device.

        A token that was taken before changes nothing, nor does one that expired so long ago that
        the device no longer knows whether it has taken it. Raises Refusal; then none is taken.
        """
        try:
            fresh = [Token.decode(token) for token in tokens]
        except FormatError as error:
            raise invalid("tokens", str(error)) from None

        self._context.change(
            lambda state: loading.load(state, fresh, self._context.trusting.trust(state))
        )

    def balance_fen(self) -> int:
        """What the device holds and has not signed over; `payable_fen` is what of it can be
        paid."""
        return balance_fen(self._context.read())

    def payable_fen(self) -> int:
        """What of the balance a payee would take now."""
        return sum(
            piece.value_fen for piece in self.pieces() if piece.state == PieceState.SPENDABLE
        )

    def pieces(self) -> list[ShownPiece]:
        """All pieces in the device; none before the first trust bundle."""
        state = self._context.read()
        trust = self._context.trusting.view(state)
        return [shown(state, piece, trust) for piece in state.pieces] if trust is not None else []

    def limits(self) -> Limits:
        """The holder's own limits."""
        state = self._context.read()
        return Limits(state.single_limit_fen, state.total_limit_fen)

    def set_limits(self, limits: Limits) -> None:
        """Sets the holder's limits; money that is already in the device stays."""

        def body(state: ElementState) -> None:
            state.single_limit_fen, state.total_limit_fen = limits.single_fen, limits.total_fen

        self._context.change(body)

    def rules(self) -> Rules | None:
        """The central bank's limits; None before the first trust bundle."""
        bundle = bundle_of(self._context.read())
        if bundle is None:
            return None
        return Rules(bundle.max_payment_fen, bundle.max_holding_fen, bundle.max_hops)
