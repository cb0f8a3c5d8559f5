"""Forwards calls of the public port to the bank as they came, and its answers back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import ExitStack, aclosing
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpc_status import rpc_status

from dcep.bank.v1 import (
    aliases_pb2,
    asking_pb2,
    edge_pb2,
    edge_pb2_grpc,
    exchange_pb2,
    keys_pb2,
    offline_pb2,
    payments_pb2,
    signers_pb2,
    sub_wallets_pb2,
    wallets_pb2,
)
from operator_bank.edge.gathering import Gathering
from operator_bank.edge.shares import PublicShares
from operator_bank.edge.watches import Watches
from operator_bank.limits import CALLERS_GONE_S, MAX_GATHERED, MAX_ITEMS, SMALL_ANSWER_BYTES
from runtime.bounds import too_long
from runtime.calls import (
    Context,
    check_deadline,
    incident,
    message_of,
    refused,
    until_done,
)
from runtime.errors import Refusal
from runtime.limits import DEFAULT_DEADLINE_S, MAX_DEADLINE_S
from runtime.logs import logger
from runtime.messages import check_length
from runtime.shares import Shares
from runtime.sources import source_of

PUBLIC: list[ServiceDescriptor] = [
    service
    for file in (
        *(wallets_pb2, sub_wallets_pb2, keys_pb2, signers_pb2, exchange_pb2, payments_pb2),
        *(asking_pb2, aliases_pb2, offline_pb2),
    )
    for service in file.DESCRIPTOR.services_by_name.values()
]
"""The services of the public port."""

PAY = "/dcep.bank.v1.PaymentService/Pay"
_OPEN = "/dcep.bank.v1.WalletService/OpenWallet"
_ASK_FOR_KEYS = frozenset(
    f"/dcep.bank.v1.KeyService/{name}" for name in ("RequestKey", "FindWallet", "RecoverWallet")
)
_OPEN_MANY = "/dcep.bank.v1.WalletService/OpenWallets"
_SEND_CODE = "/dcep.bank.v1.WalletService/SendCode"
_BULK = frozenset(
    (
        _OPEN_MANY,
        "/dcep.bank.v1.ExchangeService/ExchangeMany",
        "/dcep.bank.v1.PaymentService/PayMany",
    )
)
_SLOW = frozenset(
    (
        "/dcep.bank.v1.OfflineService/LoadTokens",
        "/dcep.bank.v1.OfflineService/DepositTokens",
        "/dcep.bank.v1.PaymentService/Refund",
        "/dcep.bank.v1.AskingService/PayAsked",
        "/dcep.bank.v1.AliasService/FindAlias",
        "/dcep.bank.v1.SignerService/Sign",
    )
)
_PAYMENT = payments_pb2.PayRequest.DESCRIPTOR
_WATCH = payments_pb2.WatchPaymentsRequest.DESCRIPTOR
_DETAILS = "grpc-status-details-bin"
_End = tuple[grpc.StatusCode, str, Any]
"""(code, details, metadata), as `abort` takes them."""
_Behaviour = Callable[[bytes, float], Coroutine[Any, Any, bytes]]
"""Takes a request and how many seconds the bank may take for it; returns the answer."""
T = TypeVar("T")


class _Said(Exception):
    """The status with which the bank refused a single payment."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status


