"""A gRPC server: TLS, health, reflection, shares for each caller, errors, logs, shutdown."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from prometheus_client import CollectorRegistry

from runtime.calls import Authorizer, Caller, Calls, Class, Context
from runtime.connections import Bounds, Connections
from runtime.errors import Refusal
from runtime.inspection import Inspection, Places
from runtime.limits import (
    ASK_AGAIN_S,
    CALLS_EACH,
    CALLS_KEPT,
    DRAIN_S,
    MAX_CONCURRENT_CALLS,
    MAX_STREAMS,
    MAX_WORKERS,
    SERVER_OPTIONS,
    STREAMS_EACH,
    WORKERS_KEPT,
)
from runtime.loop import shared_loop
from runtime.messages import read
from runtime.metrics import CallMetrics
from runtime.open_sockets import within_files
from runtime.settings import SettingsError
from runtime.shares import FairThreads, Shares
from runtime.tls import Identity, peer

__all__ = ["Authorizer", "Server", "Service", "wait_for_signal"]


@dataclass(frozen=True)
class Service:
    """One gRPC service: its full name, and the function that registers it with a server."""

    name: str
    register: Callable[[Any], None]


def is_officer(who: Identity) -> bool:
    """Whether a caller is an officer, for whom a server keeps places that others cannot take."""
    return who.role == "officer"


class Server:
    """A server at one port. It serves once `start` is called, and tells health checks so.

    Each caller, known by its certificate, gets a bounded share of connections, calls, streams and
    threads. Callers that `first` chooses have places and threads that nobody else can take.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        credentials: grpc.ServerCredentials,
        address: str,
        registry: CollectorRegistry,
        metrics: CallMetrics,
        authorize: Authorizer | None = None,
        first: Callable[[Identity], bool] = is_officer,
        max_workers: int = MAX_WORKERS,
        calls_each: int = CALLS_EACH,
        workers_each: int | None = None,
        streams_each: int = STREAMS_EACH,
        options: Sequence[tuple[str, int]] = SERVER_OPTIONS,
        connections: Bounds | None = None,
        may_answer: Callable[[], None] = lambda: None,
    ) -> None:
        self._first = first
        self.workers_each = max(1, max_workers // 4) if workers_each is None else workers_each
        self._for_all = Class(
            Shares("calls", whole=MAX_CONCURRENT_CALLS, each=calls_each),
            Shares("streams", whole=MAX_STREAMS, each=streams_each),
            FairThreads(max_workers, each=self.workers_each, name="grpc"),
        )
        self._kept = Class(
            Shares("calls", whole=CALLS_KEPT, each=CALLS_EACH),
            Shares("streams", whole=MAX_STREAMS, each=STREAMS_EACH),
            FairThreads(WORKERS_KEPT, each=WORKERS_KEPT, name="grpc"),
        )
        self._checks = Shares("health checks", whole=MAX_CONCURRENT_CALLS, each=calls_each)
        self._calls = Calls(authorize, self._caller, metrics, read, self._let_in, may_answer)
        self._inspection = Inspection(
            [service.name for service in services],
            self._places,
            self._ready,
        )
        self._may_answer = may_answer
        self._loop = shared_loop()
        self._asking: asyncio.Task[None] | None = None
        made = _Collected(self._calls)
        for service in services:
            service.register(made)
        self._inspection.register(made)
        self._server, self.port = self._loop.run(
            _build(made, address, credentials, within_files(options))
        )
        self._connections: Connections | None = None
        if not address.startswith("unix:"):
            self._connections = Connections(self.port, connections)

    def start(self) -> None:
        """Begins to serve, and tells health checks so."""
        self._loop.run(self._start())
        if self._connections is not None:
            self._connections.start()

    def stop(self) -> None:
        """Takes no new calls, ends streams, and gives other calls DRAIN_S seconds to end."""
        if self._connections is not None:
            self._connections.stop()
        self._loop.run(self._stop())
        for of in (self._for_all, self._kept):
            of.threads.close()

    async def _start(self) -> None:
        await self._server.start()
        self._inspection.say(True)
        self._asking = asyncio.create_task(self._ask_again())

    async def _stop(self) -> None:
        self._inspection.say(False)
        if self._asking is not None:
            self._asking.cancel()
        self._calls.end_streams()
        await self._server.stop(DRAIN_S)

    async def _ask_again(self) -> None:
        while True:
            await asyncio.sleep(ASK_AGAIN_S)
            self._calls.ask_again()

    async def _ready(self) -> bool:
        try:
            self._may_answer()
        except Refusal:
            return False
        return True

    def _places(self, context: Context) -> Places:
        name, of = self._caller(peer(context), context.peer())
        return name, self._checks, of.streams

    def _let_in(self, caller: Caller, address: str) -> None:
        if self._connections is not None:
            self._connections.let_in(address, caller.name)

    def _caller(self, who: Identity | None, address: str) -> Caller:
        if who is None:
            return Caller(address, self._for_all)
        if self._first(who):
            return Caller(f"{who.role}/{who.name}", self._kept)
        return Caller(f"{who.role}/{who.institution}", self._for_all)


async def _build(
    made: _Collected,
    address: str,
    credentials: grpc.ServerCredentials,
    options: Sequence[tuple[str, int]],
) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server(handlers=[made], options=options)
    return server, add_port(server, address, credentials)


def add_port(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials) -> int:
    """Has a server listen at an address, and returns the port.

    Raises:
        SettingsError: it cannot listen there.
    """
    try:
        return int(server.add_secure_port(address, credentials))
    except RuntimeError:
        raise SettingsError(
            f"nobody can be served at {address}: the port is in use, or the address is not this "
            "machine's"
        ) from None


class _Collected(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The handlers of all services, which register here instead of with gRPC's own server."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._handlers: dict[str, grpc.RpcMethodHandler] = {}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """See `grpc.GenericRpcHandler`."""
        return self._handlers.get(details.method)

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Does nothing: generated code calls it and `add_registered_method_handlers`."""

    def add_registered_method_handlers(
        self, service: str, handlers: dict[str, grpc.RpcMethodHandler]
    ) -> None:
        """Takes the handlers of a service's methods."""
        for name, handler in handlers.items():
            method = f"/{service}/{name}"
            self._handlers[method] = self._calls.wrapped(method, handler)

    def add_as_it_is(self, method: str, handler: grpc.RpcMethodHandler) -> None:
        """Takes a handler as it is, without shares, checks or metrics."""
        self._handlers[method] = handler


def wait_for_signal() -> threading.Event:
    """An event that SIGTERM or SIGINT sets; call it in the main thread, before serving."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
