"""What banks signed is verified by the key of its time, and keys by the acts that gave them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import column, delete, select, table, update

from auditor.audit import StackAudit, audit_engines
from auditor.signatures.bank_keys import LATE_MS
from central_bank.authentication.tables import (
    announcements,
    bank_certificates,
    bank_keys,
    central_keys,
)
from central_bank.registration.tables import bank_batches
from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from deployment.topology import CENTRAL_BANK
from runtime.envelope import sign, signed_bytes
from runtime.kept_payload import KeptPayload, put_together
from tests.central_bank.bank_renewals import (
    DAY_MS,
    NEW,
    OLD,
    THIRD,
    answer,
    new_key,
    renew,
)
from tests.central_bank.key_renewals import NEW as FRESH_CENTRAL_KEY
from tests.central_bank.key_renewals import renewal, revocation
from tests.central_bank.system import NOW_MS, System
from tests.feeds import CENTRAL_KEY

FIELD = registration_pb2.OutboundBatch.PAYMENTS_FIELD_NUMBER
SETTLED = "OUTCOME_STATE_SETTLED"


def problems(system: System) -> list[str]:
    found: StackAudit = audit_engines({CENTRAL_BANK: system.engine})
    assert found.signatures is not None
    assert found.signatures.checked > 0
    return found.problems


@pytest.fixture
def renewed(system: System) -> System:
    """Alpha changes its key twice, with batches before, between and after; one key was revoked."""
    system.issue(system.alpha, 1_000)
    assert answer(system, OLD) == SETTLED
    system.clock.advance(2 * LATE_MS)
    renew(system, key=NEW, until_ms=NOW_MS + DAY_MS)
    assert [answer(system, key) for key in (OLD, NEW)] == [SETTLED] * 2
    system.clock.advance(2 * DAY_MS)
    assert answer(system, NEW) == SETTLED
    system.clock.advance(2 * LATE_MS)
    renew(system, key=THIRD)
    system.clock.advance(DAY_MS)
    assert answer(system, THIRD) == SETTLED
    return system


def test_what_was_signed_with_the_key_of_its_time_holds_for_ever(renewed: System) -> None:
    assert problems(renewed) == []


@pytest.mark.parametrize(("batch", "key"), [(0, NEW), (3, OLD), (4, NEW), (4, OLD)])
def test_a_batch_that_is_signed_by_a_key_of_another_time_is_named(
    renewed: System, batch: int, key: SigningKey
) -> None:
    payload = signed_payloads(renewed)[batch]
    forge(renewed, batch, key.sign(signed_bytes(registration_pb2.OutboundBatch, payload))[:64])
    (problem,) = problems(renewed)
    assert "table bank_batches" in problem


def signed_payloads(system: System) -> list[bytes]:
    """What alpha signed, in order; each of its batches holds one payment, which is a note."""
    with system.engine.connect() as connection:
        rows = connection.execute(select(bank_batches).order_by(bank_batches.c.position)).all()
    found = []
    for row in rows:
        (entry,) = system.central.books.journal.read(row.position - 1, limit_rows=1)
        note = entry.note(row.position - entry.first_position)
        kept = KeptPayload(bytes(row.head), bytes(row.others))
        found.append(put_together(kept, FIELD, [note]))
    return found


def forge(system: System, batch: int, signature: bytes) -> None:
    """Puts another signature beside a batch."""
    with system.engine.begin() as connection:
        positions = connection.execute(
            select(bank_batches.c.position).order_by(bank_batches.c.position)
        ).scalars()
        position = list(positions)[batch]
        connection.execute(
            update(bank_batches)
            .where(bank_batches.c.position == position)
            .values(signature=signature)
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"revoked": 0, "until_time_ms": NOW_MS + 90 * DAY_MS},
        {"revoked": 0},
        {"business_key": b"\x7a" * 32},
        {"from_time_ms": 1},
        {"bank": 1},
    ],
)
def test_a_row_of_keys_that_no_act_says_is_named(renewed: System, changes: dict) -> None:
    with renewed.engine.begin() as connection:
        same = bank_keys.c.business_key == bytes(NEW.verify_key)
        connection.execute(update(bank_keys).where(same).values(changes))
    assert any("table bank_keys" in problem for problem in problems(renewed))


@pytest.mark.parametrize("key", [OLD, NEW, THIRD])
def test_a_key_that_was_given_and_whose_row_is_gone_is_named(
    renewed: System, key: SigningKey
) -> None:
    gone = bank_keys.c.business_key == bytes(key.verify_key)
    with renewed.engine.begin() as connection:
        connection.execute(delete(bank_keys).where(gone))
    where = f"table bank_keys, row business_key={bytes(key.verify_key).hex()} of bank alpha"
    assert any(f"{where} is missing" in problem for problem in problems(renewed))


def test_a_certificate_that_was_given_and_whose_row_is_gone_is_named(system: System) -> None:
    renew(system, certificate="c" * 64)
    with system.engine.begin() as connection:
        connection.execute(delete(bank_certificates))
    found = problems(system)
    for fingerprint in (system.alpha.certificate_fingerprint, "c" * 64):
        where = f"table bank_certificates, row fingerprint={fingerprint} of bank alpha"
        assert any(f"{where} is missing" in problem for problem in found)


def test_a_key_of_the_central_bank_whose_row_is_gone_is_named(system: System) -> None:
    system.both(renewal())
    with system.engine.begin() as connection:
        fresh = central_keys.c.business_key == bytes(FRESH_CENTRAL_KEY.verify_key)
        connection.execute(delete(central_keys).where(fresh))
    value = bytes(FRESH_CENTRAL_KEY.verify_key).hex()
    assert any(f"central_keys, row business_key={value} is missing" in p for p in problems(system))


@pytest.mark.parametrize(
    ("moved", "by_ms"),
    [
        ("decided_time_ms", 2 * DAY_MS),
        ("decided_time_ms", -2 * DAY_MS),
        ("proposed_time_ms", -2 * DAY_MS),
    ],
)
def test_an_act_that_is_said_to_be_of_another_time_than_was_signed_for_is_named(
    renewed: System, moved: str, by_ms: int
) -> None:
    """A revocation that comes later leaves the stolen key more time, also for what is forged."""
    acts = table("officer_acts", *map(column, ("id", "kind", moved)))
    with renewed.engine.begin() as connection:
        newest = select(acts.c.id).where(acts.c.kind == "renew_bank").order_by(acts.c.id.desc())
        act = connection.execute(newest).scalars().first()
        later = {moved: acts.c[moved] + by_ms}
        connection.execute(update(acts).where(acts.c.id == act).values(later))
        if moved == "decided_time_ms":
            for key, at in ((NEW, bank_keys.c.until_time_ms), (THIRD, bank_keys.c.from_time_ms)):
                same = bank_keys.c.business_key == bytes(key.verify_key)
                connection.execute(update(bank_keys).where(same).values({at: at + by_ms}))
    assert any(f"table officer_acts, row id={act}" in problem for problem in problems(renewed))


def test_a_renewal_of_one_officer_alone_gives_no_key(renewed: System) -> None:
    acts = table("officer_acts", column("kind"), column("decider"), column("proposer"))
    with renewed.engine.begin() as connection:
        same = acts.c.kind == "renew_bank"
        connection.execute(update(acts).where(same).values(decider=acts.c.proposer))
    found = problems(renewed)
    assert any("one officer" in problem or "checker" in problem for problem in found)
    assert any("table bank_keys" in problem for problem in found)


def test_the_central_banks_own_key_changes_and_the_audit_holds(system: System) -> None:
    system.both(renewal(until_ms=NOW_MS + DAY_MS))
    system.clock.advance(1)
    system.central.central_keys.signer.named = FRESH_CENTRAL_KEY
    system.both(office_pb2.RenewCentralKey())
    assert problems(system) == []
    for number in (0x51, 0x52):  # one after the other, and none of them is used
        system.both(renewal(SigningKey(bytes([number]) * 32)))
    assert problems(system) == []


@pytest.mark.parametrize(
    ("changes", "of_the_first"),
    [
        ({"revoked": 0}, True),
        ({"until_time_ms": 0}, True),
        ({"business_key": b"\x7a" * 32}, False),
    ],
)
def test_a_row_of_the_central_banks_keys_that_no_act_says_is_named(
    system: System, changes: dict, of_the_first: bool
) -> None:
    system.both(renewal())
    with system.engine.begin() as connection:
        same = (central_keys.c.act == 0) == of_the_first
        connection.execute(update(central_keys).where(same).values(changes))
    assert any("table central_keys" in problem for problem in problems(system))


def test_an_announcement_that_no_officers_made_is_named(system: System) -> None:
    system.both(renewal())
    with system.engine.begin() as connection:
        connection.execute(update(announcements).values(act=9_999))
    assert any("table announcements" in problem for problem in problems(system))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.ended.pop(), "keys that end"),
        (lambda told: setattr(told.ended[0], "until_time_ms", NOW_MS + 9 * DAY_MS), "keys that"),
        (lambda told: setattr(told.ended[0], "revoked", False), "keys that end"),
        (lambda told: told.ended.add(key=b"\x7a" * 32, until_time_ms=NOW_MS), "keys that end"),
        (lambda told: setattr(told, "from_time_ms", NOW_MS + DAY_MS), "time"),
        (lambda told: setattr(told, "number", 9_999), "number"),
        (lambda told: setattr(told, "successor", b"\x7a" * 32), "successor"),
    ],
)
def test_an_announcement_that_says_anything_else_than_the_act_is_named(
    system: System, change: Callable[[Any], object], said: str
) -> None:
    """Who has the key, and the database, tells banks that a revoked key is good for longer."""
    system.both(renewal())
    with system.engine.begin() as connection:
        row = connection.execute(select(announcements)).one()
        envelope = SignedEnvelope.FromString(bytes(row.envelope))
        told = authentication_pb2.Announcement.FromString(envelope.payload)
        change(told)
        forged = sign(told, CENTRAL_KEY, envelope.key_id).SerializeToString()
        connection.execute(update(announcements).values(envelope=forged))
    (problem,) = problems(system)
    assert "table announcements" in problem
    assert said in problem


def test_an_announcement_that_was_taken_out_is_named(system: System) -> None:
    system.both(renewal())
    with system.engine.begin() as connection:
        connection.execute(delete(announcements))
    assert any("announcements" in p and "is missing" in p for p in problems(system))


def test_two_renewals_with_a_clock_that_was_set_back_between_them_are_in_order(
    system: System,
) -> None:
    system.clock.advance(200_000)
    renew(system, key=NEW, until_ms=NOW_MS + DAY_MS)
    system.both(renewal(until_ms=NOW_MS + DAY_MS))
    system.clock.set_back(100_000)
    renew(system, key=THIRD)
    system.both(renewal(SigningKey(b"\x53" * 32)))
    assert problems(system) == []


def test_a_founding_record_by_another_key_than_the_first_is_named(system: System) -> None:
    with system.engine.begin() as connection:
        connection.execute(update(central_keys).values(business_key=b"\x7a" * 32))
    assert any("founding" in problem for problem in problems(system))


@pytest.mark.parametrize("changes", [{"fingerprint": "d" * 64}, {"revoked": 0}, {"bank": 1}])
def test_a_row_of_certificates_that_no_act_says_is_named(system: System, changes: dict) -> None:
    renew(system, certificate="c" * 64)
    assert problems(system) == []
    with system.engine.begin() as connection:
        same = bank_certificates.c.fingerprint == system.alpha.certificate_fingerprint
        connection.execute(update(bank_certificates).where(same).values(changes))
    assert any("table bank_certificates" in problem for problem in problems(system))


def test_a_revoked_certificate_of_the_central_bank_stands_as_two_officers_said(
    system: System,
) -> None:
    system.both(revocation())
    assert problems(system) == []
    with system.engine.begin() as connection:
        row = connection.execute(select(announcements)).one()
        envelope = SignedEnvelope.FromString(bytes(row.envelope))
        told = authentication_pb2.Announcement.FromString(envelope.payload)
        told.revoked_certificates[:] = ["6b" * 32]
        forged = sign(told, CENTRAL_KEY, envelope.key_id).SerializeToString()
        connection.execute(update(announcements).values(envelope=forged))
    (problem,) = problems(system)
    assert "revoked certificate" in problem


def test_an_act_that_gave_a_key_which_nobody_showed_is_named(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.acts.check_possession", lambda *_: None)
    system.both(new_key(proof=bytes(64)))
    (problem,) = problems(system)
    assert "has not signed for itself as a key of alpha" in problem
