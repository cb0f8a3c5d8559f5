"""The central bank's edges: what banks answer, and what a bank may ask of the feed."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from central_bank.bank_client import GrpcBankPeers
from central_bank.grpc_registration import GrpcRegistration
from dcep.bank.v1 import bank_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.errors import NoAnswer, Refusal
from runtime.limits import MAX_POSITION
from tests.central_bank.conftest import World, at_once

FROZEN = errors_pb2.REASON_PAYEE_FROZEN


@dataclass
class Answering:
    """An InboundServiceStub that gives the same reasons always."""

    reasons: list[int]

    @property
    def CheckPayees(self) -> Any:  # noqa: N802
        answer: Future[Any] = Future()
        answer.set_result(bank_pb2.CheckPayeesResponse(reasons=self.reasons))
        return SimpleNamespace(future=lambda request, timeout: answer)


def check(world: World, patch: pytest.MonkeyPatch, reasons: list[int]) -> list[int]:
    patch.setattr(GrpcBankPeers, "_reach", lambda self, bank: at_once(lambda: Answering(reasons)))
    nothing: Any = object()
    return (
        GrpcBankPeers(nothing, own=nothing).check(world.beta, [("6202", 1), ("6202", 2)]).result()
    )


def test_reasons_come_as_the_bank_gives_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(world, monkeypatch, [0, FROZEN]) == [0, FROZEN]


@pytest.mark.parametrize(
    "reasons", [[0], [0, 0, 0], [0, -1], [0, 1_000], [0, 1 << 16], [0, 2**31 - 1]]
)
def test_an_answer_that_means_nothing_is_none(
    world: World, monkeypatch: pytest.MonkeyPatch, reasons: list[int]
) -> None:
    with pytest.raises(NoAnswer):
        check(world, monkeypatch, reasons)


def test_every_reason_fits_a_record(world: World) -> None:
    world.issue(world.alpha, 1_000)
    for reason in errors_pb2.Reason.values():
        payment = world.payment(world.alpha, world.beta, 1)
        world.banks.reasons[payment.payee_number] = reason
        [outcome] = world.submit(world.alpha, payment)
        assert outcome.reason == reason


def test_a_feed_from_beyond_any_journal_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    central = world.central
    service = GrpcRegistration(
        central.registry,
        central.settlement,
        central.loads,
        central.deposits,
        central.feed,
        central.books.ledger,
    )
    for position in (MAX_POSITION + 1, 1 << 63, (1 << 64) - 1):
        request = registration_pb2.FollowFeedRequest(after_position=position)
        with pytest.raises(Refusal) as caught:
            asyncio.run(anext(service.FollowFeed(request, None)))
        assert (caught.value.name, caught.value.field) == ("FIELD_INVALID", "after_position")
    assert central.feed.after(world.alpha, MAX_POSITION)[0].entries == []
