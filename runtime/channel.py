"""A gRPC channel whose calls have a deadline and whose errors are ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from runtime.errors import from_rpc_error
from runtime.limits import DEFAULT_DEADLINE_S, MESSAGE_OPTIONS
from runtime.own_certificate import OwnCertificate, Shown
from runtime.roles import server_name

_OPTIONS = [
    *MESSAGE_OPTIONS,
    ("grpc.initial_reconnect_backoff_ms", 100),
    # How long one attempt to connect may take: a busy machine is slow to shake hands.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
]


def connect(address: str, credentials: grpc.ChannelCredentials, role: str) -> grpc.Channel:
    """A channel; connecting happens at the first call.

    Its calls raise `runtime.errors.Refusal` or `runtime.errors.NoAnswer`, in
    streams too, and get DEFAULT_DEADLINE_S when they set none. Nothing is
    repeated here: who calls knows whether it may.

    Args:
        address: HOST:PORT.
        credentials: see `runtime.tls.channel_credentials`.
        role: whose server it has to be, such as ``dcep://bank/alpha``. Whoever else has a
            certificate of the root is not spoken to.
    """
    channel = grpc.secure_channel(address, credentials, [*_OPTIONS, *served_by(role)])
    return grpc.intercept_channel(channel, _Ours())


class RenewingChannel(grpc.Channel):  # type: ignore[misc]
    """A channel that is made anew when the own certificate was renewed.

    The calls that run on the one before end as `NoAnswer`: whoever asked asks again, and a stream
    is taken up where it ended.
    """

    def __init__(self, own: OwnCertificate, make: Callable[[Shown], grpc.Channel]) -> None:
        """Takes the certificate, and what makes a channel that shows it."""
        self._own = own
        self._make = make
        self._lock = threading.Lock()
        self._shown = own.latest()
        self._channel = make(self._shown)

    def unary_unary(self, method: str, *given: Any, **named: Any) -> Any:
        """See `grpc.Channel`."""
        return _Method(self, lambda channel: channel.unary_unary(method, *given, **named))

    def unary_stream(self, method: str, *given: Any, **named: Any) -> Any:
        """See `grpc.Channel`."""
        return _Method(self, lambda channel: channel.unary_stream(method, *given, **named))

    def stream_unary(self, method: str, *given: Any, **named: Any) -> Any:
        """See `grpc.Channel`."""
        return _Method(self, lambda channel: channel.stream_unary(method, *given, **named))

    def stream_stream(self, method: str, *given: Any, **named: Any) -> Any:
        """See `grpc.Channel`."""
        return _Method(self, lambda channel: channel.stream_stream(method, *given, **named))

    def subscribe(self, callback: Callable[[Any], None], try_to_connect: bool = False) -> None:
        """See `grpc.Channel`; of the channel of this moment alone."""
        self.current().subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[Any], None]) -> None:
        """See `grpc.Channel`."""
        self.current().unsubscribe(callback)

    def close(self) -> None:
        """See `grpc.Channel`."""
        self._channel.close()

    def __enter__(self) -> RenewingChannel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def current(self) -> grpc.Channel:
        """The channel that shows the newest certificate."""
        with self._lock:
            latest = self._own.latest()
            if latest is not self._shown:
                before, self._channel = self._channel, self._make(latest)
                self._shown = latest
                before.close()
            return self._channel


class _Method:
    """A method of a `RenewingChannel`, called on the channel of the moment."""

    def __init__(self, renewing: RenewingChannel, bind: Callable[[grpc.Channel], Any]) -> None:
        self._renewing = renewing
        self._bind = bind
        self._bound: tuple[grpc.Channel | None, Any] = (None, None)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._now()(*given, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now(), name)

    def _now(self) -> Any:
        channel = self._renewing.current()
        before, method = self._bound
        if before is not channel:
            method = self._bind(channel)
            self._bound = (channel, method)
        return method


def served_by(role: str) -> tuple[tuple[str, str], ...]:
    """Options that have a channel verify whose server it speaks to, in place of the host's name."""
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
            return self._call.result(timeout)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

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
            return next(self._call)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)
