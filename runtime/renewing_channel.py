"""A gRPC channel that shows its owner's newest certificate, to one server's certificate alone.

gRPC asks the root and the role of whoever answers, each time it connects, and nobody else: it knows
no list of certificates that are good no more. So the server's certificate is looked at first, and
the channel speaks to that very one. Where it cannot be reached by it any more, it is looked again
what is shown now.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple

import grpc

from runtime.certificates import fingerprint
from runtime.channel import connect
from runtime.errors import NoAnswer, Unreached
from runtime.logs import logger
from runtime.own_certificate import OwnCertificate, Shown, TlsFiles
from runtime.tls import certificate_of, only_to

_LOOK_S = 5.0
"""How long it may take to look what a server shows."""
_PAUSE_S = 0.2
"""Between two looks that failed."""


class _Terms(NamedTuple):
    """What a channel is made for: with other terms it is made anew."""

    own: Shown
    refused: frozenset[str]


class RenewingChannel(grpc.Channel):  # type: ignore[misc]
    """A channel that is made anew when a certificate at either end is another one. Any thread.

    The calls that run on the one before end as `NoAnswer`: whoever asked asks again, and a stream
    is taken up where it ended.
    """

    def __init__(self, files: TlsFiles, own: OwnCertificate, address: str, role: str) -> None:
        """Connects to nobody yet.

        Args:
            files: the owner's certificate and key, and the root.
            own: the same, as they are now.
            address: HOST:PORT of the server.
            role: whose server it has to be.
        """
        self.refused: Callable[[], Collection[str]] = tuple
        """Fingerprints of certificates that the server may not show, at this moment."""
        self._files = files
        self._own = own
        self._address = address
        self._role = role
        self._lock = threading.Lock()
        self._terms: _Terms | None = None
        self._channel: grpc.Channel | None = None
        self._spoken_to = ""
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
        """See `grpc.Channel`; of the channel of this moment alone."""
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
        """Ends at once what another certificate, or one that is refused by now, speaks for."""
        with self._lock:
            self._heed()

    def current(self) -> grpc.Channel:
        """The channel that shows and is shown what counts now. Raises NoAnswer when there is none.

        One thread at a time looks at the server, under no lock; the others wait for it, not longer
        than a look may take.
        """
        until = time.monotonic() + _LOOK_S
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
                raise Unreached(f"{self._address} has shown no certificate in time") from None

    def doubt(self, channel: grpc.Channel) -> None:
        """The server could not be reached by a channel: perhaps it shows something else by now."""
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
        channel, self._channel, self._spoken_to = self._channel, None, ""
        self._looking, self._failed = None, None
        if channel is not None:
            channel.close()

    def _look(self) -> Future[None]:
        """A look that has begun; raises what the last one failed with while that is fresh."""
        assert self._terms is not None
        if self._failed is not None and time.monotonic() < self._failed[0] + _PAUSE_S:
            raise self._failed[1]
        if self._looking is None:
            self._looking = Future()
            # It may take as long as the server likes to let it.
            threading.Thread(
                target=self._see, args=(self._looking, self._terms), daemon=True
            ).start()
        return self._looking

    def _see(self, looking: Future[None], terms: _Terms) -> None:
        try:
            pem = self._shown(terms)
        except NoAnswer as error:
            self._seen(looking, None, terms, error)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            self._seen(looking, None, terms, Unreached(f"there is no answer: {error!r}"))
        else:
            self._seen(looking, pem, terms, None)

    def _shown(self, terms: _Terms) -> bytes:
        pem = certificate_of(self._files, self._address, self._role, timeout_s=_LOOK_S)
        shown = fingerprint(pem)
        if shown in terms.refused:
            logger("tls").error("a revoked certificate is shown", of=self._role, fingerprint=shown)
            raise NoAnswer(f"{self._address} shows a certificate that is revoked")
        return pem

    def _seen(
        self, looking: Future[None], pem: bytes | None, terms: _Terms, error: NoAnswer | None
    ) -> None:
        with self._lock:
            if looking is self._looking:  # else it was for other terms than those of now
                self._looking = None
                if pem is None:
                    assert error is not None
                    self._failed = time.monotonic(), error
                else:
                    self._speak_to(pem, terms)
        looking.set_result(None)

    def _speak_to(self, pem: bytes, terms: _Terms) -> None:
        self._doubted, self._failed = False, None
        if fingerprint(pem) != self._spoken_to and not self._closed:
            before = self._channel
            self._spoken_to = fingerprint(pem)
            self._channel = connect(self._address, only_to(pem, terms.own), self._role)
            if before is not None:
                before.close()


class _Method:
    """A method of a `RenewingChannel`, called on the channel of the moment."""

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
    """A stream; one that breaks for its connection has the server looked at again."""

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
    """What a call on a channel that has broken, or was replaced meanwhile, comes to."""

    def __init__(self, renewing: RenewingChannel, channel: grpc.Channel) -> None:
        self._renewing = renewing
        self._channel = channel

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Unreached):
            self._renewing.doubt(self._channel)
        elif isinstance(error, ValueError) and not self._renewing.is_current(self._channel):
            # gRPC says so of a channel that was closed between two of our steps.
            raise NoAnswer("the connection was made anew") from error
