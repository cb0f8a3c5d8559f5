"""The central bank's business key: a successor is announced by two officers, then used."""

from __future__ import annotations

from pathlib import Path

import pytest
from nacl.signing import SigningKey

from central_bank.authentication.central_keys import CentralKeys
from central_bank.limits import MAX_CENTRAL_KEYS, MAX_OVERLAP_MS
from dcep.authentication.v1 import authentication_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.bounds import of
from runtime.database import Database
from runtime.envelope import key_id, possession, sign_payload, verify
from runtime.errors import Refusal
from runtime.renewing_key import RenewingKey
from runtime.settings import SettingsError
from tests.broken import break_after_the_commit
from tests.central_bank.key_renewals import NEW, STOLEN, renewal, revocation
from tests.central_bank.system import LIN, NOW_MS, System
from tests.feeds import CENTRAL_KEY
from tests.refusals import refused, refused_for

DAY_MS = 86_400_000


def signer_of_the_feed(system: System) -> bytes:
    """The key_id of the next word of alpha's feed."""
    system.pay_in("alpha", 1)
    system.both(office_pb2.Issue(bank="alpha", amount_fen=1))
    feed = system.central.feed
    message, _ = feed.after(system.alpha, feed.start(system.alpha, registration_pb2.FeedPlace()))
    assert message is not None
    return bytes(message.tip.key_id)


def name(key: SigningKey) -> bytes:
    return key_id(bytes(key.verify_key))


def test_the_key_in_use_announces_its_successor_and_when_it_ends_itself(system: System) -> None:
    act = system.both(renewal(until_ms=NOW_MS + DAY_MS))
    (envelope,) = system.central.central_keys.announcements()
    payload = verify(authentication_pb2.Announcement, envelope, bytes(CENTRAL_KEY.verify_key))
    told = authentication_pb2.Announcement.FromString(payload)
    (ended,) = told.ended
    assert (told.number, told.successor) == (act.number, bytes(NEW.verify_key))
    assert (ended.key, ended.until_time_ms) == (bytes(CENTRAL_KEY.verify_key), NOW_MS + DAY_MS)
    assert not ended.revoked


def test_it_signs_with_the_successor_once_that_is_in_its_settings(
    system: System, tmp_path: Path
) -> None:
    file = tmp_path / "business.key"

    def put(key: SigningKey) -> None:
        fresh = tmp_path / "fresh"
        fresh.write_bytes(bytes(key))
        fresh.chmod(0o600)
        fresh.replace(file)

    put(CENTRAL_KEY)
    signer = RenewingKey(str(file), in_files=True)
    system.central.central_keys.signer.named = signer
    assert signer_of_the_feed(system) == name(CENTRAL_KEY)
    # Put there too early: no bank has been told of it.
    put(NEW)
    assert signer_of_the_feed(system) == name(CENTRAL_KEY)
    system.both(renewal(until_ms=NOW_MS + DAY_MS))
    assert signer_of_the_feed(system) == name(NEW)


def test_it_does_not_begin_with_a_key_that_was_never_announced(system: System) -> None:
    database = Database(system.engine)
    with pytest.raises(SettingsError, match="never announced"):
        CentralKeys(database, NEW, system.clock)
    system.both(renewal())
    assert CentralKeys(database, NEW, system.clock).signing() == NEW


def test_what_cannot_be_is_refused_when_it_is_proposed(system: System) -> None:
    forged = renewal()
    forged.proof = possession(CENTRAL_KEY, "central-bank")
    for kind, reason in (
        (office_pb2.RenewCentralKey(), "FIELD_MISSING"),
        (office_pb2.RenewCentralKey(business_key=bytes(NEW.verify_key)), "FIELD_MISSING"),
        (office_pb2.RenewCentralKey(business_key=bytes(32), proof=bytes(64)), "FIELD_INVALID"),
        (forged, "SIGNATURE_INVALID"),
        (renewal(CENTRAL_KEY), "ALREADY_EXISTS"),
        (renewal(until_ms=NOW_MS + MAX_OVERLAP_MS + 1), "VALIDITY_TOO_LONG"),
    ):
        assert refused_for(system.propose, kind) == reason
    assert system.central.central_keys.announcements() == []


def test_one_officer_announces_nothing(system: System) -> None:
    act = system.propose(renewal())
    with pytest.raises(Refusal):
        system.approve(act, who=LIN)
    assert system.central.central_keys.announcements() == []


def test_a_successor_that_was_lost_before_its_use_has_a_successor_itself(system: System) -> None:
    """Banks do not believe it of a key that has ended; their operators list it."""
    system.both(renewal())
    third = SigningKey(b"\x2a" * 32)
    system.both(renewal(third))
    system.central.central_keys.signer.named = third
    assert signer_of_the_feed(system) == name(third)
    first, lost, newest = system.central.central_keys.all()
    assert (first.revoked, lost.revoked, newest.revoked) == (True, True, False)


