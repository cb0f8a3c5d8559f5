"""The drill: keys and certificates of the parties are changed and revoked while payments go on."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from auditor.audit import audit_stack
from console.clients import ActClient, BankOfficerClient, CentralOfficerClient
from dcep.bank.v1 import inbound_pb2, inbound_pb2_grpc, offline_pb2, offline_pb2_grpc
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2, registration_pb2_grpc
from deployment.connections import certified_channel, public_channel, stub
from deployment.provisioning import OFFLINE_ROOT, fingerprint, public_key
from deployment.topology import CENTRAL_BANK
from offline_token.bundle import TrustBundle
from runtime.clock import SystemClock
from runtime.envelope import possession, sign
from runtime.errors import Refusal
from sandbox.demo.environment import Stream, System, refused, wait_until
from sandbox.demo.scenario import audited
from tests.integration.bundles import wait_handed_on
from tests.integration.commands import Done, dcep
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("rotation"), pytest.mark.any_database]

TOPPED_UP_FEN, OFFLINE_FEN = 500_000, 10_000


class Drill:
    """A system in which Alice of alpha pays Bob of beta, and Bob pays Alice, on and on."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.alice = system.person("alice", "alpha", holder_name="Alice")
        self.bob = system.person("bob", "beta", holder_name="Bob")
        for person in (self.alice, self.bob):
            person.top_up(TOPPED_UP_FEN)

    def dcep(self, *words: str) -> Done:
        """A command about keys. It has to work."""
        done = dcep("keys", *words, "--json", "--stack", str(self.system.plan.folder))
        assert done.code == 0, done.err
        return done

    def through(self, *changes: tuple[str, ...]) -> None:
        """Makes changes while payments go on in both directions: each one settles."""
        count = 20 * (len(changes) + 1)
        streams = [
            Stream(payer, payee.number, 100, count=count)
            for payer, payee in ((self.alice, self.bob), (self.bob, self.alice))
        ]
        for number, words in enumerate(changes):
            for stream in streams:
                stream.wait_settled(5 * (number + 1))
            self.dcep(*words)
        live = audit_stack(self.system.plan)
        assert live.ok, live.problems
        for stream in streams:
            assert len(set(stream.finish())) == count

    def registered(self, party: str, kind: str) -> list[dict[str, Any]]:
        """What the list says of a party's keys or certificates, the newest first."""
        rows: list[dict[str, Any]] = self.dcep("list").answer["registered"]
        return [row for row in rows if (row["party"], row["kind"]) == (party, kind)]


@pytest.fixture(scope="module")
def drill(systems: MakeSystem) -> Iterator[Drill]:
    yield Drill(systems())


def saved(drill: Drill, folder: Path, *names: str) -> list[Path]:
    """Copies of files that are about to be replaced: what a thief would have."""
    return [
        Path(shutil.copy(folder / name, drill.system.homes / f"stolen-{name}")) for name in names
    ]


def as_bank(drill: Drill, bank: str, certificate: Path, key: Path) -> Any:
    channel = certified_channel(
        drill.system.plan, drill.system.plan.central_address, certificate, key
    )
    return stub(registration_pb2_grpc.RegistrationServiceStub, channel)


def registration_by(key: SigningKey, bank: str) -> registration_pb2.RegisterTokensRequest:
    """Something that would be refused for what it says, were its signature good."""
    now_ms = SystemClock().now_ms()
    order = registration_pb2.TokenRegistration(
        bank=bank,
        number=1,
        amount_fen=1,
        device_certificate=b"no certificate",
        possession=bytes(96),
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    signed = sign("token-registration/v1", order.SerializeToString(), key, bank.encode())
    return registration_pb2.RegisterTokensRequest(registration=signed)


def shown_at(address: str) -> str:
    """The fingerprint of the certificate that a server shows to who connects now."""
    host, _, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), 10.0) as plain,
        context.wrap_socket(plain) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return hashlib.sha256(shown).hexdigest()


