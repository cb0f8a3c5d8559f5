"""An independent model of what a bank may answer: why an order has to be refused."""

from __future__ import annotations

from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from simulation.scheme.known import Bank, Wallet

_E = errors_pb2
TOP_UP = orders_pb2.EXCHANGE_DIRECTION_TOP_UP


class Judge:
    """Says the Reasons that hold against an order; a bank names one of them."""

    def __init__(self, cap_fen: int) -> None:
        """Takes the most that a wallet may hold."""
        self.cap_fen = cap_fen

    def against_payment(
        self, here: Bank, order: orders_pb2.PaymentOrder, now_ms: int
    ) -> frozenset[int]:
        """Why a payment within the bank or to another one has to be refused."""
        payer = here.wallets[order.wallet_number]
        payee = here.wallets.get(order.payee_number)
        if payer.closing:
            return frozenset({_E.REASON_WALLET_CLOSED})
        against = {
            _E.REASON_EXPIRED: now_ms > order.expires_time_ms,
            _E.REASON_OVER_SINGLE_LIMIT: _is_over(payer, order.amount_fen, order.payee_number),
            _E.REASON_WALLET_FROZEN: payer.frozen,
            _E.REASON_INSUFFICIENT_FUNDS: payer.available_fen + order.top_up_fen < order.amount_fen,
            _E.REASON_PAYEE_CANNOT_BE_PAID: payee is not None
            and not self.can_be_paid(payee, order.amount_fen, first=bool(order.top_up_fen)),
        }
        return frozenset(reason for reason, holds in against.items() if holds)

    def against_top_up(
        self, here: Bank, order: orders_pb2.PaymentOrder, vault_fen: int
    ) -> frozenset[int]:
        """Why what a payment takes from the deposit account cannot come."""
        payer, fen = here.wallets[order.wallet_number], order.top_up_fen
        against = {
            _E.REASON_BANK_CANNOT_NOW: vault_fen < fen,
            _E.REASON_DEPOSIT_SHORT: payer.deposit_fen < fen,
            _E.REASON_OVER_BALANCE_CAP: not payer.frozen and not self.can_take(payer, fen),
        }
        return frozenset(reason for reason, holds in against.items() if fen and holds)

    def against_answer(
        self, here: Bank, order: orders_pb2.PaymentOrder, now_ms: int
    ) -> tuple[frozenset[int], set[int]]:
        """Why a payment of a request has to be refused, and for what it may be, or 0 for taken,
        because nobody knows what a power cut left.
        """
        name = order.request_to_pay_id
        if here.wallets[order.wallet_number].closing:
            return frozenset({_E.REASON_WALLET_CLOSED}), set()
        request = here.requests.get(name)
        if request is None or request.asked.payer_number != order.wallet_number:
            return frozenset({_E.REASON_REQUEST_TO_PAY_UNKNOWN}), set()
        paid_fen = sum(fen for of, fen in here.answered.values() if of == name)
        asked = request.asked
        left_fen = asked.amount_fen - paid_fen
        whole = asked.partial or order.amount_fen == left_fen
        perhaps: set[int] = set()
        if request.perhaps:
            perhaps = {_E.REASON_REQUEST_TO_PAY_UNKNOWN, _E.REASON_REQUEST_TO_PAY_OVER}
        if request.over or left_fen <= 0 or asked.due_time_ms < now_ms:
            return frozenset({_E.REASON_REQUEST_TO_PAY_OVER}), perhaps
        if order.amount_fen > left_fen or not whole:
            return frozenset({_E.REASON_AMOUNT_NOT_ASKED}), perhaps
        against = self.against_payment(here, order, now_ms)
        return against, perhaps

    def against_refund(
        self, here: Bank, order: orders_pb2.RefundOrder, now_ms: int
    ) -> frozenset[int]:
        """Why a refund has to be refused. It is not limited, and may leave a closing wallet."""
        key = order.wallet_number, order.refunds_payment_id
        if key in here.not_refundable:
            return frozenset({_E.REASON_NOT_REFUNDABLE})
        if key not in here.received:
            return frozenset({_E.REASON_PAYMENT_UNKNOWN})
        if order.amount_fen > here.received[key] - here.refunded[key]:
            return frozenset({_E.REASON_REFUND_TOO_LARGE})
        wallet = here.wallets[order.wallet_number]
        against = {
            _E.REASON_EXPIRED: now_ms > order.expires_time_ms,
            _E.REASON_WALLET_FROZEN: wallet.frozen,
            _E.REASON_WALLET_CLOSED: wallet.closed,
            _E.REASON_INSUFFICIENT_FUNDS: wallet.available_fen < order.amount_fen,
        }
        return frozenset(reason for reason, holds in against.items() if holds)

    def against_load(self, here: Bank, order: orders_pb2.LoadOrder, now_ms: int) -> frozenset[int]:
        """Why a load has to be refused."""
        wallet = here.wallets[order.wallet_number]
        if wallet.closing:
            return frozenset({_E.REASON_WALLET_CLOSED})
        against = {
            _E.REASON_EXPIRED: now_ms > order.expires_time_ms,
            _E.REASON_WALLET_FROZEN: wallet.frozen,
            _E.REASON_OVER_SINGLE_LIMIT: _is_over(wallet, order.amount_fen),
            _E.REASON_INSUFFICIENT_FUNDS: wallet.available_fen < order.amount_fen,
        }
        return frozenset(reason for reason, holds in against.items() if holds)

    def against_exchange(
        self, here: Bank, order: orders_pb2.ExchangeOrder, vault_fen: int, now_ms: int
    ) -> frozenset[int]:
        """Why a top-up or a cash-out has to be refused."""
        wallet, fen = here.wallets[order.wallet_number], order.amount_fen
        in_ = order.direction == TOP_UP
        full = not wallet.frozen and not self.can_take(wallet, fen)
        against = {
            _E.REASON_EXPIRED: now_ms > order.expires_time_ms,
            _E.REASON_WALLET_FROZEN: wallet.frozen,
            _E.REASON_BANK_CANNOT_NOW: in_ and vault_fen < fen,
            _E.REASON_DEPOSIT_SHORT: in_ and wallet.deposit_fen < fen,
            _E.REASON_OVER_BALANCE_CAP: in_ and full,
            _E.REASON_INSUFFICIENT_FUNDS: not in_ and wallet.available_fen < fen,
        }
        return frozenset(reason for reason, holds in against.items() if holds)

    def room_fen(self, wallet: Wallet) -> int:
        """How much more a wallet may hold."""
        return (wallet.cap_fen or self.cap_fen) - wallet.available_fen - wallet.held_fen

    def can_take(self, wallet: Wallet, fen: int) -> bool:
        """Whether a wallet can take so much."""
        return not (wallet.frozen or wallet.closed) and fen <= self.room_fen(wallet)

    def can_be_paid(self, wallet: Wallet, fen: int, *, first: bool = False) -> bool:
        """Whether a wallet can take a payment, once what is swept with it has gone."""
        return self.can_take(wallet, fen - self.swept_fen(wallet, fen, first=first))

    def swept_fen(self, wallet: Wallet, fen: int, *, first: bool = False) -> int:
        """What goes on to the deposit account with a payment of so much.

        Args:
            wallet: its payee's.
            fen: how much comes.
            first: it goes before the payment comes, whether there is room or not.
        """
        order, has = wallet.swept_by, wallet.available_fen + wallet.held_fen
        if order is None or wallet.frozen:
            return 0
        level = min(order.above_fen or self.cap_fen, self.cap_fen)
        there = wallet.available_fen
        if not first and has + fen <= self.cap_fen:
            there += fen
        swept_fen = max(0, min(has + fen - level, there))
        return swept_fen if has + fen - swept_fen <= self.cap_fen else 0


def _is_over(payer: Wallet, fen: int, payee_number: str = "") -> bool:
    """Whether a sub-wallet may not pay so much at once; to its parent it may."""
    return bool(payer.parent) and payee_number != payer.parent and fen > payer.single_fen