class Forwarding(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The methods of the public port, over a channel to the bank.

    The edge checks how long requests are. It parses only those that open wallets, to count these.
    Single payments that come while others are being settled are handed over together: the bank
    verifies, decides and commits once for all of them.

    For gRPC every method takes a stream of requests. So it is called before a message has come, can
    take its place in its source's share, and waits for the message only as long as the deadline
    allows. The bank ends what it has begun, even if the caller has gone or its deadline has passed;
    the call's places stay taken until then.
    """

    def __init__(self, channel: grpc.aio.Channel, shares: PublicShares) -> None:
        self._log = logger("edge")
        self._channel = channel
        self._shares = shares
        self._bank = edge_pb2_grpc.EdgeServiceStub(channel)
        self._payments = Gathering(self._settle, most=MAX_GATHERED)
        self._watches = Watches(self._bank)
        # The event loop alone does not keep a task from being collected.
        self._running: set[asyncio.Task[Any]] = set()
        self._handlers = dict(self._handler(method) for method in _public_methods())

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """See `grpc.GenericRpcHandler`."""
        return self._handlers.get(details.method)

    def add_as_it_is(self, method: str, handler: grpc.RpcMethodHandler) -> None:
        """Adds a method that is answered here and not forwarded."""
        self._handlers[method] = handler

    def end_watches(self) -> None:
        """Ends the streams, which would last as long as their callers like."""
        self._watches.end()

    def _handler(self, method: MethodDescriptor) -> tuple[str, grpc.RpcMethodHandler]:
        name = f"/{method.containing_service.full_name}/{method.name}"
        if method.server_streaming:
            watch = self._told(name, self._watch, self._shares.watches)
            return name, grpc.stream_stream_rpc_method_handler(watch)
        serve = self._pay if name == PAY else self._shared(name, method.input_type)
        answer = self._told(name, serve, self._shares.answers)
        return name, grpc.stream_unary_rpc_method_handler(answer)

    def _forward(self, name: str) -> _Behaviour:
        call = self._channel.unary_unary(name)

        async def forward(request: bytes, time_s: float) -> bytes:
            answer: bytes = await call(request, timeout=time_s)
            return answer

        return forward

    def _told(
        self, name: str, serve: Callable[[Context], Awaitable[bytes | None]], places: Shares
    ) -> Callable[..., Any]:
        """Wraps a call so that its errors become a status with what the bank said.

        A long answer is sent only if there is room for it, because it lies in memory until it is
        read.
        """

        async def answer(_: object, context: Context) -> bytes | None:
            try:
                until_done(context, places, source_of(context.peer()))
                said = await serve(context)
                if said is not None and len(said) > SMALL_ANSWER_BYTES:
                    size, unread = len(said), self._shares.answer_bytes
                    until_done(context, unread, source_of(context.peer()), size)
                return said
            except grpc.aio.AioRpcError as error:
                end = _as_said(error)
            except _Said as said:
                end = _as_status(said.status)
            except Refusal as refusal:
                end = refused(refusal)
            except Exception:  # noqa: BLE001 - logged, and found again by its incident
                end = refused(incident(self._log, name))
            await context.abort(*end)
            raise AssertionError("abort raises")

        return answer

    def _shared(self, name: str, kind: Descriptor) -> Callable[[Context], Awaitable[bytes]]:
        """Wraps a method so that each call takes its place in its source's share; cheap refusals
        come first.
        """
        behaviour = self._forward(name)
        share = self._shares.bulk if name in _BULK else self._shares.slow if name in _SLOW else None
        most = too_long(kind)

        async def serve(context: Context) -> bytes:
            check_deadline(context.time_remaining())
            source = source_of(context.peer())
            with ExitStack() as places:
                places.enter_context(self._shares.calls.place(source))
                if share is not None:
                    places.enter_context(share.place(source))
                request = await _request(context, kind, most)
                if name in _OPENINGS:
                    self._shares.openings.take(source, _OPENINGS[name](request))
                if name in _ASK_FOR_KEYS:
                    self._shares.key_requests.take(source)
                if share is None:
                    await self._turn(source, places)
                return await self._to_the_end(behaviour(request, _time_s(context)), places)

        return serve

    async def _watch(self, context: Context) -> None:
        source = source_of(context.peer())
        with ExitStack() as places:
            places.enter_context(self._shares.calls.place(source))
            asked = await _request(context, _WATCH, too_long(_WATCH))
            await self._turn(source, places)
            begun = await self._to_the_end(self._watches.begin(asked), places)
        async with aclosing(self._watches.follow(begun)) as arrivals:
            async for arrival in arrivals:
                await context.write(arrival)

    async def _pay(self, context: Context) -> bytes:
        check_deadline(context.time_remaining())
        calls, source = self._shares.calls, source_of(context.peer())
        calls.take(source)
        try:
            request = await _request(context, _PAYMENT, too_long(_PAYMENT))
        except BaseException:
            calls.leave(source)
            raise
        answered = self._payments.begin(request)
        answered.add_done_callback(lambda _: calls.leave(source))
        answer = await self._payments.answer(answered)
        if answer.WhichOneof("result") == "status":
            raise _Said(status_pb2.Status.FromString(answer.status))
        if answer.HasField("on_its_way"):
            await self._await_end(answer, context)
        return bytes(answer.response.SerializeToString())

    async def _to_the_end(self, work: Coroutine[Any, Any, T], places: ExitStack) -> T:
        """Waits for the bank's answer. The places are free once it has come, even if the caller has
        gone.
        """
        taken = places.pop_all()

        async def kept() -> T:
            with taken:
                return await work

        running = asyncio.create_task(kept())
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return await asyncio.shield(running)

    async def _turn(self, source: str, places: ExitStack) -> None:
        """Waits for a turn of a source; the turn ends when the places are left."""
        await self._shares.turns.take(source)
        places.callback(self._shares.turns.end, source)

    async def _settle(self, requests: Sequence[bytes]) -> Sequence[edge_pb2.PayAnswer]:
        together = edge_pb2.PayTogetherRequest(requests=requests)
        answer = await self._bank.PayTogether(together, timeout=DEFAULT_DEADLINE_S)
        return list(answer.answers)

    async def _await_end(self, answer: edge_pb2.PayAnswer, context: Context) -> None:
        """Updates an answer with how its payment has ended, if it ends in time."""
        asked = edge_pb2.AwaitEndRequest(payment=answer.on_its_way)
        payer = str(answer.on_its_way.account)
        try:
            with (
                self._shares.ends.place(source_of(context.peer())),
                self._shares.ends_of_payer.place(payer),
            ):
                end = await self._bank.AwaitEnd(asked, timeout=_time_s(context))
        except (grpc.aio.AioRpcError, Refusal):
            return  # the payment is still on its way, as the bank's first answer says
        answer.response.state, answer.response.reason = end.state, end.reason
        answer.response.available_fen = end.available_fen


def _time_s(context: Context) -> float:
    """How many seconds the bank may take; `patience_s` is its counterpart at the bank."""
    return min((context.time_remaining() or 0.0) + CALLERS_GONE_S, MAX_DEADLINE_S)


async def _request(context: Context, kind: Descriptor, most: int) -> bytes:
    """The message of a call. Raises Refusal if it is too long for its kind."""
    request = await message_of(context, source_of(context.peer()))
    if len(request) >= most:
        check_length(kind, request)
    return request


def _openings(request: bytes) -> int:
    """How many wallets a request opens; 0 if it cannot be read."""
    try:
        asked = wallets_pb2.OpenWalletsRequest.FromString(request)
    except DecodeError:
        return 0
    return min(len(asked.items), MAX_ITEMS)


_OPENINGS: dict[str, Callable[[bytes], int]] = {
    _OPEN: lambda _: 1,
    _OPEN_MANY: _openings,
    _SEND_CODE: lambda _: 1,
}
"""For each method that opens wallets: how many a request opens. A code is sent for one wallet."""


def _public_methods() -> list[MethodDescriptor]:
    return [method for service in PUBLIC for method in service.methods]


def _as_said(error: grpc.aio.AioRpcError) -> _End:
    """The end of a call with the bank's error, or with the news that the bank does not answer."""
    said = tuple(pair for pair in error.trailing_metadata() or () if pair[0] == _DETAILS)
    if not said and error.code() == grpc.StatusCode.UNAVAILABLE:
        return error.code(), "the bank does not answer", ()
    return error.code(), error.details() or "", said


def _as_status(status: status_pb2.Status) -> _End:
    made = rpc_status.to_status(status)
    return made.code, made.details, made.trailing_metadata