def test_each_successor_announces_the_next(system: System) -> None:
    system.both(renewal())
    system.central.central_keys.signer.named = NEW
    system.both(renewal(SigningKey(b"\x2a" * 32), until_ms=NOW_MS + DAY_MS))
    assert [envelope.key_id for envelope in system.central.central_keys.announcements()] == [
        name(CENTRAL_KEY),
        name(NEW),
    ]


def test_what_was_replaced_can_be_revoked_before_its_time(system: System) -> None:
    system.both(renewal(until_ms=NOW_MS + DAY_MS))
    system.central.central_keys.signer.named = NEW
    system.both(office_pb2.RenewCentralKey())
    old, new = system.central.central_keys.all()
    assert (old.revoked, old.until_time_ms, new.revoked) == (True, NOW_MS, False)
    assert system.central.central_keys.announcements()[1].key_id == name(NEW)


def test_a_signature_for_possession_is_for_nothing_else(system: System) -> None:
    envelope = sign_payload(registration_pb2.FeedTip, bytes(NEW.verify_key), NEW, b"x")
    kind = renewal()
    kind.proof = envelope.signature
    assert refused_for(system.propose, kind) == "SIGNATURE_INVALID"


def test_an_end_that_was_written_while_the_connection_broke_is_one(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = system.propose(renewal())
    break_after_the_commit(monkeypatch)
    with pytest.raises(ConnectionError):
        system.approve(act)
    monkeypatch.undo()
    assert [key.revoked for key in system.central.central_keys.all()] == [True, False]


def test_as_many_keys_are_announced_as_banks_can_be_told(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = authentication_pb2.ListCentralKeysResponse.DESCRIPTOR
    most = of(response.fields_by_name["keys"]).max_items
    assert most == MAX_CENTRAL_KEYS
    monkeypatch.setattr("central_bank.authentication.central_keys.MAX_CENTRAL_KEYS", 3)
    keys = system.central.central_keys
    for number in range(2):
        successor = SigningKey(bytes([0x60 + number]) * 32)
        system.both(renewal(successor, until_ms=NOW_MS + DAY_MS))
        keys.signer.named = successor
        keys.signing()
    assert len(keys.all()) == 3
    assert refused_for(system.propose, renewal()) == "OVERLOADED"
    # What was replaced can be ended still.
    system.both(office_pb2.RenewCentralKey())
    assert [key.revoked for key in keys.all()] == [True, True, False]


def test_a_tls_certificate_is_revoked_in_a_statement_that_the_key_in_use_signs(
    system: System,
) -> None:
    act = system.both(revocation())
    (envelope,) = system.central.central_keys.announcements()
    payload = verify(authentication_pb2.Announcement, envelope, bytes(CENTRAL_KEY.verify_key))
    told = authentication_pb2.Announcement.FromString(payload)
    assert (told.number, list(told.revoked_certificates)) == (act.number, [STOLEN])
    assert (told.successor, list(told.ended)) == (b"", [])
    assert system.restart().central_keys.number == act.number
    assert refused(system.propose, revocation()) == ("ALREADY_EXISTS", "certificate_fingerprint")


def test_one_officer_revokes_no_certificate_of_the_central_bank(system: System) -> None:
    act = system.propose(revocation())
    assert refused_for(system.approve, act, who=LIN) == "SAME_OFFICER"
    assert system.central.central_keys.revoked_certificates() == set()


def test_the_certificate_that_is_in_use_is_replaced_before_it_is_revoked(system: System) -> None:
    keys = system.central.central_keys
    system.shown = STOLEN
    assert refused(system.propose, revocation()) == ("FIELD_INVALID", "certificate_fingerprint")
    system.shown = "11" * 32
    act = system.propose(revocation())
    # And not if it came back before the approval.
    system.shown = STOLEN
    with pytest.raises(Refusal):
        system.approve(act)
    assert keys.announcements() == []


def test_revocations_of_certificates_are_bounded_together_with_changes_of_keys(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.authentication.central_keys.MAX_ANNOUNCEMENTS", 2)
    system.both(renewal(until_ms=NOW_MS + DAY_MS))
    system.both(revocation())
    assert refused_for(system.propose, revocation("6b" * 32)) == "OVERLOADED"


def test_the_next_word_of_each_feed_says_that_there_is_a_statement(system: System) -> None:
    feed, place = system.central.feed, registration_pb2.FeedPlace()
    assert feed.after(system.alpha, feed.start(system.alpha, place))[0] is None
    act = system.both(revocation())
    message, _ = feed.after(system.alpha, feed.start(system.alpha, place), with_tip=True)
    assert message is not None
    tip = registration_pb2.FeedTip.FromString(message.tip.payload)
    assert (list(message.entries), tip.place.number, tip.announced_number) == ([], 0, act.number)
