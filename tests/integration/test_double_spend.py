"""A device's files are copied, and both copies pay: both payees are paid, and it comes to light."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from auditor.audit import audit_stack
from dcep.authentication.v1 import authentication_pb2, authentication_pb2_grpc
from dcep.bank.v1 import offline_pb2, offline_pb2_grpc
from dcep.errors.v1 import errors_pb2
from deployment.connections import ask, certified_channel, public_channel, stub
from deployment.provisioning import OFFLINE_ROOT, public_key
from offline_token.formats import DEVICE, Certificate
from runtime.randomness import SystemRandomness
from sandbox.demo.environment import System, refused, wait_until
from sandbox.demo.scenario import audited
from sandbox.demo.wallet_process import Person
from tests.integration.bundles import revoked, wait_handed_on
from tests.integration.commands import dcep
from tests.integration.systems import MakeSystem
from tests.refusals import refusal
from wallet.secure_element.keys import certificate_of
from wallet.secure_element.sealed_file import SealedFile

pytestmark = pytest.mark.xdist_group("double-spend")
LOADED_FEN = 1_900  # one token: a load of less than 20 yuan is not divided
SECOND_LOAD_FEN = 700


@pytest.fixture(scope="module")
def cheated(systems: MakeSystem) -> System:
    """Mallory of alpha has paid Bob of alpha and Dan of beta with the same money; both deposit."""
    system = systems()
    mallory = system.person("mallory", "alpha", holder_name="Mallory")
    bob = system.person("bob", "alpha", holder_name="Bob")
    dan = system.person("dan", "beta", holder_name="Dan")
    for person in (mallory, bob, dan):
        person.top_up(2 * LOADED_FEN)
        person.offline_load(LOADED_FEN)
    mallory.offline_load(SECOND_LOAD_FEN)
    system.wait_quiet()
    copy = system.homes / "copy"
    with_device_files(mallory, mallory.home, copy)
    pay(mallory, bob)
    with_device_files(mallory, copy, mallory.home)
    pay(mallory, dan)
    for person in (bob, dan):
        before_fen = person.show().available_fen
        answer = person.offline_deposit()
        assert not answer.refused
        assert answer.amount_fen == 2 * LOADED_FEN
        system.wait_available(person, before_fen + 2 * LOADED_FEN)
    return system


def with_device_files(person: Person, source: Path, target: Path) -> None:
    """Copies the device's files from one folder to another while the wallet is switched off."""
    person.stop()
    target.mkdir(exist_ok=True)
    for file in target.glob("device*"):
        file.unlink()
    for file in source.glob("device*"):
        shutil.copy2(file, target)
    person.start()


def pay(payer: Person, payee: Person) -> None:
    """All that the payer's device has under its first key, offline."""
    payment = payer.offline_pay(payee.offline_request(LOADED_FEN))
    assert payee.offline_accept(payment) == LOADED_FEN


def test_the_bank_of_the_device_has_borne_it_and_the_audit_proves_all(cheated: System) -> None:
    found = audited(cheated)
    assert found.ok, found.problems
    assert {bank.bank: bank.lost_fen for bank in found.banks} == {"alpha": LOADED_FEN, "beta": 0}
    done = dcep("audit", "--json", "--stack", str(cheated.plan.folder))
    assert done.code == 0, done.out


def test_the_evidence_names_the_device_and_needs_only_the_roots_key(
    cheated: System, tmp_path: Path
) -> None:
    folder, file = str(cheated.plan.folder), tmp_path / "evidence.json"
    (listed,) = dcep("evidence", "list", "--json", "--stack", folder).answer["evidence"]
    assert (listed["bank"], listed["first_bank"], listed["second_bank"]) == (
        "alpha",
        "alpha",
        "beta",
    )
    assert dcep("evidence", "export", str(file), "--stack", folder).code == 0
    root = public_key(cheated.plan.central_folder / OFFLINE_ROOT).hex()
    nowhere = str(tmp_path / "no-stack")
    done = dcep("evidence", "verify", str(file), "--root", root, "--stack", nowhere)
    assert done.code == 0, done.err
    assert listed["device_key"] in done.out

    content = json.loads(file.read_text())
    content["evidence"][0]["second"] = content["evidence"][0]["first"]
    file.write_text(json.dumps(content))
    for key in (root, "00" * 32):
        assert dcep("evidence", "verify", str(file), "--root", key).code == 1
    file.write_text("{}")
    assert dcep("evidence", "verify", str(file), "--root", root).code == 2


