"""A gRPC channel that shows the newest certificate of its owner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc

from runtime.own_certificate import OwnCertificate, Shown


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