def test_payments_go_on_while_everything_is_rotated(drill: Drill) -> None:
    alpha = drill.system.plan.bank_folder("alpha")
    before = {name: (alpha / name).read_bytes() for name in ("tls.crt", "tls.key", "business.key")}
    drill.through(
        ("rotate", "alpha", "--what", "certificate"),
        ("rotate", "alpha", "--what", "key"),
        ("rotate", "central-bank"),
        ("rotate", "beta"),
        ("rotate", "central-bank", "--what", "key"),
    )
    for name, content in before.items():
        assert (alpha / name).read_bytes() != content
    for bank in drill.system.plan.banks:
        # The inner port, and the edge, which is a process of its own.
        for address in (bank.inner_address, bank.public_address):
            assert shown_at(address) == fingerprint(
                drill.system.plan.bank_folder(bank.name) / "tls.crt"
            )
    for kind in ("certificate", "business key"):
        new, old = drill.registered("alpha", kind)
        assert (new["until_time_ms"], new["revoked"], old["revoked"]) == (0, False, False)
        assert old["until_time_ms"] > SystemClock().now_ms() + 6 * 86_400_000
    assert len(drill.registered(CENTRAL_BANK, "business key")) == 3
    audit = audited(drill.system)
    assert audit.ok, audit.problems


def test_offline_money_outlives_a_rotation(drill: Drill) -> None:
    alice, bob = drill.alice, drill.bob
    had = bob.show().available_fen
    alice.offline_load(OFFLINE_FEN)
    drill.dcep("rotate", "alpha", "--what", "key")
    bob.offline_load(100)  # Bob's device has the newest bundle
    paid = alice.offline_pay(bob.offline_request(4_000))
    assert bob.offline_accept(paid) == 4_000
    bob.offline_deposit()
    drill.system.wait_available(bob, had + 4_000)


def test_a_stolen_key_is_refused_at_once_and_payments_go_on(drill: Drill) -> None:
    alpha = drill.system.plan.bank_folder("alpha")
    stolen = SigningKey((alpha / "business.key").read_bytes())
    now = as_bank(drill, "alpha", alpha / "tls.crt", alpha / "tls.key")
    good = refused(lambda: now.RegisterTokens(registration_by(stolen, "alpha"), timeout=10.0))
    assert (good.reason, good.field) == (errors_pb2.REASON_FIELD_INVALID, "device_certificate")
    drill.through(("revoke", "alpha", "--what", "key", "--cause", "it was stolen"))
    no = refused(lambda: now.RegisterTokens(registration_by(stolen, "alpha"), timeout=10.0))
    assert no.reason == errors_pb2.REASON_SIGNATURE_INVALID
    newest, last, *_ = drill.registered("alpha", "business key")
    assert not newest["revoked"]
    assert last["revoked"]


def test_a_stolen_certificate_is_refused_at_once_with_its_open_streams(drill: Drill) -> None:
    beta = drill.system.plan.bank_folder("beta")
    files = saved(drill, beta, "tls.crt", "tls.key")
    thief = as_bank(drill, "beta", *files)
    with BankOfficerClient(drill.system.plan, "beta") as office:
        told = office.feed()
    place = registration_pb2.FeedPlace(ledger=told.ledger, number=told.number, hash=told.hash)
    asked = registration_pb2.FollowFeedRequest(after=place, journal_position=1 << 40)
    stream = thief.FollowFeed(asked, timeout=240.0)
    drill.bob.pay(drill.alice.number, 1)
    next(stream)
    drill.through(("revoke", "beta", "--what", "certificate"))
    for no in (
        refused(lambda: [message for message in stream]),
        refused(lambda: next(thief.FollowFeed(registration_pb2.FollowFeedRequest(), timeout=60.0))),
    ):
        assert no.reason == errors_pb2.REASON_BANK_NOT_ADMITTED


def test_devices_that_a_revoked_key_certified_get_new_certificates(drill: Drill) -> None:
    alice, bob = drill.alice, drill.bob
    alice.offline_load(OFFLINE_FEN)
    drill.dcep("revoke", "alpha", "--what", "key")
    wait_handed_on(drill.system)
    bob.offline_load(100)
    had = bob.show().offline_fen
    # Alice's device has not heard of it; Bob's has, and gives her money back.
    answer = bob.offline_answer(alice.offline_pay(bob.offline_request(1_000)))
    assert (answer.amount_fen, bob.show().offline_fen) == (0, had)
    alice.offline_load(OFFLINE_FEN)
    assert bob.offline_accept(alice.offline_pay(bob.offline_request(5_000))) == 5_000


def test_the_central_banks_key_is_revoked_and_its_word_goes_on(drill: Drill) -> None:
    drill.through(("revoke", CENTRAL_BANK, "--what", "key"))
    newest, last, *_ = drill.registered(CENTRAL_BANK, "business key")
    assert (newest["revoked"], last["revoked"]) == (False, True)
    for bank in drill.system.plan.banks:
        with BankOfficerClient(drill.system.plan, bank.name) as office:
            wait_until(lambda office=office: not office.feed().stopped_cause, "the feed goes on")  # type: ignore[misc]


