"""A bank whose clock is wrong goes on sending: its calls are dated by the central bank's clock."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from nacl.signing import SigningKey

from central_bank.registration.settlement import check_window
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from operator_bank.peers.central_bank_client import GrpcCentralBank
from runtime.clock import ManualClock
from runtime.errors import Refusal

NOW_MS, HOUR_MS = 1_750_000_000_000, 3_600_000


class Centre:
    """Judges the times of what a bank signs by a clock of its own, and nothing else."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW_MS)
        self.calls = 0

    def SubmitPayments(self, request: Any, timeout: float) -> Any:  # noqa: N802
        self._judge(registration_pb2.OutboundBatch, request.batch)
        return registration_pb2.SubmitPaymentsResponse()

    def RegisterTokens(self, request: Any, timeout: float) -> Any:  # noqa: N802
        self._judge(registration_pb2.TokenRegistration, request.registration)
        return registration_pb2.RegisterTokensResponse()

    def DepositTokens(self, request: Any, timeout: float) -> Any:  # noqa: N802
        self._judge(registration_pb2.TokenDeposit, request.deposit)
        return registration_pb2.DepositTokensResponse()

    def _judge(self, kind: Any, envelope: Any) -> None:
        self.calls += 1
        signed = kind.FromString(envelope.payload)
        check_window(
            signed.created_time_ms, signed.expires_time_ms, self.clock.now_ms(), 10 * 60_000
        )


@pytest.fixture
def centre(monkeypatch: pytest.MonkeyPatch) -> Centre:
    made = Centre()
    monkeypatch.setattr(registration_pb2_grpc, "RegistrationServiceStub", lambda channel: made)
    return made


@pytest.mark.parametrize("off_ms", [-24 * HOUR_MS, -HOUR_MS, HOUR_MS, 24 * HOUR_MS])
def test_a_call_is_made_again_by_the_time_of_the_central_bank(centre: Centre, off_ms: int) -> None:
    clock = ManualClock(NOW_MS + off_ms)
    peer = GrpcCentralBank(
        grpc.insecure_channel("localhost:1"), "alpha", SigningKey.generate(), clock
    )
    peer.submit(registration_pb2.OutboundBatch())
    assert centre.calls == 2
    peer.register(1, 5, b"certificate", bytes(96))
    peer.deposit([registration_pb2.TokenDepositItem()])
    assert centre.calls == 4, "it knows by now"
    clock.set_back(HOUR_MS)
    peer.submit(registration_pb2.OutboundBatch())
    assert centre.calls == 6


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (errors_pb2.REASON_BANK_SUSPENDED, {"now_ms": "1"}),
        (errors_pb2.REASON_EXPIRED, {}),
        (errors_pb2.REASON_EXPIRED, {"now_ms": "-5"}),
        (errors_pb2.REASON_EXPIRED, {"now_ms": "9" * 16}),
    ],
)
def test_only_a_refusal_of_the_times_says_what_time_it_is(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, reason: int, said: dict[str, str]
) -> None:
    peer = GrpcCentralBank(
        grpc.insecure_channel("localhost:1"), "alpha", SigningKey.generate(), ManualClock(NOW_MS)
    )
    calls: list[int] = []

    def no(*_: Any, **__: Any) -> Any:
        calls.append(reason)
        raise Refusal(reason, "no", **said)

    monkeypatch.setattr(centre, "SubmitPayments", no)
    with pytest.raises(Refusal):
        peer.submit(registration_pb2.OutboundBatch())
    assert len(calls) == 1
