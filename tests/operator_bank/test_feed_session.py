"""The central bank takes receipts of the process that began to follow the feed last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from nacl.signing import SigningKey

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from operator_bank.peers.central_bank_client import GrpcCentralBank
from runtime.clock import ManualClock
from runtime.errors import NoAnswer, Refusal
from tests.feeds import NO_ACTS
from tests.refusals import refused_for

R = registration_pb2


class Stream:
    """A feed that goes on until it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = False

    def __iter__(self) -> Iterator[R.FollowFeedResponse]:
        return self

    def __next__(self) -> R.FollowFeedResponse:
        if self.cancelled:
            raise NoAnswer("cancelled")
        return R.FollowFeedResponse()

    def cancel(self) -> None:
        self.cancelled = True


class Centre:
    """Knows who follows, and looks at nothing else."""

    def __init__(self) -> None:
        self.follows = b""
        self.why = errors_pb2.REASON_FEED_STEPPED_BACK

    def FollowFeed(self, request: Any) -> Any:  # noqa: N802
        self.follows = request.session
        return Stream()

    def AcknowledgeFeed(self, request: Any, timeout: float) -> Any:  # noqa: N802
        if request.session != self.follows:
            raise Refusal(self.why, "another process", field="session")
        return R.AcknowledgeFeedResponse()


@pytest.fixture
def centre(monkeypatch: pytest.MonkeyPatch) -> Centre:
    made = Centre()
    monkeypatch.setattr(registration_pb2_grpc, "RegistrationServiceStub", lambda channel: made)
    return made


@pytest.fixture
def peer(centre: Centre) -> GrpcCentralBank:
    key, clock = SigningKey.generate(), ManualClock(1_750_000_000_000)
    return GrpcCentralBank(grpc.insecure_channel("localhost:1"), "alpha", key, clock)


def follow(peer: GrpcCentralBank) -> Iterator[R.FollowFeedResponse]:
    stream = iter(peer.feed(R.FeedPlace(), 0, 0, None))
    next(stream)
    return stream


def acknowledge(peer: GrpcCentralBank) -> None:
    peer.acknowledge(R.FeedPlace(), NO_ACTS, 1, 1)


def test_a_process_before_that_is_heard_late_does_not_end_the_receipts_for_good(
    centre: Centre, peer: GrpcCentralBank
) -> None:
    """Its question was on its way while the bank was started again."""
    stream = follow(peer)
    acknowledge(peer)
    centre.follows = b"the one before"
    assert refused_for(acknowledge, peer) == "FEED_STEPPED_BACK"
    with pytest.raises(NoAnswer):
        next(stream)
    follow(peer)
    acknowledge(peer)


def test_another_refusal_ends_no_feed(centre: Centre, peer: GrpcCentralBank) -> None:
    stream = follow(peer)
    centre.follows, centre.why = b"somebody", errors_pb2.REASON_OVERLOADED
    assert refused_for(acknowledge, peer) == "OVERLOADED"
    next(stream)
