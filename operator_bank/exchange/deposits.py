"""What holders' deposit accounts, and the bank behind them, have for a top-up."""

from __future__ import annotations

from currency.amount import format_yuan
from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import cannot_now
from operator_bank.vault.vault import Vault
from operator_bank.wallets.directory import Wallet
from operator_bank.wallets.orders import VerifiedOrder
from runtime.errors import Refusal

Order = VerifiedOrder[orders_pb2.ExchangeOrder] | VerifiedOrder[orders_pb2.PaymentOrder]


class Deposits:
    """Says whose money was short when the rule has refused a top-up for want of money."""

    def __init__(self, context: Context, vault: Vault) -> None:
        self._ledger = context.ledger
        self._vault = vault

    def short(self, wallet: Wallet, wanted_fen: int) -> Refusal | None:
        """The refusal if a wallet's deposit account has less than is wanted; else None."""
        if wallet.deposit_account is None:
            return None
        missing = wanted_fen - self._available_fen(wallet.deposit_account)
        if missing <= 0:
            return None
        return Refusal(
            errors_pb2.REASON_DEPOSIT_SHORT,
            f"the deposit account is {format_yuan(missing)} yuan short",
            field="amount_fen",
            missing_fen=str(missing),
        )

    def bank_is_short(self, order: Order, wanted_fen: int, *, repeated: bool) -> Refusal:
        """The refusal when the bank itself has too little currency.

        It asks the central bank for what is missing, once an order, and the holder is not told so.

        Args:
            order: what was refused.
            wanted_fen: how much currency it needs.
            repeated: whether that was refused before.
        """
        missing = wanted_fen - self._available_fen(accounts.VAULT)
        if missing > 0 and not repeated:
            self._vault.draw(order.wallet.number, order.content.sequence, missing)
        return cannot_now()

    def _available_fen(self, account: int) -> int:
        return int(self._ledger.read([account])[0]["available_fen"])


def account_of(wallet: Wallet, field: str) -> int:
    """A wallet's deposit account. Raises Refusal: NO_DEPOSIT_ACCOUNT, which names the field."""
    if wallet.deposit_account is None:
        raise Refusal(
            errors_pb2.REASON_NO_DEPOSIT_ACCOUNT,
            "the holder has no deposit account at this bank; use cash",
            field=field,
        )
    return wallet.deposit_account
