"""Calls that hang, and what a caller is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value

from runtime.channel import served_by
from runtime.errors import Refusal, from_rpc_error
from tests.runtime.served import SERVER, Served

ONE = Int32Value(value=1)
LATER = 1_000_000


def reason_of(call: Any) -> str:
    """The name of a failed call's reason, or its status code."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    found = from_rpc_error(caught.value)
    return found.name if isinstance(found, Refusal) else str(found)


def as_(served: Served, role: str) -> grpc.Channel:
    """A channel of its own connection, with errors as gRPC has them."""
    options = [("grpc.use_local_subchannel_pool", 1), *served_by(SERVER)]
    credentials = served.root.credentials(f"dcep://{role}")
    served.channels.append(grpc.secure_channel(served.address, credentials, options))
    return served.channels[-1]


class Silence:
    """Requests that never come."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        self._over.wait(60)
        yield from ()

    def end(self) -> None:
        self._over.set()


class Hall:
    """A handler that is entered and not left until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, request: Int32Value, context: Any) -> Int32Value:
        if request.value == LATER:
            self.entered.release()
            self.open.wait(30)
        return request


def refused_of(calls: list[Any], count: int) -> list[Any]:
    """The calls that ended, while all others go on; waits until they are so many."""
    ends_at = time.monotonic() + 20
    while sum(call.done() for call in calls) < count:
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    ended = [call for call in calls if call.done()]
    assert len(ended) == count
    return ended


def answered(call: Callable[..., Any]) -> str:
    """What a call of 1 comes to."""
    try:
        return str(call(ONE, timeout=5).value)
    except grpc.RpcError as error:
        found = from_rpc_error(error)
        return found.name if isinstance(found, Refusal) else str(found)
