"""A gRPC channel whose calls have a deadline and whose errors are ours."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import grpc

from runtime.errors import from_rpc_error
from runtime.limits import DEFAULT_DEADLINE_S, KEEPALIVE_OPTIONS, MESSAGE_OPTIONS
from runtime.messages import check_answer
from runtime.roles import server_name

OPTIONS: list[tuple[str, Any]] = [
    *MESSAGE_OPTIONS,
    *KEEPALIVE_OPTIONS,
    ("grpc.initial_reconnect_backoff_ms", 100),
    # How long one attempt to connect may take: a busy machine is slow to shake hands.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]
"""Of every channel to a service."""


def connect(address: str, credentials: grpc.ChannelCredentials, role: str) -> grpc.Channel:
    """A channel; connecting happens at the first call.

    Calls, streams included, raise `runtime.errors.Refusal` or `runtime.errors.NoAnswer`. A call
    without a deadline gets DEFAULT_DEADLINE_S. Answers are checked against the contract's bounds.
    Nothing is retried here: only the caller knows whether that is safe. The calls of a server that
    has vanished without closing its connections end within 90 s, streams included.

    Args:
        address: HOST:PORT.
        credentials: see `runtime.tls.channel_credentials`.
        role: the server's role, such as ``dcep://bank/alpha``. A server with a certificate for
            another role is not spoken to.
    """
    options = [*OPTIONS, *served_by(role)]
    if is_loopback(address):
        # A proxy that the environment names has another loopback than this machine.
        options.append(("grpc.enable_http_proxy", 0))
    return grpc.intercept_channel(grpc.secure_channel(address, credentials, options), _Ours())


def is_loopback(address: str) -> bool:
    """Whether HOST:PORT is this very machine."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def served_by(role: str) -> tuple[tuple[str, str], ...]:
    """Channel options that verify the server's role instead of its host name."""
    return (("grpc.default_authority", server_name(role)),)


class _Ours(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc]
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc]
):
    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        if details.timeout is None:
            details = details._replace(timeout=DEFAULT_DEADLINE_S)
        call = continuation(details, request)
        return _Call(call)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return _Stream(continuation(details, request))


class _Call:
    """An answered or running call whose result raises our errors."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def result(self, timeout: float | None = None) -> Any:
        try:
            answer = self._call.result(timeout)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        check_answer(answer)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class _Stream:
    """A stream whose messages raise our errors."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            answer = next(self._call)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        check_answer(answer)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)
