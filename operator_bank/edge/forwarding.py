"""What the public port does with a call: hands it to the bank as it came, and the answer back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import grpc
from google.rpc import status_pb2
from grpc_status import rpc_status

from dcep.bank.v1 import bank_pb2, edge_pb2, edge_pb2_grpc
from operator_bank.edge.gathering import Gathering
from operator_bank.limits import ANSWER_MARGIN_S, MAX_GATHERED, MAX_GATHERED_BYTES, MAX_WAITING
from runtime.calls import check_deadline, incident
from runtime.errors import Refusal, to_status
from runtime.limits import DEFAULT_DEADLINE_S
from runtime.logs import logger

PUBLIC = ("WalletService", "ExchangeService", "PaymentService", "OfflineService")
"""Of dcep.bank.v1."""

PAY = "/dcep.bank.v1.PaymentService/Pay"
_DETAILS = "grpc-status-details-bin"
_Behaviour = Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]


class _Said(Exception):
    """What the bank said no with."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status


class Forwarding(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The methods of the public port, over a channel to the bank.

    Requests are not parsed here. Single payments that come while others are being settled
    are handed over together: the bank verifies, decides and commits once for all of them.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._log = logger("edge")
        self._channel = channel
        self._pay_alone = self._forward(PAY)
        self._bank = edge_pb2_grpc.EdgeServiceStub(channel)
        self._payments = Gathering(self._settle, most=MAX_GATHERED)
        self._waiting = asyncio.Semaphore(MAX_WAITING)
        self._handlers = dict(self._handler(method) for method in _public_methods())

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """See `grpc.GenericRpcHandler`."""
        return self._handlers.get(details.method)

    def _handler(self, method: Any) -> tuple[str, grpc.RpcMethodHandler]:
        name = f"/{method.containing_service.full_name}/{method.name}"
        if method.server_streaming:
            return name, grpc.unary_stream_rpc_method_handler(self._stream(name))
        behaviour = self._pay if name == PAY else self._forward(name)
        return name, grpc.unary_unary_rpc_method_handler(self._answering(name, behaviour))

    def _forward(self, name: str) -> _Behaviour:
        call = self._channel.unary_unary(name)

        async def forward(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            answer: bytes = await call(request, timeout=context.time_remaining())
            return answer

        return forward

    def _stream(self, name: str) -> Callable[[bytes, grpc.aio.ServicerContext], Any]:
        call = self._channel.unary_stream(name)

        async def forward(
            request: bytes, context: grpc.aio.ServicerContext
        ) -> AsyncIterator[bytes]:
            running = call(request, timeout=context.time_remaining())
            try:
                async for message in running:
                    yield message
            except grpc.aio.AioRpcError as error:
                await context.abort(*_as_said(error))
            finally:
                running.cancel()

        return forward

    def _answering(self, name: str, behaviour: _Behaviour) -> _Behaviour:
        """A behaviour whose errors become a status that says what the bank said."""

        async def answer(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            try:
                return await behaviour(request, context)
            except grpc.aio.AioRpcError as error:
                end = _as_said(error)
            except _Said as said:
                end = _as_status(said.status)
            except Refusal as refusal:
                end = _as_status(to_status(refusal))
            except Exception:  # noqa: BLE001 - logged, and found again by its incident
                end = _as_status(to_status(incident(self._log, name)))
            await context.abort(*end)
            raise AssertionError("abort raises")

        return answer

    async def _pay(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        if len(request) > MAX_GATHERED_BYTES:  # no honest one is: the bank says what is wrong
            return await self._pay_alone(request, context)
        check_deadline(context.time_remaining())
        answer = await self._payments.ask(request)
        if answer.WhichOneof("result") == "status":
            raise _Said(status_pb2.Status.FromString(answer.status))
        if answer.HasField("on_its_way"):
            await self._await_end(answer, context)
        return bytes(answer.response.SerializeToString())

    async def _settle(self, requests: Sequence[bytes]) -> Sequence[edge_pb2.PayAnswer]:
        together = edge_pb2.PayTogetherRequest(requests=requests)
        answer = await self._bank.PayTogether(together, timeout=DEFAULT_DEADLINE_S)
        return list(answer.answers)

    async def _await_end(
        self, answer: edge_pb2.PayAnswer, context: grpc.aio.ServicerContext
    ) -> None:
        """Brings an answer up to date once its payment has ended, if that comes in time."""
        asked = edge_pb2.AwaitEndRequest(payment=answer.on_its_way)
        try:
            async with asyncio.timeout(context.time_remaining() - ANSWER_MARGIN_S), self._waiting:
                end = await self._bank.AwaitEnd(asked, timeout=context.time_remaining())
        except (TimeoutError, grpc.aio.AioRpcError):
            return  # it is on its way: what the bank said first is still so
        answer.response.state, answer.response.reason = end.state, end.reason
        answer.response.available_fen = end.available_fen


def _public_methods() -> list[Any]:
    services = bank_pb2.DESCRIPTOR.services_by_name
    return [method for name in PUBLIC for method in services[name].methods]


def _as_said(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str, Any]:
    """(code, details, metadata) of what the bank said, or of its silence."""
    said = tuple(pair for pair in error.trailing_metadata() or () if pair[0] == _DETAILS)
    if not said and error.code() == grpc.StatusCode.UNAVAILABLE:
        return error.code(), "the bank does not answer", ()
    return error.code(), error.details() or "", said


def _as_status(status: status_pb2.Status) -> tuple[grpc.StatusCode, str, Any]:
    """(code, details, metadata)."""
    made = rpc_status.to_status(status)
    return made.code, made.details, made.trailing_metadata
