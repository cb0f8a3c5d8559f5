"""A gRPC channel with its owner's newest certificate, to a server whose certificate was checked.

Each time gRPC connects it checks the server's root and role, but it knows no list of revoked
certificates. So the server's certificate is fetched and checked first, and the channel then trusts
that certificate only. When the server can no longer be reached with it, it is fetched again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple

import grpc

from dcep.errors.v1 import errors_pb2
from runtime.certificates import fingerprint
from runtime.channel import connect
from runtime.errors import NoAnswer, Refusal, Unreached
from runtime.logs import logger
from runtime.own_certificate import OwnCertificate, Shown, TlsFiles
from runtime.tls import certificate_of, only_to

LOOK_S = 5.0
"""How long fetching a server's certificate may take."""
_PAUSE_S = 0.2
"""After a look that failed, before the next."""


class _Terms(NamedTuple):
    """What a channel depends on; when it changes, a new channel is made."""

    own: Shown
    refused: frozenset[str]


class _Server(NamedTuple):
    """Where a server was found, and the certificate that it showed there."""

    address: str
    pem: bytes


class RenewingChannel(grpc.Channel):  # type: ignore[misc]
    """A channel that is replaced when the certificate at either end changes. Any thread may use it.

    Calls that run on the old channel end as `NoAnswer`: the caller asks again, and goes on with a
    stream where it ended.
    """

    def __init__(self, files: TlsFiles, own: OwnCertificate, addresses: str, role: str) -> None:
        """Connects to nobody yet.

        Args:
            files: the owner's certificate and key, and the root.
            own: the newest content of the same files.
            addresses: HOST:PORT of the server; several, separated by commas, where it may move. The
                first that shows a good certificate is spoken to, until it is not reached any more.
            role: the role that its certificate must have.
        """
        self.refused: Callable[[], Collection[str]] = tuple
        """Gives the fingerprints of certificates that the server may not show now."""
        self._files = files
        self._own = own
        self._addresses = tuple(one.strip() for one in addresses.split(","))
        self._role = role
        self._lock = threading.Lock()
        self._terms: _Terms | None = None
        self._channel: grpc.Channel | None = None
        self._spoken_to: _Server | None = None
        self._doubted = False
        self._looking: Future[None] | None = None
        self._failed: tuple[float, NoAnswer] | None = None
        self._closed = False

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
        """See `grpc.Channel`; it holds for the current channel only."""
        self.current().subscribe(callback, try_to_connect)

    def unsubscribe(self, callback: Callable[[Any], None]) -> None:
        """See `grpc.Channel`."""
        self.current().unsubscribe(callback)

    def close(self) -> None:
        """See `grpc.Channel`."""
        with self._lock:
            self._closed = True
            self._drop()

    def __enter__(self) -> RenewingChannel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def heed(self) -> None:
        """Closes the channel at once if a certificate was renewed or revoked meanwhile."""
        with self._lock:
            self._heed()

    def current(self) -> grpc.Channel:
        """The channel with the certificates of now.

        One thread at a time fetches the server's certificate, without the lock; others wait for it,
        no longer than that may take.

        Raises:
            NoAnswer: the server cannot be reached, its certificate is refused, or the channel was
                closed.
        """
        until = time.monotonic() + LOOK_S
        while True:
            with self._lock:
                self._heed()
                if self._closed:
                    raise NoAnswer("the channel is closed")
                if self._channel is not None and not self._doubted:
                    return self._channel
                looking = self._look()
            try:
                looking.result(max(0.0, until - time.monotonic()))
            except TimeoutError:
                raise Unreached(f"{self._named()} has shown no certificate in time") from None

    def may_have_moved(self, error: BaseException | None) -> bool:
        """Whether an error gives reason to look for the server at another of its addresses."""
        if len(self._addresses) < 2:
            return False
        lost = isinstance(error, Refusal) and error.reason == errors_pb2.REASON_NOT_SERVING
        return lost or isinstance(error, NoAnswer)

    def doubt(self, channel: grpc.Channel) -> None:
        """To be called when a channel did not reach the server: its certificate may be new."""
        with self._lock:
            self._doubted |= channel is self._channel

    def is_current(self, channel: grpc.Channel) -> bool:
        """Whether a channel has not been replaced."""
        return channel is self._channel

    def _heed(self) -> None:
        terms = _Terms(self._own.latest(), frozenset(self.refused()))
        if terms != self._terms:
            self._terms = terms
            self._drop()

    def _drop(self) -> None:
        channel, self._channel, self._spoken_to = self._channel, None, None
        self._looking, self._failed = None, None
        if channel is not None:
            channel.close()

    def _look(self) -> Future[None]:
        """Begins a look at the server or joins one; while a failure is new, raises it again."""
        assert self._terms is not None
        if self._failed is not None and time.monotonic() < self._failed[0] + _PAUSE_S:
            raise self._failed[1]
        if self._looking is None:
            self._looking = Future()
            # In a thread, as a server can make this take long.
            threading.Thread(
                target=self._see, args=(self._looking, self._terms), daemon=True
            ).start()
        return self._looking

    def _see(self, looking: Future[None], terms: _Terms) -> None:
        try:
            server = self._find(terms)
        except NoAnswer as error:
            self._seen(looking, None, terms, error)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            self._seen(looking, None, terms, Unreached(f"there is no answer: {error!r}"))
        else:
            self._seen(looking, server, terms, None)

    def _find(self, terms: _Terms) -> _Server:
        """The first address at which a good certificate is shown; the one of before comes last."""
        known = self._spoken_to.address if self._spoken_to is not None else ""
        *others, last = sorted(self._addresses, key=lambda address: address == known)
        for address in others:
            try:
                return self._shown(terms, address)
            except NoAnswer as error:
                logger("tls").info("another address is tried", of=self._role, why=str(error))
        return self._shown(terms, last)

    def _shown(self, terms: _Terms, address: str) -> _Server:
        timeout_s = LOOK_S / len(self._addresses)
        pem = certificate_of(self._files, address, self._role, timeout_s=timeout_s)
        shown = fingerprint(pem)
        if shown in terms.refused:
            logger("tls").error("a revoked certificate is shown", of=self._role, fingerprint=shown)
            raise NoAnswer(f"{address} shows a certificate that is revoked")
        return _Server(address, pem)

    def _seen(
        self, looking: Future[None], server: _Server | None, terms: _Terms, error: NoAnswer | None
    ) -> None:
        with self._lock:
            if looking is self._looking:  # else the terms have changed meanwhile
                self._looking = None
                if server is None:
                    assert error is not None
                    self._failed = time.monotonic(), error
                else:
                    self._speak_to(server, terms)
        looking.set_result(None)

    def _speak_to(self, server: _Server, terms: _Terms) -> None:
        self._doubted, self._failed = False, None
        if server != self._spoken_to and not self._closed:
            before = self._channel
            self._spoken_to = server
            self._channel = connect(server.address, only_to(server.pem, terms.own), self._role)
            if before is not None:
                before.close()

    def _named(self) -> str:
        return " or ".join(self._addresses)


