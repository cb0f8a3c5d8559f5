"""A device's deposits: the pieces that it has signed over to a bank, and what came of them."""

from __future__ import annotations

from wallet.secure_element.context import Context
from wallet.secure_element.depositing import begin_deposit, deposit_of, refuse_deposit
from wallet.secure_element.pieces import is_fresh
from wallet.secure_element.state import ElementState


class Deposits:
    """Signs pieces over to a bank, and ends them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(
        self, bank: str, wallet: str, *, own_alone: bool = False, used_alone: bool = False
    ) -> list[bytes]:
        """Signs all pieces over to a wallet. From then on they can only be deposited.

        For the same wallet it gives the same deposits again; for another one it signs the pieces
        over to that one.

        Args:
            bank: name of the wallet's bank.
            wallet: the wallet's number.
            own_alone: leave out pieces of keys that live in other wallets.
            used_alone: leave out fresh tokens that can be paid.

        Returns:
            For each piece its nonce, 16 bytes, followed by the encoded deposit.
        """

        def body(state: ElementState) -> list[bytes]:
            trust = self._context.trusting.view(state) if used_alone else None
            return begin_deposit(
                state,
                bank,
                wallet,
                own_alone=own_alone,
                left_out=lambda piece: trust is not None and is_fresh(state, piece, trust),
                randomness=self._context.randomness,
                signer_of=self._context.signer_of(state),
            )

        return self._context.change(body)

    def end(self, deposit: bytes) -> None:
        """Records that a deposit is in the wallet: the piece is gone."""

        def body(state: ElementState) -> None:
            state.pieces = [piece for piece in state.pieces if deposit_of(piece) != deposit]

        self._context.change(body)

    def refuse(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """Records that a deposit was refused.

        Only a ruling of the root ends the piece; else it is signed anew the next time.
        """

        def body(state: ElementState) -> None:
            refuse_deposit(state, self._context.trusting.roots(state), deposit, ruling, why)

        self._context.change(body)

    def note(self, deposit: bytes, why: str) -> None:
        """Keeps for the holder what a deposit waits for; "" if that is not known."""

        def body(state: ElementState) -> None:
            for piece in state.pieces:
                if piece.depositing and deposit_of(piece) == deposit:
                    piece.why = why

        if any(piece.why != why for piece in self._context.read().pieces if piece.depositing):
            self._context.change(body)
