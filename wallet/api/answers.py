"""Answers of the wallet's service, and how its own errors look to programs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from currency.contract_words import purpose_of
from dcep.bank.v1 import states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.wallet.v1 import wallet_pb2
from runtime.errors import NoAnswer, Refusal
from wallet.app import NotOpened
from wallet.online.account import HistoryEntry
from wallet.secure_element.device_errors import DeviceError

Call = TypeVar("Call", bound=Callable[..., Any])


def homely(response: Callable[[], Message]) -> Callable[[Call], Call]:
    """Turns the wallet's own errors into refusals and missing answers.

    A wallet that was not opened is unknown; so is a device behind a PIN. If the bank does not
    answer, the wallet does not answer either.
    """

    def around(call: Call) -> Call:
        @functools.wraps(call)
        def wrapped(service: object, request: Message, context: grpc.ServicerContext) -> object:
            try:
                return call(service, request, context)
            except NotOpened as error:
                raise Refusal(errors_pb2.REASON_WALLET_UNKNOWN, str(error)) from None
            except DeviceError as error:
                raise Refusal(errors_pb2.REASON_DEVICE_UNKNOWN, str(error)) from None
            except NoAnswer as error:
                unanswered(context, error)
                return response()

        return wrapped  # type: ignore[return-value]

    return around


def unanswered(context: grpc.ServicerContext, error: NoAnswer) -> None:
    """Ends a call without a reason, because the outcome is unknown to the wallet too."""
    context.set_code(grpc.StatusCode.UNAVAILABLE)
    context.set_details(str(error))


def item(entry: HistoryEntry) -> wallet_pb2.HistoryItem:
    """A line of the history as a message."""
    return wallet_pb2.HistoryItem(
        payment_id=entry.payment_id,
        state=states_pb2.PaymentState.Value(f"PAYMENT_STATE_{entry.state}"),
        purpose=purpose_of(entry.kind),
        counterparty=entry.counterparty,
        change_fen=entry.change_fen,
        balance_after_fen=entry.balance_after_fen,
        time_ms=entry.time_ms,
        memo=entry.memo,
        refunds_payment_id=entry.refunds_payment_id,
        refunded_fen=entry.refunded_fen,
        request_to_pay_id=entry.request_to_pay_id,
        top_up_fen=entry.top_up_fen,
        sweeps_payment_id=entry.sweeps_payment_id,
    )
