"""Certificates that are renewed while calls go on."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value
from prometheus_client import CollectorRegistry

from dcep.errors.v1 import errors_pb2
from runtime.certificates import fingerprint
from runtime.errors import NoAnswer, Refusal
from runtime.metrics import watch_days_left
from runtime.own_certificate import OwnCertificate, TlsFiles
from runtime.renewing_channel import RenewingChannel
from runtime.settings import SettingsError
from runtime.tls import peer
from tests.runtime.served import SERVER, Root, Serve, ask, stream

CLIENT = "dcep://bank/alpha"


@pytest.fixture
def own_root(root: Root, tmp_path: Path) -> Root:
    """The same root, its leaves in a folder of the test's own."""
    mine = Root(root.authority, tmp_path)
    mine.ca.write_bytes(root.authority.certificate_pem)
    return mine


def renew(root: Root, files: TlsFiles, role: str, *, key: bool = True) -> str:
    """Writes a new certificate over the old one, and its key as well; its fingerprint."""
    issued = root.authority.issue(role)
    files.certificate.write_bytes(issued.certificate_pem)
    if key:
        files.key.write_bytes(issued.key_pem)
    return fingerprint(issued.certificate_pem)


def shown_by(port: int) -> str:
    """The fingerprint of the certificate that a server shows to whoever connects now."""
    pem = ssl.get_server_certificate(("localhost", port), timeout=10)
    return fingerprint(pem.encode())


def test_a_server_shows_a_renewed_certificate_while_its_streams_go_on(
    serve: Serve, own_root: Root
) -> None:
    went_on = threading.Event()

    def count_slowly(request: Int32Value, context: grpc.ServicerContext) -> Iterator[Int32Value]:
        yield Int32Value(value=1)
        went_on.wait(30)
        yield Int32Value(value=2)

    files = own_root.files(SERVER)
    served = serve(on_follow=count_slowly, files=files, require_client=False)
    before = shown_by(served.server.port)
    running = stream(served.ours())(Int32Value(value=2))
    assert next(running).value == 1
    after = renew(own_root, files, SERVER)
    assert before != after == shown_by(served.server.port)
    went_on.set()
    assert next(running).value == 2
    assert ask(served.ours(), 5) == 5


def test_half_a_renewal_is_not_shown(serve: Serve, own_root: Root) -> None:
    files = own_root.files(SERVER)
    served = serve(files=files, require_client=False)
    before = shown_by(served.server.port)
    issued = own_root.authority.issue(SERVER)
    files.certificate.write_bytes(issued.certificate_pem)
    assert shown_by(served.server.port) == before
    files.key.write_bytes(b"half a k")
    assert shown_by(served.server.port) == before
    files.certificate.unlink()
    assert shown_by(served.server.port) == before
    files.certificate.write_bytes(issued.certificate_pem)
    files.key.write_bytes(issued.key_pem)
    assert shown_by(served.server.port) == fingerprint(issued.certificate_pem)


def test_a_client_shows_a_renewed_certificate_with_its_next_call(
    serve: Serve, own_root: Root
) -> None:
    seen: list[str] = []

    def look(request: Int32Value, context: grpc.ServicerContext) -> Int32Value:
        who = peer(context)
        assert who is not None
        seen.append(who.fingerprint)
        return request

    served = serve(on_ask=look)
    files = own_root.files(CLIENT)
    own = OwnCertificate(files)
    first = own.latest().fingerprint
    with RenewingChannel(files, own, served.address, SERVER) as channel:
        assert [ask(channel, value) for value in (1, 2)] == [1, 2]
        second = renew(own_root, files, CLIENT)
        assert [ask(channel, value) for value in (3, 4)] == [3, 4]
    assert seen == [first, first, second, second]


def test_a_stream_of_a_renewed_client_ends_as_unanswered_and_is_taken_up(
    serve: Serve, own_root: Root
) -> None:
    def count_for_long(request: Int32Value, context: grpc.ServicerContext) -> Iterator[Int32Value]:
        ended = threading.Event()
        context.add_callback(ended.set)
        yield Int32Value(value=1)
        ended.wait(30)

    served = serve(on_follow=count_for_long)
    files = own_root.files(CLIENT)
    own = OwnCertificate(files)
    with RenewingChannel(files, own, served.address, SERVER) as channel:
        running = stream(channel)(Int32Value(value=9))
        assert next(running).value == 1
        renew(own_root, files, CLIENT)
        assert ask(channel) == 1
        with pytest.raises(NoAnswer):
            next(running)
        assert next(stream(channel)(Int32Value(value=9))).value == 1


def test_a_key_that_is_not_the_certificates_is_refused_at_the_start(own_root: Root) -> None:
    files = own_root.files(CLIENT)
    renew(own_root, files, CLIENT, key=False)
    with pytest.raises(SettingsError, match="the key is another certificate's"):
        OwnCertificate(files)


def test_files_that_are_not_there_are_named(own_root: Root, tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "no.pem", tmp_path / "no.key", own_root.ca)
    with pytest.raises(SettingsError, match=r"no\.pem"):
        OwnCertificate(files)


def test_the_metrics_say_how_many_days_a_certificate_has_left(own_root: Root) -> None:
    registry = CollectorRegistry()
    own = OwnCertificate(own_root.files(CLIENT))
    watch_days_left(own.days_left, registry)
    days = registry.get_sample_value("certificate_days_left")
    assert days is not None
    assert 820 < days < 830


def endless(request: Int32Value, context: grpc.ServicerContext) -> Iterator[Int32Value]:
    ended = threading.Event()
    context.add_callback(ended.set)
    yield Int32Value(value=1)
    ended.wait(30)


