"""The drill: keys and certificates of the parties are changed and revoked while payments go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from console.clients import ActClient, BankOfficerClient, CentralOfficerClient
from dcep.bank.v1 import inbound_pb2, inbound_pb2_grpc
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from deployment.connections import certified_channel, stub
from deployment.provisioning import OFFLINE_ROOT, fingerprint, public_key
from deployment.topology import CENTRAL_BANK
from runtime.clock import SystemClock
from runtime.envelope import possession
from runtime.errors import Refusal
from sandbox.demo.environment import refused, wait_until
from sandbox.demo.scenario import audited
from tests.integration.bundles import wait_handed_on
from tests.integration.commands import dcep
from tests.integration.drill import (
    OFFLINE_FEN,
    Drill,
    Poser,
    as_bank,
    registration_by,
    root_of_bundle,
    saved,
    shown_at,
)
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("rotation"), pytest.mark.any_database]


@pytest.fixture(scope="module")
def drill(systems: MakeSystem) -> Iterator[Drill]:
    yield Drill(systems())


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
    asked = registration_pb2.FollowFeedRequest(
        after=place, journal_position=1 << 40, acts_number=1 << 40, session=bytes(16)
    )
    stream = thief.FollowFeed(asked, timeout=240.0)
    drill.bob.pay(drill.alice.number, 1)
    next(stream)
    drill.through(("revoke", "beta", "--what", "certificate"))
    for no in (
        refused(lambda: [message for message in stream]),
        refused(
            lambda: next(
                thief.FollowFeed(
                    registration_pb2.FollowFeedRequest(session=bytes(16)), timeout=60.0
                )
            )
        ),
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
