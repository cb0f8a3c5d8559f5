"""What a server says of itself: its health, and which services it has; within bounds.

Neither asks an authorizer: a probe needs no right. Health can be asked for and not be watched, and
who looks at the services does so for a bounded time: nobody holds a stream here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from dcep.errors.v1 import errors_pb2
from runtime.calls import Context, message_of, refused, until_done
from runtime.errors import Refusal
from runtime.limits import INSPECTION_S, MAX_INSPECTED
from runtime.shares import Shares

Places = tuple[str, Shares, Shares]
"""Whose share a call takes: of the places for health checks, and of those for reflection. Of the
places for calls it takes none: a service that is full of work is asked for its health all the more.
"""

Ready = Callable[[], Awaitable[bool]]
"""Says whether all that a port needs to answer is there now."""

LIVE = "live"
"""Asked for by this name, health says only that the process answers; by any other, whether it is
ready to serve. A process that is not ready may become it again: to start it anew helps nothing."""

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class _Takes(Protocol):
    def add_as_it_is(self, method: str, handler: grpc.RpcMethodHandler) -> None: ...


class Inspection:
    """The services `grpc.health.v1.Health`, without Watch, and gRPC's reflection."""

    def __init__(
        self, names: Sequence[str], places: Callable[[Context], Places], ready: Ready
    ) -> None:
        """Takes the services' names, where a call's places are, and who knows of the rest."""
        self._ready = ready
        self._names = frozenset(["", *names])
        self._places = places
        self._serving = False
        self._reflection = reflection.aio.ReflectionServicer(
            [*names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        )

    def say(self, serving: bool) -> None:
        """What health checks are told from now on."""
        self._serving = serving

    def register(self, server: _Takes) -> None:
        """Adds both to a server's methods."""
        server.add_as_it_is(
            f"/{health.SERVICE_NAME}/Check",
            grpc.stream_unary_rpc_method_handler(_refusing(self._check)),
        )
        server.add_as_it_is(
            f"/{reflection.SERVICE_NAME}/ServerReflectionInfo",
            grpc.stream_stream_rpc_method_handler(_refusing(self._reflect)),
        )

    async def _check(self, _requests: object, context: Context) -> bytes:
        caller, checks, _ = self._places(context)
        until_done(context, checks, caller)
        data = await message_of(context, caller)
        try:
            service = health_pb2.HealthCheckRequest.FromString(data).service
        except DecodeError:
            raise _unreadable() from None
        if service not in self._names and service != LIVE:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service here")
        well = service == LIVE or (self._serving and await self._ready())
        status = _SERVING if well else _NOT_SERVING
        answer: bytes = health_pb2.HealthCheckResponse(status=status).SerializeToString()
        return answer

    async def _reflect(self, _requests: object, context: Context) -> None:
        caller, _, looks = self._places(context)
        try:
            with looks.place(caller):
                async with asyncio.timeout(INSPECTION_S):
                    await self._answer_all(context)
        except TimeoutError:
            raise Refusal(
                errors_pb2.REASON_MESSAGE_UNREADABLE,
                f"to look takes {INSPECTION_S:.0f} s at most",
            ) from None

    async def _answer_all(self, context: Context) -> None:
        said = self._reflection.ServerReflectionInfo(_questions(context), context)
        async with aclosing(said) as answers:
            async for answer in answers:
                await context.write(answer.SerializeToString())


async def _questions(context: Context) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
    for _ in range(MAX_INSPECTED):
        data = await context.read()
        if data is grpc.aio.EOF:
            return
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(data)
        except DecodeError:
            raise _unreadable() from None


def _refusing(behaviour: Callable[[object, Context], Awaitable[Any]]) -> Callable[..., Any]:
    async def answer(requests: object, context: Context) -> Any:
        try:
            return await behaviour(requests, context)
        except Refusal as refusal:
            said = refusal
        await context.abort(*refused(said))
        raise AssertionError("abort raises")

    return answer


def _unreadable() -> Refusal:
    return Refusal(errors_pb2.REASON_MESSAGE_UNREADABLE, "the bytes are not the request's message")
