"""What a bank tells its edge of a wallet or a payment, it tells for who has shown a signature."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from dcep.bank.v1 import edge_pb2, orders_pb2, payments_pb2
from operator_bank.api.edge import GrpcEdge
from runtime.metrics import CallMetrics
from tests.operator_bank.system import FOREIGN, Holder, System
from tests.refusals import refused

WATCH = "dcep.bank.v1.PaymentService/WatchPayments"


class InThisThread:
    """A call as far as the bank needs one here; it has no time left to wait."""

    def time_remaining(self) -> float:
        return 0.0

    async def in_thread(self, work: Any, *arguments: Any) -> Any:
        return work(*arguments)


@pytest.fixture
def edge(system: System) -> GrpcEdge:
    return GrpcEdge(system.bank, CallMetrics(CollectorRegistry()))


def begin(edge: GrpcEdge, system: System, holder: Holder) -> edge_pb2.BeginWatchResponse:
    now_ms = system.clock.now_ms()
    query = holder.signed(
        orders_pb2.Query,
        bank="alpha",
        method=WATCH,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 10_000,
    )
    asked = payments_pb2.WatchPaymentsRequest(query=query, after_position=1)
    request = edge_pb2.BeginWatchRequest(request=asked.SerializeToString())
    return edge.BeginWatch(request, None)  # type: ignore[no-any-return,arg-type]


def arrivals(edge: GrpcEdge, number: str, ticket: bytes) -> int:
    request = edge_pb2.ArrivalsRequest(wallet_number=number, after_position=1, ticket=ticket)
    return len(edge.Arrivals(request, None).arrivals)  # type: ignore[arg-type]


def test_what_came_to_a_wallet_is_told_for_who_has_shown_its_signature_alone(
    system: System, edge: GrpcEdge, alice: Holder, bob: Holder
) -> None:
    alice.pay(bob.number, 5)
    system.bank.project()
    alices, bobs = (begin(edge, system, holder).ticket for holder in (alice, bob))
    assert arrivals(edge, bob.number, bobs) == 1
    later = GrpcEdge(system.bank, CallMetrics(CollectorRegistry()))
    for of, ticket in ((edge, alices), (edge, bytes(16)), (edge, b""), (later, bobs)):
        assert refused(arrivals, of, bob.number, ticket) == ("FIELD_INVALID", "ticket")


def test_the_end_of_a_payment_and_a_balance_are_told_for_who_made_it_alone(
    system: System, edge: GrpcEdge, alice: Holder, bob: Holder
) -> None:
    request = payments_pb2.PayRequest(order=alice.order(FOREIGN, 10)).SerializeToString()
    answered = edge.PayTogether(edge_pb2.PayTogetherRequest(requests=[request]), None)  # type: ignore[arg-type]
    own = answered.answers[0].on_its_way

    def asked(**other: Any) -> edge_pb2.AwaitEndResponse:
        payment = edge_pb2.OnItsWay()
        payment.CopyFrom(own)
        for name, value in other.items():
            setattr(payment, name, value)
        end = edge.AwaitEnd(edge_pb2.AwaitEndRequest(payment=payment), InThisThread())  # type: ignore[arg-type]
        return asyncio.run(end)  # type: ignore[no-any-return]

    assert asked().available_fen == 100_000 - 10
    bobs = begin(edge, system, bob).ticket
    for other in ({"account": bob.wallet.account}, {"number": own.number + 1}, {"ticket": bobs}):
        assert refused(asked, **other) == ("FIELD_INVALID", "ticket")