def test_a_server_that_renews_its_certificate_is_reached_again(
    serve: Serve, own_root: Root
) -> None:
    """Also when it shows the new one from its next start on, at the same address."""
    files = own_root.files(SERVER)
    served = serve(files=files)
    mine = own_root.files(CLIENT)
    with RenewingChannel(mine, OwnCertificate(mine), served.address, SERVER) as channel:
        assert ask(channel, 1) == 1
        renew(own_root, files, SERVER)
        assert ask(channel, 2) == 2  # on the connection that stands
        served.server.stop()
        with pytest.raises(NoAnswer):
            ask(channel, 3)
        again = serve(files=files, address=served.address)
        assert eventually(lambda: ask(channel, 4)) == 4
        assert again.server.port == served.server.port


def eventually(call: Callable[[], int]) -> int:
    """The answer, once there is one: a connection that broke is made anew after a while."""
    until = time.monotonic() + 20.0
    while True:
        try:
            return call()
        except NoAnswer:
            if time.monotonic() > until:
                raise


def test_a_revoked_certificate_is_spoken_to_no_more_from_that_moment_on(
    serve: Serve, own_root: Root
) -> None:
    files = own_root.files(SERVER)
    served = serve(on_follow=endless, files=files)
    mine = own_root.files(CLIENT)
    revoked: set[str] = set()
    with RenewingChannel(mine, OwnCertificate(mine), served.address, SERVER) as channel:
        channel.refused = lambda: revoked
        running = stream(channel)(Int32Value(value=9))
        assert next(running).value == 1
        revoked.add(fingerprint(files.certificate.read_bytes()))
        channel.heed()
        with pytest.raises(NoAnswer):
            next(running)
        with pytest.raises(NoAnswer, match="revoked"):
            ask(channel)
        # Its owner has another one by now.
        renew(own_root, files, SERVER)
        assert eventually(lambda: ask(channel, 5)) == 5


def test_a_server_that_says_nothing_is_looked_at_by_one_thread_and_nobody_waits_for_long(
    own_root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.renewing_channel.LOOK_S", 0.5)
    mine = own_root.files(CLIENT)
    with socket.create_server(("localhost", 0)) as silent:
        silent.settimeout(5.0)
        address = f"localhost:{silent.getsockname()[1]}"
        with RenewingChannel(mine, OwnCertificate(mine), address, SERVER) as channel:
            failed: list[NoAnswer] = []

            def call() -> None:
                with pytest.raises(NoAnswer) as caught:
                    ask(channel)
                failed.append(caught.value)

            threads = [threading.Thread(target=call) for _ in range(8)]
            for thread in threads:
                thread.start()
            connection, _ = silent.accept()
            silent.settimeout(0.2)
            with pytest.raises(TimeoutError):
                silent.accept()
            for thread in threads:
                thread.join(10.0)
            connection.close()
            assert len(failed) == 8


def test_a_channel_that_was_closed_answers_nobody(serve: Serve, own_root: Root) -> None:
    served = serve()
    mine = own_root.files(CLIENT)
    channel = RenewingChannel(mine, OwnCertificate(mine), served.address, SERVER)
    assert ask(channel) == 1
    channel.close()
    with pytest.raises(NoAnswer, match="closed"):
        ask(channel)


def test_a_server_that_moves_between_its_addresses_is_found(
    serve: Serve, own_root: Root, stranger: Root
) -> None:
    """On each machine it has a certificate of its own; at one address somebody else listens."""
    other = serve(files=stranger.files(SERVER))
    first = serve(on_ask=lambda request, _: Int32Value(value=1), files=own_root.files(SERVER))
    mine = own_root.files(CLIENT)
    elsewhere = "localhost:1"
    moved_to = f"localhost:{_free_port()}"
    addresses = f"{elsewhere}, {other.address},{first.address},{moved_to}"
    with RenewingChannel(mine, OwnCertificate(mine), addresses, SERVER) as channel:
        assert ask(channel) == 1
        first.server.stop()
        with pytest.raises(NoAnswer):
            ask(channel)
        moved = own_root.files(SERVER)
        renew(own_root, moved, SERVER)
        serve(on_ask=lambda request, _: Int32Value(value=2), files=moved, address=moved_to)
        assert _answered(lambda: ask(channel)) == 2


def test_a_server_that_no_longer_serves_is_left_for_one_that_does(
    serve: Serve, own_root: Root
) -> None:
    """One that lost its database to another still shows a good certificate."""
    ended: list[Refusal] = []

    def may_answer() -> None:
        if ended:
            raise ended[0]

    first = serve(
        on_ask=lambda request, _: Int32Value(value=1),
        files=own_root.files(SERVER),
        may_answer=may_answer,
    )
    second = serve(on_ask=lambda request, _: Int32Value(value=2), files=own_root.files(SERVER))
    mine = own_root.files(CLIENT)
    addresses = f"{first.address},{second.address}"
    with RenewingChannel(mine, OwnCertificate(mine), addresses, SERVER) as channel:
        assert ask(channel) == 1
        ended.append(Refusal(errors_pb2.REASON_NOT_SERVING, "taken over"))
        with pytest.raises(Refusal, match="taken over"):
            ask(channel)
        assert _answered(lambda: ask(channel)) == 2


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def _answered(call: Callable[[], int]) -> int:
    """The answer, once there is one."""
    ends_at = time.monotonic() + 20
    while True:
        try:
            return call()
        except NoAnswer:
            if time.monotonic() > ends_at:
                raise
            time.sleep(0.05)
