"""Checks an outbound payment before any bank is asked: it is its bank's own, and within bounds."""

from __future__ import annotations

import re

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import MAX_PAYMENT_VALIDITY_MS
from currency.number import NumberError, check, prefix_of
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.checks import invalid
from runtime.errors import Refusal

OutboundPayment = registration_pb2.OutboundPayment
_SEQUENCE = re.compile(r"[1-9][0-9]{0,15}")


def check_payment(payment: OutboundPayment, bank: AdmittedBank) -> None:
    """Raises Refusal, naming the field, if a bank may not submit a payment.

    The contract's bounds of each field have been checked before.
    """
    _check_times(payment.created_time_ms, payment.expires_time_ms)
    _check_number(payment.payer_number, "payer_number")
    _check_number(payment.payee_number, "payee_number")
    if prefix_of(payment.payer_number) != bank.prefix:
        raise invalid("payer_number", "is another bank's")
    _check_id(payment, bank)


def _check_times(created_ms: int, expires_ms: int) -> None:
    if expires_ms < created_ms:
        raise invalid("expires_time_ms", "lies before created_time_ms")
    if expires_ms - created_ms > MAX_PAYMENT_VALIDITY_MS:
        raise Refusal(
            errors_pb2.REASON_VALIDITY_TOO_LONG,
            f"expires_time_ms lies more than {MAX_PAYMENT_VALIDITY_MS} ms behind created_time_ms",
            field="expires_time_ms",
        )


def _check_id(payment: OutboundPayment, bank: AdmittedBank) -> None:
    """Checks that the id names the payer's order, or the bank's own return of a named payment; and
    that a refund is one of a payment that its payee made.
    """
    if bool(payment.returns_payment_id) != bool(payment.returns_number):
        raise invalid("returns_number", "and returns_payment_id come together")
    if bool(payment.refunds_payment_id) != bool(payment.refunds_number):
        raise invalid("refunds_number", "and refunds_payment_id come together")
    if payment.refunds_number and payment.returns_number:
        raise invalid("refunds_number", "and returns_number do not come together")
    refunds = payment.refunds_payment_id
    if refunds and not refunds.startswith(f"{payment.payee_number}-"):
        raise invalid("refunds_payment_id", "is of another wallet than the payee's")
    answers = payment.request_to_pay_id
    if answers and (refunds or payment.returns_number):
        raise invalid("request_to_pay_id", "is of no refund and no return")
    if answers and not answers.startswith(f"{payment.payee_number}-"):
        raise invalid("request_to_pay_id", "is of another wallet than the payee's")
    before = f"{payment.payer_number}-"
    if payment.returns_number:
        before = f"{bank.name}-return-"
    rest = payment.payment_id.removeprefix(before)
    if rest == payment.payment_id or not _SEQUENCE.fullmatch(rest):
        raise invalid("payment_id", f"is {before} and a number")


def _check_number(number: str, field: str) -> None:
    try:
        check(number)
    except NumberError as error:
        raise invalid(field, f"is no wallet number: {error}") from None