class Poser:
    """Whoever answers at the central bank's address with a certificate; hears what is said."""

    def __init__(self, address: str, certificate: Path, key: Path) -> None:
        self.connections, self.heard = 0, 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(["h2"])
        self._context.load_cert_chain(certificate, key)
        host, _, port = address.rpartition(":")
        self._socket = socket.create_server((host, int(port)))
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            plain.settimeout(2.0)
            try:
                with self._context.wrap_socket(plain, server_side=True) as connection:
                    self.connections += 1
                    self.heard += len(connection.recv(100))
            except OSError:
                plain.close()

    def __enter__(self) -> Poser:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10.0)


def test_a_stolen_certificate_of_the_central_bank_poses_as_it_to_nobody_any_more(
    drill: Drill,
) -> None:
    system, plan = drill.system, drill.system.plan
    stolen = saved(drill, plan.central_folder, "tls.crt", "tls.key")

    def asks_a_bank() -> Refusal | None:
        channel = certified_channel(plan, plan.bank("alpha").inner_address, *stolen)
        inbound = stub(inbound_pb2_grpc.InboundServiceStub, channel)
        request = inbound_pb2.CheckPayeesRequest(wallet_numbers=[drill.alice.number])
        try:
            inbound.CheckPayees(request, timeout=10.0)
        except Refusal as refusal:
            return refusal
        return None

    assert asks_a_bank() is None
    drill.through(("revoke", CENTRAL_BANK, "--what", "certificate", "--cause", "it was stolen"))
    wait_until(lambda: asks_a_bank() is not None, "the bank has heard of it")
    refusal = asks_a_bank()
    assert refusal is not None
    assert refusal.reason == errors_pb2.REASON_ROLE_NOT_ALLOWED
    rows = drill.registered(CENTRAL_BANK, "certificate")
    assert fingerprint(stolen[0]) in {row["value"] for row in rows if row["revoked"]}

    system.stack.stop(CENTRAL_BANK)
    folder = plan.central_folder
    with Poser(plan.central_address, folder / "tls.crt", folder / "tls.key") as owner:
        wait_until(lambda: owner.heard > 0, "a bank speaks to whoever shows the good one")
    with Poser(plan.central_address, *stolen) as thief:
        wait_until(lambda: thief.connections > 3, "banks look what is shown")
        assert thief.heard == 0
    system.stack.restart(CENTRAL_BANK)
    drill.through()


def test_what_the_central_bank_showed_before_is_revoked_alone(drill: Drill) -> None:
    before = fingerprint(drill.system.plan.central_folder / "tls.crt")
    drill.dcep("rotate", CENTRAL_BANK, "--what", "certificate")
    drill.dcep("revoke", CENTRAL_BANK, "--replaced")
    revoked = {row["value"] for row in drill.registered(CENTRAL_BANK, "certificate")}
    assert before in revoked
    assert fingerprint(drill.system.plan.central_folder / "tls.crt") not in revoked
    drill.through()


def root_of_bundle(drill: Drill, bank: str) -> tuple[bytes, int]:
    """The root whose bundle a bank hands on, and how many roots' tokens it says count."""
    with public_channel(drill.system.plan, drill.system.plan.bank(bank).public_address) as channel:
        offline = stub(offline_pb2_grpc.OfflineServiceStub, channel)
        answer = offline.GetTrustBundle(offline_pb2.GetTrustBundleRequest(), timeout=10.0)
    root, bundle = answer.trust_bundle[:32], TrustBundle.decode(answer.trust_bundle[32:])
    return root, len(bundle.roots(root, SystemClock().now_ms()))


