"""A gRPC server: TLS, health, reflection, deadlines, errors, a log line a call, shutdown."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status
from prometheus_client import CollectorRegistry

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal, to_status
from runtime.limits import (
    DRAIN_S,
    MAX_CONCURRENT_CALLS,
    MAX_DEADLINE_S,
    MAX_WORKERS,
    MESSAGE_OPTIONS,
)
from runtime.logs import logger
from runtime.metrics import CallMetrics
from runtime.tls import Identity, peer

Gate = Callable[[Identity | None, str], None]
"""Says who may call what: (peer, "/package.Service/Method"); raises Refusal for a no."""

_OPEN_TO_ALL = ("/grpc.health.v1.Health/", "/grpc.reflection.")


@dataclass(frozen=True)
class Service:
    """One gRPC service to serve: its full name, and what registers it with a server."""

    name: str
    register: Callable[[grpc.Server], None]


class Server:
    """One port. Starts not serving; `start` opens it and says so to health checks."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        credentials: grpc.ServerCredentials,
        address: str,
        registry: CollectorRegistry,
        metrics: CallMetrics,
        gate: Gate | None = None,
        max_workers: int = MAX_WORKERS,
    ) -> None:
        self._health = health.HealthServicer()
        self._names = [service.name for service in services]
        self._pool = ThreadPoolExecutor(max_workers, thread_name_prefix="grpc")
        self._server = grpc.server(
            self._pool,
            interceptors=[_Wrapper(gate, metrics)],
            maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS,
            options=[*MESSAGE_OPTIONS, ("grpc.so_reuseport", 0)],
        )
        for service in services:
            service.register(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
        )
        self.port = self._server.add_secure_port(address, credentials)

    def start(self) -> None:
        """Begins to serve."""
        self._server.start()
        self._say(health_pb2.HealthCheckResponse.SERVING)

    def stop(self) -> None:
        """Takes no new calls, lets running ones end within a bound."""
        self._say(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._server.stop(DRAIN_S).wait()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _say(self, state: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in ["", *self._names]:
            self._health.set(name, state)


def wait_for_signal() -> threading.Event:
    """An event that SIGTERM or SIGINT sets; called in the main thread, before serving."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


M = TypeVar("M", bound=Message)
UNREADABLE = object()
"""Stands for a request whose bytes could not be parsed, until a handler can say so."""


def _reader(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """A deserializer that does not fail: gRPC would answer such a failure without a reason."""

    def read(data: bytes) -> Any:
        try:
            return parse(data)
        except DecodeError:
            return UNREADABLE

    return read


class _Wrapper(grpc.ServerInterceptor):  # type: ignore[misc]
    """Puts our behaviour around each handler.

    `intercept_service` itself runs on the one serving thread, so it only wraps;
    the work happens in the wrapped handler, on the pool.
    """

    def __init__(self, gate: Gate | None, metrics: CallMetrics) -> None:
        self._gate = gate
        self._metrics = metrics
        self._log = logger("grpc")

    def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = continuation(details)
        method = details.method
        if handler is None or method.startswith(_OPEN_TO_ALL):
            return handler
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(method, handler.unary_unary),
                _reader(handler.request_deserializer),
                handler.response_serializer,
            )
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(
                self._stream(method, handler.unary_stream),
                _reader(handler.request_deserializer),
                handler.response_serializer,
            )
        return handler

    def _unary(self, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(request: Any, context: grpc.ServicerContext) -> Any:
            started = time.monotonic()
            reason = "OK"
            try:
                self._admit(method, request, context, stream=False)
                return call(request, context)
            except Refusal as refusal:
                reason = refusal.name
                self._abort(context, refusal)
            except Exception:
                reason = "INTERNAL"
                self._abort(context, incident(self._log, method))
            finally:
                self._finish(method, reason, started)

        return wrapped

    def _stream(self, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            started = time.monotonic()
            reason = "OK"
            try:
                self._admit(method, request, context, stream=True)
                yield from call(request, context)
            except Refusal as refusal:
                reason = refusal.name
                self._abort(context, refusal)
            except Exception:
                reason = "INTERNAL"
                self._abort(context, incident(self._log, method))
            finally:
                self._finish(method, reason, started)

        return wrapped

    def _admit(
        self, method: str, request: Any, context: grpc.ServicerContext, *, stream: bool
    ) -> None:
        if not stream:
            check_deadline(context.time_remaining())
        if self._gate is not None:
            self._gate(peer(context), method)
        if request is UNREADABLE:
            raise _unreadable()
        refuse_unknown_fields(request)

    def _abort(self, context: grpc.ServicerContext, refusal: Refusal) -> None:
        context.abort_with_status(rpc_status.to_status(to_status(refusal)))

    def _finish(self, method: str, reason: str, started: float) -> None:
        seconds = time.monotonic() - started
        self._metrics.observe(method, reason, seconds)
        self._log.info("call", method=method, reason=reason, ms=round(seconds * 1e3, 2))


def check_deadline(remaining_s: float | None) -> None:
    """Refuses a call that would be waited for without a bound."""
    if remaining_s is None or remaining_s > MAX_DEADLINE_S + 1:
        raise Refusal(
            errors_pb2.REASON_DEADLINE_MISSING,
            f"set a deadline of at most {MAX_DEADLINE_S:.0f} s",
            field="deadline",
        )


def incident(log: Any, method: str) -> Refusal:
    """What the caller learns of an accident: an id that finds it in the log."""
    number = secrets.token_hex(8)
    log.exception("accident", method=method, incident=number)
    return Refusal(
        errors_pb2.REASON_INTERNAL, f"internal error, incident {number}", incident=number
    )


def read(kind: type[M], data: bytes) -> M:
    """A request from its bytes, as a call's own would be read."""
    try:
        message: M = kind.FromString(data)
    except DecodeError:
        raise _unreadable() from None
    refuse_unknown_fields(message)
    return message


def _unreadable() -> Refusal:
    return Refusal(errors_pb2.REASON_MESSAGE_UNREADABLE, "the bytes are not the request's message")


def refuse_unknown_fields(message: Any) -> None:
    """Refuses a message that carries fields we do not know, at its top level."""
    unknown = UnknownFieldSet(message)
    if len(unknown):
        number = unknown[0].field_number
        raise Refusal(
            errors_pb2.REASON_FIELD_UNKNOWN,
            f"{message.DESCRIPTOR.full_name} has no field {number}",
            field=str(number),
        )
