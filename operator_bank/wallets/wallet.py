"""Shows wallets to their holders, closes them, and checks every query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from currency.days import day_of
from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.ledger.reasons import refusal_of
from operator_bank.limits import MAX_QUERY_VALIDITY_MS
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.directory import Directory, Wallet
from operator_bank.wallets.orders import (
    Orders,
    VerifiedOrder,
    check_bank,
    check_unexpired,
    check_window,
)
from operator_bank.wallets.refused import Refused
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.builders import records_of, setting_flags
from settlement.core import Batch
from settlement.records import IN_FEN, AccountFlag
from settlement.rule import set_of, spent_fen


@dataclass(frozen=True)
class WalletState:
    """A wallet as its holder may see it; amounts in fen.

    Attributes:
        limits_fen: balance cap, single, day and year; 0 is none.
        day: that `day_spent_fen` is of, as limits count it.
    """

    wallet: Wallet
    status: int
    available_fen: int
    held_fen: int
    deposit_fen: int | None
    day_spent_fen: int
    year_spent_fen: int
    last_sequence: int
    limits_fen: tuple[int, int, int, int]
    day: int


class Wallets:
    """The use-cases behind GetWallet and CloseWallet, and the check of every query."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        orders: Orders,
        policy: Policy,
        refused: Refused,
    ) -> None:
        self._ledger = context.ledger
        self._directory = directory
        self._orders = orders
        self._policy = policy
        self._clock = context.clock
        self._refused = refused
        self._bank = context.bank
        self.on_closed: Callable[[str], None] = lambda number: None

    def asking(self, envelope: SignedEnvelope, method: str) -> Wallet:
        """The wallet that signed a query just now, for this method of this bank.

        Args:
            envelope: the signed Query.
            method: such as `dcep.bank.v1.WalletService/GetWallet`.

        Raises:
            Refusal: the query is not good.
        """
        order = self._orders.open(orders_pb2.Query, envelope)
        query, now_ms = order.content, self._clock.now_ms()
        check_unexpired(query.expires_time_ms, now_ms)
        check_window(
            query.created_time_ms, query.expires_time_ms, now_ms, longest_ms=MAX_QUERY_VALIDITY_MS
        )
        check_bank(query.bank, self._bank)
        if query.method != method:
            raise invalid("method", f"is not the one that is called, {method}")
        return order.wallet

    def state(self, wallet: Wallet) -> WalletState:
        """The wallet's state; balances come from memory and are always current."""
        deposit = wallet.deposit_account
        numbers = [wallet.account] + ([deposit] if deposit is not None else [])
        rows = self._ledger.read(numbers)
        row = rows[0]
        now_ms = self._clock.now_ms()
        day_spent_fen, year_spent_fen = spent_fen(rows, 0, now_ms)
        limit_set = set_of(rows, self._policy.table, 0, now_ms)
        return WalletState(
            wallet=wallet,
            status=status_of(int(row["flags"])),
            available_fen=int(row["available_fen"]),
            held_fen=int(row["held_fen"]),
            deposit_fen=int(rows[1]["available_fen"]) if deposit is not None else None,
            day_spent_fen=day_spent_fen,
            year_spent_fen=year_spent_fen,
            last_sequence=int(row["last_sequence"]),
            limits_fen=tuple(self._policy.table[limit_set, IN_FEN].tolist()),
            day=max(day_of(now_ms), int(row["day"])),
        )

    def close(self, envelope: SignedEnvelope) -> None:
        """Closes an empty wallet, for good.

        An order counts once, by its sequence, even if it is refused. So one that came while there
        was money in the wallet does not close it later.

        Raises:
            Refusal: the wallet is not closed.
        """
        order = self._orders.open(orders_pb2.CloseOrder, envelope)
        now_ms = self._clock.now_ms()
        if order.content.expires_time_ms < now_ms and self._refused.earlier(order) is None:
            check_unexpired(order.content.expires_time_ms, now_ms)
        self._refused.check(order)
        with self._directory.one_at_a_time([order.wallet.number]):
            self._close(order, now_ms)

    def _close(self, order: VerifiedOrder[orders_pb2.CloseOrder], now_ms: int) -> None:
        """Decides an order, while no sub-wallet is opened. Raises Refusal."""
        has_open = bool(self._orders.families.open_ones(order.wallet.account))
        if has_open and self._refused.earlier(order) is None:
            still = "sub-wallets of this wallet are open; close them first"
            raise self._refused.keep(order, Refusal(errors_pb2.REASON_SUB_WALLETS_OPEN, still))
        closing = setting_flags(
            order.wallet.account,
            AccountFlag.CLOSED,
            origin=order.wallet.account,
            sequence=order.content.sequence,
            time_ms=now_ms,
            digest=order.digest,
        )
        kept = Batch(records_of([closing]), [order.payload], signatures=[order.signature])
        answers = self._ledger.submit(kept)
        self._refused.count(kept, answers)
        result = answers.result(0)
        if not result.accepted:
            raise refusal_of(result)
        self.on_closed(order.wallet.number)


def check_not_closed(flags: int) -> None:
    """Raises Refusal: WALLET_CLOSED, by the flags of a wallet's account."""
    if flags & AccountFlag.CLOSED:
        raise Refusal(errors_pb2.REASON_WALLET_CLOSED, "the wallet is closed")


def check_may_order(flags: int) -> None:
    """As `check_not_closed`; and WALLET_FROZEN: for what the rule does not decide about."""
    check_not_closed(flags)
    if flags & AccountFlag.FROZEN:
        raise Refusal(errors_pb2.REASON_WALLET_FROZEN, "the wallet is frozen")


def status_of(flags: int) -> int:
    """The WalletStatus for an account's flags."""
    if flags & AccountFlag.CLOSED:
        return wallets_pb2.WALLET_STATUS_CLOSED
    if flags & AccountFlag.FROZEN:
        return wallets_pb2.WALLET_STATUS_FROZEN
    return wallets_pb2.WALLET_STATUS_OPEN