def test_the_offline_root_goes_over_to_its_successor_while_money_is_paid_with_and_without_it(
    drill: Drill,
) -> None:
    """In both directions, between a device that has gone over and one that has only heard of it."""
    alice, bob, banks = drill.alice, drill.bob, ("alpha", "beta")
    old = public_key(drill.system.plan.central_folder / OFFLINE_ROOT)
    alice.offline_load(OFFLINE_FEN)
    drill.dcep("rotate", "offline-root")
    for bank in banks:
        wait_until(lambda bank=bank: root_of_bundle(drill, bank) == (old, 2), "it is announced")  # type: ignore[misc]
    alice.offline_load(100)  # Alice's device has heard
    drill.through(("rotate", "offline-root", "--take-over"))
    new = public_key(drill.system.plan.central_folder / OFFLINE_ROOT)
    assert new != old
    for bank in banks:
        wait_until(lambda bank=bank: root_of_bundle(drill, bank) == (new, 2), "it has taken over")  # type: ignore[misc]
    bob.offline_load(OFFLINE_FEN)  # Bob's has gone over; his money is the new root's
    assert bob.offline_accept(alice.offline_pay(bob.offline_request(3_000))) == 3_000
    assert alice.offline_accept(bob.offline_pay(alice.offline_request(9_000))) == 9_000
    had = {person: person.show().available_fen for person in (alice, bob)}
    held = {person: person.show().offline_fen for person in (alice, bob)}
    for person in (alice, bob):
        person.offline_deposit()
        drill.system.wait_available(person, had[person] + held[person])
    first, second = drill.registered(CENTRAL_BANK, "offline root")
    assert (first["value"], first["until_time_ms"]) == (new.hex(), 0)
    assert second["until_time_ms"] > SystemClock().now_ms() + 100 * 86_400_000

    alice.offline_load(500)  # she goes over too
    drill.dcep("revoke", "offline-root", "--replaced")
    for bank in banks:
        wait_until(lambda bank=bank: root_of_bundle(drill, bank) == (new, 1), "the old one ended")  # type: ignore[misc]
    assert bob.offline_accept(alice.offline_pay(bob.offline_request(500))) == 500


def test_an_officers_keys_are_rotated_and_revoked(drill: Drill) -> None:
    plan = drill.system.plan
    old = [Path(plan.officers_folder / f"han{end}") for end in (".crt", ".key", ".signing.key")]
    contents = [file.read_bytes() for file in old]
    drill.dcep("rotate", "han")
    with ActClient(plan, CENTRAL_BANK, "han") as client:
        assert client.open_acts() == []
    drill.dcep("revoke", "officer/han")
    drill.dcep("rotate", "wang")
    with BankOfficerClient(plan, "alpha", "wang") as office:
        assert office.books().wallets
    for file, content in zip(old, contents, strict=True):
        file.write_bytes(content)
    with ActClient(plan, CENTRAL_BANK, "han") as client:
        no = refused(lambda: client.propose(office_pb2.SuspendBank(name="beta")))
    assert no.reason == errors_pb2.REASON_OFFICER_UNKNOWN


def test_a_rotation_that_stopped_half_way_goes_on_with_the_key_that_it_made(drill: Drill) -> None:
    plan = drill.system.plan
    folder = plan.bank_folder("beta")
    key = SigningKey.generate()
    (folder / "business.key.next").write_bytes(bytes(key))
    (folder / "business.key.next").chmod(0o600)
    drill.system.by_two(
        office_pb2.RenewBank(
            name="beta",
            business_key=bytes(key.verify_key),
            proof=possession(key, "beta"),
            old_until_time_ms=SystemClock().now_ms() + 86_400_000,
        )
    )
    # It was announced, and then the power went. A theft came to light meanwhile.
    drill.dcep("revoke", "beta", "--what", "key")
    assert (folder / "business.key").read_bytes() == bytes(key)
    assert not (folder / "business.key.next").exists()
    with CentralOfficerClient(plan, plan.central_officers[0]) as office:
        (beta,) = [bank for bank in office.banks() if bank.name == "beta"]
    assert beta.business_key == bytes(key.verify_key)
    assert all(old.revoked for old in beta.replaced)
    drill.through()


def test_services_start_again_with_what_was_rotated_and_the_audit_holds(drill: Drill) -> None:
    system = drill.system
    for name in ("alpha", "beta", CENTRAL_BANK):
        system.stack.stop(name)
    for name in (CENTRAL_BANK, "alpha", "beta"):
        system.stack.restart(name)
    drill.through()
    audit = audited(system)
    assert audit.ok, audit.problems
    assert audit.signatures is not None
    assert audit.signatures.left_out == 0


def test_nobody_rotates_what_is_not_there(drill: Drill) -> None:
    folder = str(drill.system.plan.folder)
    for words, reason in (
        (("rotate", "omega"), "PARTY_UNKNOWN"),
        (("rotate", "offline-root", "--take-over"), "FIELD_MISSING"),
        (("revoke", "offline-root"), "FIELD_MISSING"),
        (("rotate", "alpha", "--take-over"), "FIELD_INVALID"),
        (("rotate", "alpha", "--days", "91"), "FIELD_INVALID"),
        (("rotate", "alpha", "--what", "root"), "FIELD_INVALID"),
        (("revoke", "lin", "--what", "key"), "FIELD_INVALID"),
        (("revoke", "lin", "--replaced"), "FIELD_INVALID"),
    ):
        done = dcep("keys", *words, "--json", "--stack", folder)
        assert (done.code, done.answer["reason"]) == (2, reason)
