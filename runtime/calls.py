"""How one call is served: identify the caller, take a place, read the message, run the handler.

Handlers are those of gRPC's generated classes. A handler that answers once runs on a thread, and so
does a stream that is a generator. An asynchronous stream runs on the event loop, where waiting
costs no thread; as it may last long, it takes one of the places for streams.
"""

from __future__ import annotations

import asyncio
import inspect
import secrets
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple, TypeAlias, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

import grpc
from google.protobuf.message import Message
from grpc_status import rpc_status

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal, lost_database, to_status
from runtime.limits import (
    HURRY_S,
    MAX_DEADLINE_S,
    MAX_READING,
    MESSAGE_WITHIN_S,
    READING_EACH,
)
from runtime.logs import logger
from runtime.metrics import CallMetrics
from runtime.shares import FairThreads, Shares
from runtime.tls import Identity, identity_in

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Authorizer = Callable[[Identity | None, str], None]
"""Says who may call what: (peer, "/package.Service/Method"); raises Refusal for a no.

It answers from memory: it is asked on the loop, before a call's message is read, and for a
stream again and again while it is open.
"""
Context: TypeAlias = grpc.aio.ServicerContext
Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True)
class Class:
    """A class of callers that has its own places and threads."""

    calls: Shares
    streams: Shares
    threads: FairThreads


class Caller(NamedTuple):
    """The caller whose share a call takes, and its class."""

    name: str
    of: Class


class _Origin:
    """Where a call comes from. It is asked for on the loop, while the call is there for sure.

    Once a call has ended, if only because its caller cancelled it, gRPC has freed what lies behind
    its context: whoever asks that for the peer ends the process. A handler on a thread may well ask
    so late.
    """

    def __init__(self, context: Context) -> None:
        self.auth_context = context.auth_context()
        self.address = str(context.peer())
        self.who = identity_in(self.auth_context)
        left_s = context.time_remaining()
        self._until_s = None if left_s is None else time.monotonic() + left_s

    def left_s(self) -> float | None:
        """How long the caller will still wait; None for ever."""
        return None if self._until_s is None else max(0.0, self._until_s - time.monotonic())


