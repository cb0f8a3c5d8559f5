"""Translates answers of the settlement rule into reasons of the contract."""

from __future__ import annotations

from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal, reason_name
from settlement.records import Result

REASONS: dict[Result, int] = {
    Result.MALFORMED: errors_pb2.REASON_FIELD_INVALID,
    Result.SEQUENCE_STALE: errors_pb2.REASON_SEQUENCE_STALE,
    Result.ID_REUSED: errors_pb2.REASON_ID_REUSED,
    Result.LINKED_FAILED: errors_pb2.REASON_LINKED_FAILED,
    Result.AMOUNT_INVALID: errors_pb2.REASON_AMOUNT_INVALID,
    Result.EXPIRED: errors_pb2.REASON_EXPIRED,
    Result.KEY_REPLACED: errors_pb2.REASON_KEY_REPLACED,
    Result.DEBIT_UNKNOWN: errors_pb2.REASON_WALLET_UNKNOWN,
    Result.CREDIT_UNKNOWN: errors_pb2.REASON_WALLET_UNKNOWN,
    Result.SAME_ACCOUNT: errors_pb2.REASON_SAME_ACCOUNT,
    Result.DEBIT_CLOSED: errors_pb2.REASON_WALLET_CLOSED,
    Result.DEBIT_FROZEN: errors_pb2.REASON_WALLET_FROZEN,
    Result.CREDIT_CLOSED: errors_pb2.REASON_PAYEE_CLOSED,
    Result.CREDIT_FROZEN: errors_pb2.REASON_PAYEE_FROZEN,
    Result.OVER_SINGLE_LIMIT: errors_pb2.REASON_OVER_SINGLE_LIMIT,
    Result.OVER_DAY_LIMIT: errors_pb2.REASON_OVER_DAY_LIMIT,
    Result.OVER_YEAR_LIMIT: errors_pb2.REASON_OVER_YEAR_LIMIT,
    Result.INSUFFICIENT_FUNDS: errors_pb2.REASON_INSUFFICIENT_FUNDS,
    Result.OVER_BALANCE_CAP: errors_pb2.REASON_OVER_BALANCE_CAP,
    Result.TOO_MANY_HOLDS: errors_pb2.REASON_TOO_MANY_HOLDS,
    Result.NOT_EMPTY: errors_pb2.REASON_WALLET_NOT_EMPTY,
}
_OF_THE_PAYEE = frozenset(
    (
        Result.CREDIT_UNKNOWN,
        Result.CREDIT_CLOSED,
        Result.CREDIT_FROZEN,
        Result.OVER_BALANCE_CAP,
    )
)
"""Answers about the payee. Payers are told one reason for all of them; only the payee and officers
learn which it is."""

OF_THE_OWN_WALLET = {
    Result.CREDIT_CLOSED: Result.DEBIT_CLOSED,
    Result.CREDIT_FROZEN: Result.DEBIT_FROZEN,
}
"""In an exchange the holder's own wallet may be the one that is credited."""

_OF_THE_BANK = frozenset(
    (
        errors_pb2.REASON_VAULT_SHORT,
        errors_pb2.REASON_CIRCULATION_SHORT,
        errors_pb2.REASON_RESERVES_SHORT,
    )
)
"""What the bank lacks, which only its operators and the central bank are told."""

_SENTENCES = {
    Result.ID_REUSED: "this sequence was used for another order",
    Result.EXPIRED: "the order has expired",
    Result.KEY_REPLACED: "the wallet's key was replaced",
    Result.DEBIT_CLOSED: "the wallet is closed",
    Result.DEBIT_FROZEN: "the wallet is frozen",
    Result.CREDIT_CLOSED: "the payee's wallet is closed",
    Result.CREDIT_FROZEN: "the payee's wallet is frozen",
    Result.OVER_SINGLE_LIMIT: "the amount is over the limit of one payment for this wallet's class",
    Result.OVER_DAY_LIMIT: "the payment would go over the day's limit for this class of wallet",
    Result.OVER_YEAR_LIMIT: "the payment would go over the year's limit for this class of wallet",
    Result.INSUFFICIENT_FUNDS: "the wallet does not hold enough",
    Result.OVER_BALANCE_CAP: "the balance would go over the cap of this class of wallet",
    Result.SAME_ACCOUNT: "payer and payee are the same wallet",
    Result.NOT_EMPTY: "the wallet still holds money",
    Result.TOO_MANY_HOLDS: "the bank has too many payments on their way; try again later",
}
_FIELDS = {
    Result.ID_REUSED: "sequence",
    Result.EXPIRED: "expires_time_ms",
    Result.KEY_REPLACED: "sequence",
    Result.SAME_ACCOUNT: "payee_number",
    Result.CREDIT_CLOSED: "payee_number",
    Result.CREDIT_FROZEN: "payee_number",
}


def cannot_now() -> Refusal:
    """The refusal that a holder is told, whatever it is that the bank lacks."""
    return Refusal(
        errors_pb2.REASON_BANK_CANNOT_NOW,
        "the bank cannot do this at the moment; ask for less, or again later",
        field="amount_fen",
    )


def holders_reason(reason: int) -> int:
    """A reason, as far as a holder may know it."""
    return errors_pb2.REASON_BANK_CANNOT_NOW if reason in _OF_THE_BANK else reason


def exchange_reason(result: Result, order: orders_pb2.ExchangeOrder) -> int:
    """The Reason that a holder's statement gives for an exchange that was refused.

    For a top-up either the bank's money or the deposit account was short; the rule does not write
    down which.
    """
    if (
        result == Result.INSUFFICIENT_FUNDS
        and order.direction == orders_pb2.EXCHANGE_DIRECTION_TOP_UP
    ):
        by_cash = order.medium == orders_pb2.EXCHANGE_MEDIUM_CASH
        return errors_pb2.REASON_BANK_CANNOT_NOW if by_cash else errors_pb2.REASON_LINKED_FAILED
    return reason_of(OF_THE_OWN_WALLET.get(result, result))


def payers_reason(result: Result) -> int:
    """As `reason_of`, as far as the payer may know it."""
    if result in _OF_THE_PAYEE:
        return errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
    return reason_of(result)


def payers_refusal(result: Result) -> Refusal:
    """As `refusal_of`, as far as the payer may know it."""
    if result in _OF_THE_PAYEE:
        return Refusal(
            errors_pb2.REASON_PAYEE_CANNOT_BE_PAID,
            "this payment cannot be made to this payee now",
            field="payee_number",
        )
    return refusal_of(result)


def reason_of(result: Result) -> int:
    """The contract's Reason for an answer of the rule; 0 if the rule accepted."""
    if result.accepted:
        return 0
    return REASONS.get(result, errors_pb2.REASON_INTERNAL)


def own_refusal_of(result: Result) -> Refusal:
    """As `refusal_of`, of a record whose credited account is the own wallet."""
    return refusal_of(OF_THE_OWN_WALLET.get(result, result))


def refusal_of(result: Result, **metadata: str) -> Refusal:
    """The refusal for an answer of the rule, with a sentence and the field that it is about."""
    reason = reason_of(result)
    sentence = _SENTENCES.get(result, reason_name(reason).lower().replace("_", " "))
    return Refusal(reason, sentence, field=_FIELDS.get(result, "amount_fen"), **metadata)
