"""Payments that take what the wallet lacks from its holder's deposit account, in the same step.

The payment is the head of a chain and is decided last: first the money comes into the wallet, then
it is paid. All of the chain takes effect, or nothing. See decision 47.
"""

from __future__ import annotations

from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.context import Context
from operator_bank.exchange.deposits import Deposits, account_of
from operator_bank.ledger import accounts
from operator_bank.ledger.reasons import own_refusal_of, payers_refusal, refusal_of
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.orders import VerifiedOrder
from runtime.checks import invalid
from runtime.errors import Refusal
from settlement.builders import Row, linked, transfer
from settlement.records import RecordFlag, Result
from settlement.rule import can_take

FIELD = "top_up_fen"
_LAST, _NO_LIMIT = int(RecordFlag.DECIDED_LAST), int(RecordFlag.NO_LIMIT)
_OF_THE_WALLET = (Result.CREDIT_CLOSED, Result.CREDIT_FROZEN, Result.OVER_BALANCE_CAP)
_TOP_UP = purposes_pb2.PURPOSE_TOP_UP
PaymentOrder = VerifiedOrder[orders_pb2.PaymentOrder]


class TopUps:
    """What payments with a top-up have in their chains, and why they are refused."""

    def __init__(self, context: Context, deposits: Deposits, policy: Policy) -> None:
        self._ledger = context.ledger
        self._clock = context.clock
        self._deposits = deposits
        self._policy = policy

    def own_refusal(self, order: PaymentOrder) -> Refusal | None:
        """Why the wallet itself cannot take the top-up of a new order; None if it can, or if there
        is none.

        The rule would refuse it in the same words whether this wallet or its payee is frozen or
        full, and it does not write down which.
        """
        fen = order.content.top_up_fen
        if not fen:
            return None
        rows = self._ledger.read([order.wallet.account])
        room = can_take(rows, self._policy.table, 0, fen, self._clock.now_ms())
        return None if room.accepted else _own(room)

    def refusal(self, order: PaymentOrder, result: Result, *, repeated: bool) -> Refusal:
        """The refusal for what the rule has answered, by whose money was short."""
        fen, wallet = order.content.top_up_fen, order.wallet
        if fen and result == Result.INSUFFICIENT_FUNDS:
            row = self._ledger.read([wallet.account])[0]
            missing = order.content.amount_fen - fen - int(row["available_fen"])
            if missing > 0:
                return refusal_of(result, missing_fen=str(missing))
            short = self._deposits.short(wallet, fen)
            return short or self._deposits.bank_is_short(order, fen, repeated=repeated)
        return payers_refusal(result)


def own_said(reason: int) -> Refusal:
    """The refusal of a top-up that a wallet itself could not take, for this reason."""
    again = Refusal(reason, "it was refused for this before; make it anew")
    return next((no for no in map(_own, _OF_THE_WALLET) if no.reason == reason), again)


def _own(room: Result) -> Refusal:
    return own_refusal_of(room)


def chain_of(order: PaymentOrder, payment: Row) -> list[Row]:
    """The records of a payment: its own, and before it is decided those of its top-up.

    Args:
        order: with a top-up or without.
        payment: the record of the payment alone.

    Raises:
        Refusal: FIELD_INVALID, the top-up is more than is paid; NO_DEPOSIT_ACCOUNT.
    """
    content, wallet = order.content, order.wallet
    fen = content.top_up_fen
    if not fen:
        return [payment]
    if fen > content.amount_fen:
        raise invalid(FIELD, "is at most what is paid")

    def part(debit: int, credit: int) -> Row:
        return transfer(
            origin=wallet.account,
            sequence=0,
            debit=debit,
            credit=credit,
            amount_fen=fen,
            purpose=_TOP_UP,
            time_ms=payment.time_ms,
            expires_ms=payment.expires_ms,
            flags=_NO_LIMIT,
            digest=order.digest,
        )

    return linked(
        [
            payment._replace(flags=payment.flags | _LAST),
            part(accounts.VAULT, wallet.account),
            part(account_of(wallet, FIELD), accounts.CONTROL),
        ]
    )


def shown_reason(result: Result) -> int:
    """The Reason that a holder's statement gives for a payment with a top-up that was refused.

    Wallet, deposit account or bank may have been short; the rule does not write down which.
    """
    if result == Result.INSUFFICIENT_FUNDS:
        return errors_pb2.REASON_LINKED_FAILED
    return payers_refusal(result).reason
