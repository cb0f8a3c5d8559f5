"""Opens channels to the services of a stack, with the certificate of whoever calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deployment.another_stack import check_ours_at
from deployment.limits import CALL_TIMEOUT_S
from deployment.topology import StackPlan
from runtime.channel import connect
from runtime.errors import NoAnswer, Refusal
from runtime.tls import channel_credentials

Answer = TypeVar("Answer")
T = TypeVar("T")


def officer_channel(plan: StackPlan, address: str, officer: str) -> grpc.Channel:
    """A channel with an officer's certificate, to a port that requires one. Raises AnotherStack."""
    folder = plan.officers_folder
    return certified_channel(plan, address, folder / f"{officer}.crt", folder / f"{officer}.key")


def certified_channel(plan: StackPlan, address: str, certificate: Path, key: Path) -> grpc.Channel:
    """A channel with any certificate that the stack's root has signed. Raises AnotherStack."""
    check_ours_at(plan, address)
    credentials = channel_credentials(plan.root_certificate, certificate, key)
    return connect(address, credentials, plan.role_at(address))


def public_channel(plan: StackPlan, address: str) -> grpc.Channel:
    """A channel to a bank's public port, as wallets open it. Raises AnotherStack."""
    check_ours_at(plan, address)
    return connect(address, channel_credentials(plan.root_certificate), plan.role_at(address))


def ask(
    method: Callable[..., object],
    request: object,
    kind: type[Answer],
    timeout_s: float = CALL_TIMEOUT_S,
) -> Answer:
    """Calls a stub's method; returns the answer with its type, which generated stubs do not tell.

    Raises:
        Refusal, NoAnswer: of `runtime.errors`.
    """
    answer = method(request, timeout=timeout_s)
    if not isinstance(answer, kind):
        raise TypeError(f"{kind.__name__} expected, {type(answer).__name__} came")
    return answer


def stub(kind: Callable[[grpc.Channel], T], channel: grpc.Channel) -> T:
    """A generated stub over a channel."""
    return kind(channel)


def serving(channel: grpc.Channel) -> bool:
    """Whether the service at the other end says SERVING now."""
    try:
        answer = stub(health_pb2_grpc.HealthStub, channel).Check(
            health_pb2.HealthCheckRequest(), timeout=2.0
        )
    except (NoAnswer, Refusal):
        return False  # not listening yet, or not any more
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