class Call:
    """What a handler sees of its call, as it would of a `grpc.ServicerContext`."""

    def __init__(
        self,
        origin: _Origin,
        threads: FairThreads,
        caller: str,
        cut_off: Callable[[Refusal], None] = lambda _: None,
    ) -> None:
        """`cut_off` ends an open stream, from the loop, with a reason."""
        self.cut_off = cut_off
        self._origin = origin
        self._threads = threads
        self._caller = caller
        self._ended = False
        self._at_end: list[Callable[[], object]] = []
        self.code: grpc.StatusCode | None = None
        self.details = ""

    def auth_context(self) -> Any:
        """See `grpc.ServicerContext`; so are the others."""
        return self._origin.auth_context

    def peer(self) -> str:
        return self._origin.address

    def time_remaining(self) -> float | None:
        return self._origin.left_s()

    def is_active(self) -> bool:
        return not self._ended

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def add_callback(self, callback: Callable[[], object]) -> None:
        self._at_end.append(callback)

    async def in_thread(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Runs work of an asynchronous stream on a thread, when its caller's turn comes."""
        return await self._threads.run(self._caller, lambda: work(*arguments))

    def end(self) -> None:
        """The call has ended, with an answer or without."""
        self._ended = True
        for callback in self._at_end:
            callback()


class _Open:
    """An open stream, which may be ended when its caller is no longer authorized."""

    def __init__(self, who: Identity | None, method: str, address: str) -> None:
        self.who = who
        self.method = method
        self.address = address
        self.refusal: Refusal | None = None
        self._task = asyncio.current_task()

    def cut_off(self, refusal: Refusal) -> None:
        self.refusal = refusal
        assert self._task is not None
        self._task.cancel()


class Calls:
    """Wraps the handlers of our services for gRPC's server."""

    def __init__(
        self,
        authorize: Authorizer | None,
        caller: Callable[[Identity | None, str], Caller],
        metrics: CallMetrics,
        read: Callable[[Any, bytes], Message],
        on_let_in: Callable[[Caller, str], None] = lambda caller, address: None,
        may_answer: Callable[[], None] = lambda: None,
    ) -> None:
        """Takes the rules of a port.

        Args:
            authorize: says who may call what; None admits everybody.
            caller: maps a call's identity and address to the share that it takes.
            metrics: counts the calls.
            read: decodes bytes into a message of a type; raises Refusal.
            on_let_in: is told of each caller that is admitted or may go on, with its address.
            may_answer: asked before a call is worked on and before it is answered; raises Refusal
                to refuse it instead.
        """
        self._authorize = authorize
        self._caller = caller
        self._metrics = metrics
        self._read = read
        self._on_let_in = on_let_in
        self._may_answer = may_answer
        self._open: set[_Open] = set()
        self._stopping: Refusal | None = None
        self._log = logger("grpc")

    def wrapped(self, method: str, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        """A handler with authorization, shares, deadlines and metrics around it.

        To gRPC it looks like a handler of a request stream. So it is called before the message has
        arrived, and can bound how long it waits.
        """
        if inspect.iscoroutinefunction(handler.unary_unary):
            return grpc.stream_unary_rpc_method_handler(self._long(method, handler))
        if handler.unary_unary is not None:
            return grpc.stream_unary_rpc_method_handler(self._unary(method, handler))
        return grpc.stream_stream_rpc_method_handler(self._stream(method, handler))

    def ask_again(self) -> None:
        """Ends the open streams of callers that would no longer be admitted."""
        for stream in list(self._open):
            try:
                self._let_in(stream.who, stream.method, stream.address)
            except Refusal as refusal:
                stream.cut_off(refusal)

    def end_streams(self) -> None:
        """Ends every stream, with STOPPING, and begins no other: a stream has no end of its own."""
        self._stopping = Refusal(errors_pb2.REASON_STOPPING, "the service is stopping; ask again")
        for stream in list(self._open):
            stream.cut_off(self._stopping)

    def _let_in(self, who: Identity | None, method: str, address: str) -> Caller:
        if self._authorize is not None:
            self._authorize(who, method)
        caller = self._caller(who, address)
        self._on_let_in(caller, address)
        return caller

    def _unary(self, method: str, handler: grpc.RpcMethodHandler) -> Callable[..., Any]:
        kind, serialize = kind_of(handler), handler.response_serializer

        def serve(data: bytes, call: Call) -> bytes | Refusal:
            """Runs on a thread; logs what it returns."""
            started, reason = time.monotonic(), "OK"
            try:
                self._may_answer()
                answer: bytes = serialize(handler.unary_unary(self._read(kind, data), call))
                self._may_answer()
                return answer
            except Refusal as refusal:
                reason = refusal.name
                return refusal
            except Exception:
                told = incident(self._log, method)
                reason = told.name
                return told
            finally:
                self._finish(method, reason, started)

        async def answer(_: object, context: Context) -> bytes:
            with self._ending(method) as end:
                origin = _Origin(context)
                check_deadline(origin.left_s())
                name, of = self._let_in(origin.who, method, origin.address)
                until_done(context, of.calls, name)
                data = await message_of(context, name)
                call = Call(origin, of.threads, name)
                try:
                    said = await of.threads.run(name, lambda: serve(data, call))
                finally:
                    call.end()
                if isinstance(said, bytes) and call.code is None:
                    return said
                end.status = said if isinstance(said, Refusal) else (call.code, call.details, ())
            await context.abort(*end.told())
            raise AssertionError("abort raises")

        return answer

    def _long(self, method: str, handler: grpc.RpcMethodHandler) -> Callable[..., Any]:
        kind, serialize = kind_of(handler), handler.response_serializer

        async def answer(_: object, context: Context) -> bytes:
            started = time.monotonic()
            with self._ending(method) as end:
                origin = _Origin(context)
                check_deadline(origin.left_s())
                name, of = self._let_in(origin.who, method, origin.address)
                until_done(context, of.streams, name)
                call = Call(origin, of.threads, name)
                request = self._read(kind, await message_of(context, name))
                self._may_answer()
                try:
                    said: bytes = serialize(await handler.unary_unary(request, call))
                finally:
                    call.end()
                self._may_answer()
                self._finish(method, "OK", started)
                return said
            await context.abort(*end.told())
            raise AssertionError("abort raises")

        return answer

    def _stream(self, method: str, handler: grpc.RpcMethodHandler) -> Callable[..., Any]:
        kind, serialize = kind_of(handler), handler.response_serializer
        follow = handler.unary_stream
        if not inspect.isasyncgenfunction(follow):
            follow = _on_threads(follow)

        async def answer(_: object, context: Context) -> None:
            started = time.monotonic()
            with self._ending(method) as end:
                origin = _Origin(context)
                who, address = origin.who, origin.address
                name, of = self._let_in(who, method, address)
                with of.streams.place(name), self._opened(who, method, address) as stream:
                    call = Call(origin, of.threads, name, stream.cut_off)
                    request = self._read(kind, await message_of(context, name))
                    try:
                        await self._write_all(context, follow(request, call), serialize)
                    finally:
                        call.end()
                if call.code is not None:
                    end.status = (call.code, call.details, ())
            self._finish(method, end.reason, started)
            if end.status is not None:
                await context.abort(*end.told())

        return answer

    async def _write_all(
        self,
        context: Context,
        said: AsyncGenerator[Message],
        serialize: Callable[[Message], bytes],
    ) -> None:
        async with aclosing(said) as messages:
            async for message in messages:
                self._may_answer()
                await context.write(serialize(message))

    @contextmanager
    def _opened(self, who: Identity | None, method: str, address: str) -> Iterator[_Open]:
        """Keeps an open stream where it can be ended; raises the reason for which it was."""
        if self._stopping is not None:
            raise self._stopping
        stream = _Open(who, method, address)
        self._open.add(stream)
        try:
            yield stream
        except asyncio.CancelledError:
            if stream.refusal is None:
                raise
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            raise stream.refusal from None
        finally:
            self._open.discard(stream)

    @contextmanager
    def _ending(self, method: str) -> Iterator[_End]:
        """How a call ends that is refused or fails."""
        end = _End()
        try:
            yield end
        except Refusal as refusal:
            end.status = refusal
            self._metrics.count(method, refusal.name, 1)
        except Exception:
            end.status = told = incident(self._log, method)
            self._metrics.count(method, told.name, 1)

    def _finish(self, method: str, reason: str, started: float) -> None:
        seconds = time.monotonic() - started
        self._metrics.observe(method, reason, seconds)
        self._log.info("call", method=method, reason=reason, ms=round(seconds * 1e3, 2))


class _End:
    """Ends a call without an answer."""

    status: Refusal | tuple[Any, str, Any] | None = None

    @property
    def reason(self) -> str:
        if isinstance(self.status, Refusal):
            return self.status.name
        return "OK" if self.status is None else "UNANSWERED"

    def told(self) -> tuple[grpc.StatusCode, str, Metadata]:
        """(code, details, metadata)."""
        if isinstance(self.status, Refusal):
            return refused(self.status)
        assert self.status is not None
        return self.status


def refused(refusal: Refusal) -> tuple[grpc.StatusCode, str, Metadata]:
    """A refusal as the (code, details, metadata) that `abort` takes."""
    made = rpc_status.to_status(to_status(refusal))
    return made.code, made.details, made.trailing_metadata


async def message_of(context: Context, caller: str) -> bytes:
    """The one message of a call.

    Raises:
        Refusal: MESSAGE_UNREADABLE when none has come, whole, within MESSAGE_WITHIN_S; within
            HURRY_S if the caller has too many that have not come.
    """
    task = asyncio.current_task()
    assert task is not None
    waiting = _waiting_on(task.get_loop())
    waiting.begin(task, caller)
    try:
        data = await context.read()
    except asyncio.CancelledError:
        if not waiting.was_late(task):
            raise
        task.uncancel()
        raise Refusal(
            errors_pb2.REASON_MESSAGE_UNREADABLE, "no whole message came in time"
        ) from None
    finally:
        waiting.end(task)
    if data is grpc.aio.EOF:
        raise Refusal(errors_pb2.REASON_MESSAGE_UNREADABLE, "the call has no message")
    return bytes(data)


def until_done(context: Context, shares: Shares, caller: str, count: int = 1) -> None:
    """Takes places for a call and holds them until its answer has been sent.

    A caller that does not read its answers therefore keeps its own places occupied.

    Raises:
        Refusal: see `Shares.take`.
    """
    shares.take(caller, count)
    context.add_done_callback(lambda _: shares.leave(caller, count))


class _Waiting:
    """The calls whose messages have not arrived yet; one timer serves them all.

    A half-sent message may occupy memory up to the largest size. So each caller may have few of
    them: beyond READING_EACH, or its part of MAX_READING, its oldest ones are ended.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # In the order in which they began: since when, and whose.
        self._begun: dict[asyncio.Task[object], tuple[float, str]] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._looks = False

    def begin(self, task: asyncio.Task[object], caller: str) -> None:
        self._begun[task] = self._loop.time(), caller
        if not self._looks:
            self._looks = True
            self._loop.call_later(_LOOK_S, self._look)

    def was_late(self, task: asyncio.Task[object]) -> bool:
        return task in self._late

    def end(self, task: asyncio.Task[object]) -> None:
        del self._begun[task]
        self._late.discard(task)

    def _look(self) -> None:
        now = self._loop.time()
        for task in [*self._since(now - MESSAGE_WITHIN_S), *self._too_many(now - HURRY_S)]:
            if task not in self._late:
                self._late.add(task)
                task.cancel()
        self._looks = bool(self._begun)
        if self._looks:
            self._loop.call_later(_LOOK_S, self._look)

    def _since(self, time_s: float) -> list[asyncio.Task[object]]:
        return list(takewhile(lambda task: self._begun[task][0] <= time_s, self._begun))

    def _too_many(self, time_s: float) -> list[asyncio.Task[object]]:
        """The oldest waiting calls of a caller that has too many."""
        long = self._since(time_s)
        if not long:
            return []
        of_caller: dict[str, list[asyncio.Task[object]]] = defaultdict(list)
        for task in long:
            of_caller[self._begun[task][1]].append(task)
        each = min(READING_EACH, max(1, MAX_READING // len(of_caller)))
        return [task for tasks in of_caller.values() for task in tasks[:-each]]


_LOOK_S = 0.25
_waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting] = WeakKeyDictionary()


def _waiting_on(loop: asyncio.AbstractEventLoop) -> _Waiting:
    found = _waiting.get(loop)
    if found is None:
        found = _waiting[loop] = _Waiting(loop)
    return found


def kind_of(handler: grpc.RpcMethodHandler) -> type[Message]:
    """The class of a handler's requests."""
    kind: type[Message] = handler.request_deserializer.__self__
    return kind


def check_deadline(remaining_s: float | None) -> None:
    """Refuses a call without a deadline, or with one too far away."""
    if remaining_s is None or remaining_s > MAX_DEADLINE_S + 1:
        raise Refusal(
            errors_pb2.REASON_DEADLINE_MISSING,
            f"set a deadline of at most {MAX_DEADLINE_S:.0f} s",
            field="deadline",
        )


def incident(log: Any, method: str) -> Refusal:
    """What a caller is told of the error that is being handled and that is none of its own.

    Where the service has lost its database, it is NOT_SERVING, which nobody has to look into; else
    INTERNAL, with an id by which the log entry can be found.
    """
    cause = _lost_database(sys.exception())
    if cause is not None:
        first = str(cause).partition("\n")[0]
        log.warning("the database does not answer", method=method, error=first)
        return lost_database()
    number = secrets.token_hex(8)
    log.exception("internal_error", method=method, incident=number)
    return Refusal(
        errors_pb2.REASON_INTERNAL, f"internal error, incident {number}", incident=number
    )


def _lost_database(error: BaseException | None) -> BaseException | None:
    """Among an error and its causes, the one that says that a database's server is away."""
    if "sqlalchemy" not in sys.modules:  # at the edge, which has no database
        return None
    from runtime.database import is_away

    while error is not None and not is_away(error):
        error = error.__cause__
    return error


_END = object()


def _on_threads(follow: Callable[[Any, Any], Iterable[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """Turns a generator into an asynchronous one; each step runs on a thread."""

    async def steps(request: Any, call: Call) -> AsyncIterator[Any]:
        messages = iter(follow(request, call))
        while (message := await call.in_thread(next, messages, _END)) is not _END:
            yield message

    return steps
