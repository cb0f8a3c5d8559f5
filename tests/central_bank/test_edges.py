"""The central bank's edges: what banks answer, and what a bank may ask of the feed."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from central_bank.peers.bank_client import GrpcBankPeers
from dcep.bank.v1 import inbound_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.errors import NoAnswer
from runtime.limits import MAX_POSITION
from simulation.scheme.network import at_once
from tests.central_bank.system import System
from tests.refusals import refused


@dataclass
class Answering:
    """An InboundServiceStub that says the same always."""

    can_be_paid: list[bool]

    @property
    def CheckPayees(self) -> Any:  # noqa: N802
        answer: Future[Any] = Future()
        answer.set_result(inbound_pb2.CheckPayeesResponse(can_be_paid=self.can_be_paid))
        return SimpleNamespace(future=lambda request, timeout: answer)


def check(system: System, patch: pytest.MonkeyPatch, said: list[bool]) -> list[int]:
    patch.setattr(GrpcBankPeers, "_reach", lambda self, bank: at_once(lambda: Answering(said)))
    nothing: Any = object()
    return GrpcBankPeers(nothing, own=nothing).check(system.beta, ["6202", "6202"]).result()


def test_what_a_bank_says_of_its_wallets_is_yes_or_no(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    cannot = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
    assert check(system, monkeypatch, [True, False]) == [0, cannot]


@pytest.mark.parametrize("said", [[], [True], [False, False, True]])
def test_an_answer_for_more_or_fewer_is_none(
    system: System, monkeypatch: pytest.MonkeyPatch, said: list[bool]
) -> None:
    with pytest.raises(NoAnswer):
        check(system, monkeypatch, said)


def test_every_reason_fits_a_record(system: System) -> None:
    system.issue(system.alpha, 1_000)
    for reason in errors_pb2.Reason.values():
        payment = system.payment(system.alpha, system.beta, 1)
        system.banks.reasons[payment.payee_number] = reason
        [outcome] = system.submit(system.alpha, payment)
        assert outcome.reason == reason


def test_a_feed_from_beyond_any_journal_is_refused(system: System) -> None:
    feed = system.central.feed
    for number in (MAX_POSITION + 1, 1 << 63, (1 << 64) - 1):
        assert refused(feed.start, system.alpha, registration_pb2.FeedPlace(number=number)) == (
            "FIELD_INVALID",
            "after.number",
        )