def test_the_banks_that_it_concerns_see_the_evidence(cheated: System) -> None:
    plan = cheated.plan
    for bank in plan.banks:
        folder = plan.bank_folder(bank.name)
        certificate, key = folder / "tls.crt", folder / "tls.key"
        channel = certified_channel(plan, plan.central_address, certificate, key)
        service = stub(authentication_pb2_grpc.AuthenticationServiceStub, channel)
        request = authentication_pb2.ListEvidenceRequest()
        answer = ask(service.ListEvidence, request, authentication_pb2.ListEvidenceResponse)
        assert [case.first_bank for case in answer.evidence] == ["alpha"]
        channel.close()


def test_a_bank_answers_what_the_bundle_does_not_say_and_refuses_what_is_no_question(
    cheated: System, tmp_path: Path
) -> None:
    """Here the bundle has every bank and lists every revoked device: there is nothing to add."""
    file = tmp_path / "evidence.json"
    assert dcep("evidence", "export", str(file), "--stack", str(cheated.plan.folder)).code == 0
    (case,) = json.loads(file.read_text())["evidence"]
    cheat = bytes.fromhex(case["device_certificate"])
    for bank in cheated.plan.banks:
        with public_channel(cheated.plan, bank.public_address) as channel:
            service = stub(offline_pb2_grpc.OfflineServiceStub, channel)

            def get(*certificates: bytes, service: Any = service) -> Any:
                request = offline_pb2.GetTrustBundleRequest(certificates=certificates)
                return ask(service.GetTrustBundle, request, offline_pb2.GetTrustBundleResponse)

            assert 0 < len(get().trust_bundle) < 4_096 and not get().statements
            answer = get(cheat)
            assert (answer.trust_bundle, list(answer.statements)) == (b"", [])
            for wrong, name in (([cheat] * 33, "TOO_MANY_ITEMS"), ([b"D"], "FIELD_INVALID")):
                found = refusal(get, *wrong)
                assert (found.name, found.field) == (name, "certificates")


def test_the_audit_names_a_loss_that_was_changed_by_hand(
    cheated: System, sqlite_files: None
) -> None:
    path = make_url(cheated.plan.database_url("central-bank")).database
    assert path
    with closing(sqlite3.connect(path, timeout=20.0)) as database:
        for change in (1, -1):
            database.execute("UPDATE losses SET amount_fen = amount_fen + ?", (change,))
            database.commit()
            problems = audit_stack(cheated.plan).problems
            assert bool(problems) == (change == 1)
            assert all("table losses" in problem for problem in problems)


def certificates_of(person: Person) -> set[Certificate]:
    """Those that a device has of its bank."""
    state = SealedFile(person.home, SystemRandomness(), lambda: "").read()
    return {certificate_of(key) for key in state.keys if key.certificate}


def named(person: Person) -> set[bytes]:
    """What a trust bundle lists when all keys of a device are revoked."""
    return {certificate.revocation() for certificate in certificates_of(person)}


def test_all_keys_of_the_wallet_are_in_the_bundle_and_it_loads_no_more(cheated: System) -> None:
    with cheated.central("lin") as office:
        (found,) = office.evidence()
    mallory = cheated.people["mallory"]
    keys = named(mallory)
    assert len(keys) == 2
    proved = Certificate.decode(found.device_certificate, DEVICE).revocation()
    assert proved in keys & revoked(cheated)
    before_fen = mallory.show().available_fen
    refusal = refused(lambda: mallory.offline_load(100))
    assert refusal.reason == errors_pb2.REASON_DEVICE_REVOKED
    assert "a device of this wallet was revoked" in refusal.message
    # The bank, which alone knows the other keys, has reported them.
    wait_until(lambda: keys <= revoked(cheated), "all keys are revoked")
    others = set().union(*(named(cheated.people[name]) for name in ("bob", "dan")))
    assert not others & revoked(cheated)
    cheated.wait_available(mallory, before_fen)
    assert audited(cheated).ok


def test_what_lies_under_another_key_cannot_be_paid_but_deposited(cheated: System) -> None:
    mallory, bob = cheated.people["mallory"], cheated.people["bob"]
    wait_handed_on(cheated)
    refused(lambda: mallory.offline_load(100))
    wait_until(lambda: named(mallory) <= revoked(cheated), "all keys are revoked")
    wait_handed_on(cheated)
    refused(lambda: mallory.offline_load(100))  # brings the newest bundle all the same
    refusal = refused(lambda: mallory.offline_pay(bob.offline_request(1)))
    assert refusal.reason == errors_pb2.REASON_TOKEN_INVALID
    before_fen = mallory.show().available_fen
    assert mallory.offline_deposit().amount_fen == SECOND_LOAD_FEN
    cheated.wait_available(mallory, before_fen + SECOND_LOAD_FEN)
