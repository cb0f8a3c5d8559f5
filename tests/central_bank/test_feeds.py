"""Feeds over real gRPC: one for every bank, however many banks there are, or feeds one asks for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry

from central_bank.__main__ import services
from central_bank.authentication.authorization import central_authorizer
from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import FEEDS_EACH
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from runtime.certificates import Authority, Issued, fingerprint
from runtime.channel import connect
from runtime.connections import Bounds
from runtime.limits import MAX_WORKERS, WORKERS_KEPT
from runtime.metrics import CallMetrics
from runtime.server import Server
from tests.central_bank.admitting import particulars
from tests.central_bank.system import System
from tests.refusals import refused_for

SERVER = "dcep://central-bank/centre"
BANKS = 200


@dataclass
class Centre:
    """The central bank of a system behind its real port."""

    system: System
    authority: Authority = field(default_factory=lambda: Authority.create("root"))
    channels: list[grpc.Channel] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = self.authority.issue(SERVER)
        registry = CollectorRegistry()
        self.server = Server(
            services(self.system.central),
            credentials=grpc.ssl_server_credentials(
                [(own.key_pem, own.certificate_pem)], self.authority.certificate_pem, True
            ),
            address="127.0.0.1:0",
            registry=registry,
            metrics=CallMetrics(registry),
            authorize=central_authorizer(
                self.system.central.registry,
                self.system.central.officers,
                self.system.central.standing,
            ),
            # All of these banks live at one address.
            connections=Bounds(nobodys_each=BANKS),
        )
        self.server.start()

    def admit(self, name: str, prefix: str) -> tuple[AdmittedBank, Issued]:
        """A new bank and its certificate."""
        issued = self.authority.issue(f"dcep://bank/{name}")
        mark = fingerprint(issued.certificate_pem)
        wanted = replace(particulars(name, prefix), certificate_fingerprint=mark)
        return self.system.central.registry.admit(wanted), issued

    def follow(self, issued: Issued) -> Any:
        """An open feed of a bank, over a connection of its own."""
        credentials = grpc.ssl_channel_credentials(
            self.authority.certificate_pem, issued.key_pem, issued.certificate_pem
        )
        channel = connect(f"127.0.0.1:{self.server.port}", credentials, SERVER)
        self.channels.append(channel)
        stub = registration_pb2_grpc.RegistrationServiceStub(channel)
        return stub.FollowFeed(registration_pb2.FollowFeedRequest(session=bytes(16)))

    def close(self) -> None:
        for channel in self.channels:
            channel.close()
        self.server.stop()


@pytest.fixture
def centre(system: System) -> Iterator[Centre]:
    made = Centre(system)
    yield made
    made.close()


def first_of(feed: Any) -> list[str]:
    """The events of a feed's first message with any; before it the feed says where it stands."""
    said = next(message.entries for message in feed if message.entries)
    entries = map(registration_pb2.FeedEntry.FromString, said)
    return [str(entry.WhichOneof("event")) for entry in entries]


def test_two_hundred_banks_follow_their_feeds_and_no_thread_is_kept_for_one(
    centre: Centre,
) -> None:
    admitted = [centre.admit(f"bank-{i}", str(7000 + i)) for i in range(BANKS)]
    feeds = [centre.follow(issued) for _, issued in admitted]
    for bank, _ in admitted:
        centre.system.issue(bank, 100)
    assert [first_of(feed) for feed in feeds] == [["issued"]] * BANKS
    serving = [t for t in threading.enumerate() if t.name.startswith(("grpc_", "news"))]
    assert len(serving) <= MAX_WORKERS + WORKERS_KEPT + 1


def test_a_bank_that_follows_again_and_again_ends_its_own_oldest_feeds_alone(
    centre: Centre,
) -> None:
    (greedy, greedy_issued), (other, other_issued) = (
        centre.admit(name, prefix) for name, prefix in (("greedy", "7001"), ("other", "7002"))
    )
    centre.system.issue(greedy, 100)
    centre.system.issue(other, 100)
    theirs = centre.follow(other_issued)
    assert first_of(theirs) == ["issued"]
    feeds = []
    for _ in range(5):
        feeds.append(centre.follow(greedy_issued))
        assert first_of(feeds[-1]) == ["issued"]
    for old in feeds[:-FEEDS_EACH]:
        assert refused_for(next, old) == "OVERLOADED"
    for feed in (theirs, *feeds[-FEEDS_EACH:]):
        assert feed.is_active()


def test_the_first_word_comes_at_once_though_there_is_nothing_to_tell(centre: Centre) -> None:
    _, issued = centre.admit("quiet", "7001")
    first = next(centre.follow(issued))
    tip = registration_pb2.FeedTip.FromString(first.tip.payload)
    assert not first.entries
    assert (tip.bank, tip.place.number) == ("quiet", 0)


def test_a_suspended_bank_loses_its_open_feed(centre: Centre) -> None:
    bank, issued = centre.admit("careless", "7001")
    centre.system.issue(bank, 100)
    feed = centre.follow(issued)
    assert first_of(feed) == ["issued"]
    centre.system.central.registry.set_suspended("careless", True)
    assert refused_for(next, feed) == "BANK_SUSPENDED"
