"""Makes answers that several public services share, and says how long they may wait for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc

from dcep.bank.v1 import asking_pb2, payments_pb2, states_pb2
from operator_bank.exchange.exchange import Exchanged
from operator_bank.limits import ANSWER_MARGIN_S, CALLERS_GONE_S
from operator_bank.payments.rows import Paid
from runtime.errors import Refusal, as_reason


def patience_s(context: grpc.ServicerContext) -> float:
    """How many seconds a handler may wait for the central bank before it answers.

    The edge waits longer than its caller does, so the caller's own deadline is what counts.
    """
    return (context.time_remaining() or 0.0) - CALLERS_GONE_S - ANSWER_MARGIN_S


def pay_response(paid: Paid, available_fen: int) -> payments_pb2.PayResponse:
    """The answer to a single payment."""
    return payments_pb2.PayResponse(**_said(paid, available_fen))


def refund_response(paid: Paid, available_fen: int) -> payments_pb2.RefundResponse:
    """The answer to a refund."""
    return payments_pb2.RefundResponse(**_said(paid, available_fen))


def asked_response(paid: Paid, available_fen: int) -> asking_pb2.PayAskedResponse:
    """The answer to a payment on a request to pay."""
    return asking_pb2.PayAskedResponse(**_said(paid, available_fen))


def _said(paid: Paid, available_fen: int) -> dict[str, Any]:
    return {
        "payment_id": paid.payment_id,
        "state": paid.state,
        "repeated": paid.repeated,
        "available_fen": available_fen,
        "reason": as_reason(paid.reason),
    }


def item_answers(answers: Sequence[Paid | Exchanged | Refusal]) -> list[states_pb2.ItemAnswer]:
    """The answers of a call with many items, in order; equal answers are one message, made once."""
    made: dict[tuple[int, int, bool], states_pb2.ItemAnswer] = {}
    items = []
    key: tuple[int, int, bool]
    for answer in answers:
        if isinstance(answer, Refusal):
            key = (states_pb2.PAYMENT_STATE_REFUSED, answer.reason, False)
        elif isinstance(answer, Exchanged):
            key = (states_pb2.PAYMENT_STATE_SETTLED, 0, answer.repeated)
        else:
            key = (answer.state, answer.reason, answer.repeated)
        if key not in made:
            state, reason, repeated = key
            made[key] = states_pb2.ItemAnswer(state=state, reason=reason, repeated=repeated)  # type: ignore[arg-type]
        items.append(made[key])
    return items