class _Method:
    """A method of a `RenewingChannel`, called on its current channel."""

    def __init__(self, renewing: RenewingChannel, bind: Callable[[grpc.Channel], Any]) -> None:
        self._renewing = renewing
        self._bind = bind
        self._bound: tuple[grpc.Channel | None, Any] = (None, None)

    def __call__(self, *given: Any, **named: Any) -> Any:
        channel, method = self._now()
        with _Doubting(self._renewing, channel):
            answer = method(*given, **named)
        return _Stream(answer, self._renewing, channel) if hasattr(answer, "__next__") else answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now()[1], name)

    def _now(self) -> tuple[grpc.Channel, Any]:
        channel = self._renewing.current()
        before, method = self._bound
        if before is not channel:
            method = self._bind(channel)
            self._bound = (channel, method)
        return channel, method


class _Stream:
    """A stream; when its connection breaks, the server's certificate is fetched again."""

    def __init__(self, call: Any, renewing: RenewingChannel, channel: grpc.Channel) -> None:
        self._call = call
        self._renewing = renewing
        self._channel = channel

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        with _Doubting(self._renewing, self._channel):
            return next(self._call)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class _Doubting:
    """Handles the errors of calls on a channel that broke or was replaced meanwhile."""

    def __init__(self, renewing: RenewingChannel, channel: grpc.Channel) -> None:
        self._renewing = renewing
        self._channel = channel

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Unreached) or self._renewing.may_have_moved(error):
            self._renewing.doubt(self._channel)
        elif isinstance(error, ValueError) and not self._renewing.is_current(self._channel):
            # gRPC raises ValueError for a channel that was closed between two of our steps.
            raise NoAnswer("the connection was made anew") from error
