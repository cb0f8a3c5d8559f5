"""Officers: founded once by a signed record, then registered and removed by two others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from currency.number import make
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from officers.build import Founding, open_officers
from officers.people import NoOfficers
from tests.broken import break_after_the_commit
from tests.officers.office import BUSINESS_KEY, CHEN, CLERK, NOW_MS, WANG, ZHOU, Office
from tests.officers.people import Person, founding
from tests.refusals import refused_for

SUN = Person("alpha", "sun")
REGISTER = office_pb2.RIGHT_OFFICERS


def founded(office: Office, record: Founding) -> None:
    open_officers(office.database, office.tables, "alpha", record, office.clock)


@pytest.fixture
def empty(tmp_path: Path) -> Office:
    office = Office(tmp_path, WANG, ZHOU)
    for table in (office.tables.officers, office.tables.credentials, office.tables.founding):
        office.database.transaction(lambda c, t=table: c.execute(t.delete()))
    return office


def test_an_institution_without_officers_does_not_start(empty: Office) -> None:
    none = Founding(None, bytes(BUSINESS_KEY.verify_key))
    with pytest.raises(NoOfficers, match="officers_file"):
        founded(empty, none)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (founding(SigningKey(b"\x0f" * 32), WANG, ZHOU).record, "signature"),
        (founding(BUSINESS_KEY, Person("beta", "wang"), Person("beta", "zhou")).record, "alpha"),
        (founding(BUSINESS_KEY, WANG).record, "at least 2"),
        (founding(BUSINESS_KEY, WANG, CLERK).record, "at least 2"),
        (founding(BUSINESS_KEY, WANG, WANG).record, "two officers"),
        (founding(BUSINESS_KEY, WANG, replace(ZHOU, name="Zhou")).record, r"officers\[1\]\.name"),
        (SignedEnvelope(), "payload is missing"),
    ],
)
def test_a_founding_record_is_signed_and_names_two_at_least(
    empty: Office, record: SignedEnvelope, why: str
) -> None:
    with pytest.raises(NoOfficers, match=why):
        founded(empty, Founding(record, bytes(BUSINESS_KEY.verify_key)))


def test_a_founding_record_is_read_once(office: Office) -> None:
    office.both(office_pb2.RemoveOfficer(name="chen"))
    founded(office, founding(BUSINESS_KEY, WANG, ZHOU, CHEN, SUN))
    office.restart()
    assert refused_for(lambda: office.propose(CHEN)) == "OFFICER_UNKNOWN"
    assert refused_for(lambda: office.propose(SUN)) == "OFFICER_UNKNOWN"


def test_two_officers_register_a_third(office: Office) -> None:
    act = office.propose(WANG, SUN.registration())
    assert refused_for(lambda: office.approve(SUN, act)) == "OFFICER_UNKNOWN"
    office.approve(ZHOU, act)
    for _ in range(2):
        assert office.approve(SUN, office.propose(WANG)).decider == "sun"
        office.restart()


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (replace(SUN, name="Sun"), "FIELD_INVALID"),
        (replace(SUN, name="sün"), "FIELD_INVALID"),
        (replace(SUN, name="alpha/sun"), "FIELD_INVALID"),
        (replace(SUN, name="s" * 33), "FIELD_INVALID"),
        (replace(SUN, name=""), "FIELD_MISSING"),
        (replace(SUN, rights=()), "FIELD_MISSING"),
        (replace(SUN, rights=(99,)), "FIELD_INVALID"),  # type: ignore[arg-type]
        (replace(SUN, rights=(office_pb2.RIGHT_OFFICERS,) * 2), "FIELD_INVALID"),
        (WANG, "ALREADY_EXISTS"),
    ],
)
def test_who_cannot_be_registered(office: Office, wanted: Person, reason: str) -> None:
    assert refused_for(lambda: office.propose(WANG, wanted.registration())) == reason


def test_a_name_a_certificate_or_a_key_is_never_given_to_another(office: Office) -> None:
    office.both(office_pb2.RemoveOfficer(name="chen"))
    again = office_pb2.RegisterOfficer(rights=[REGISTER], name="chen")
    again.certificate_fingerprint, again.signing_key = SUN.fingerprint, SUN.key
    cert, key = SUN.registration(), SUN.registration()
    cert.certificate_fingerprint, key.signing_key = CHEN.fingerprint, CHEN.key
    for wanted in (again, cert, key):
        assert refused_for(lambda w=wanted: office.propose(WANG, w)) == "ALREADY_EXISTS"
    renewed = office_pb2.RenewOfficer(
        name="wang", certificate_fingerprint=SUN.fingerprint, signing_key=ZHOU.key
    )
    assert refused_for(lambda: office.propose(WANG, renewed)) == "ALREADY_EXISTS"


def test_a_name_that_was_asked_for_twice_is_given_once(office: Office) -> None:
    first = office.propose(WANG, SUN.registration())
    second = office.propose(ZHOU, replace(SUN, seed="other").registration())
    office.approve(ZHOU, first)
    assert refused_for(lambda: office.approve(WANG, second)) == "ALREADY_EXISTS"


def renewal(person: Person, until_ms: int = 0) -> office_pb2.RenewOfficer:
    return office_pb2.RenewOfficer(
        name=person.name,
        certificate_fingerprint=person.fingerprint,
        signing_key=person.key,
        old_until_time_ms=until_ms,
    )


def test_a_certificate_and_a_key_are_renewed_with_an_overlap(office: Office) -> None:
    renewed = replace(WANG, seed="renewed")
    office.both(renewal(renewed, NOW_MS + 10_000))
    for who in (WANG, renewed):
        office.propose(who)
    office.clock.advance(10_000)
    assert refused_for(lambda: office.propose(WANG)) == "OFFICER_UNKNOWN"
    office.propose(renewed)


def test_a_certificate_or_a_key_is_renewed_alone(office: Office) -> None:
    new = replace(WANG, seed="renewed")
    certificate = office_pb2.RenewOfficer(name="wang", certificate_fingerprint=new.fingerprint)
    office.both(certificate, ZHOU, CHEN)
    act = WANG.propose(office_pb2.FreezeWallet(wallet_number=make("6201", 1)), NOW_MS)
    assert office.acts.propose(new.identity, act).proposer == "wang"
    assert refused_for(lambda: office.propose(WANG)) == "OFFICER_UNKNOWN", "the old certificate"
    office.both(office_pb2.RenewOfficer(name="wang", signing_key=new.key), ZHOU, CHEN)
    for _ in range(2):
        office.propose(new)
        assert refused_for(lambda: office.acts.propose(new.identity, act)) == "SIGNATURE_INVALID"
        office.restart()


def test_a_renewal_of_nothing_is_refused(office: Office) -> None:
    nothing = office_pb2.RenewOfficer(name="wang")
    assert refused_for(lambda: office.propose(ZHOU, nothing)) == "FIELD_MISSING"
    same = office_pb2.RenewOfficer(name="wang", signing_key=WANG.key)
    assert refused_for(lambda: office.propose(ZHOU, same)) == "ALREADY_EXISTS"


def test_a_lost_key_ends_at_once(office: Office) -> None:
    renewed = replace(WANG, seed="renewed")
    open_act = office.propose(WANG)
    office.both(renewal(renewed), ZHOU, CHEN)
    assert refused_for(lambda: office.propose(WANG)) == "OFFICER_UNKNOWN"
    # The new certificate with the old key signs nothing.
    mixed = WANG.propose(office_pb2.FreezeWallet(wallet_number="1"), NOW_MS)
    assert refused_for(lambda: office.acts.propose(renewed.identity, mixed)) == "SIGNATURE_INVALID"
    assert office.acts.get(open_act.content.act_id).state == office_pb2.ACT_STATE_WITHDRAWN
    assert refused_for(lambda: office.approve(ZHOU, open_act)) == "ALREADY_DECIDED"


def test_what_was_lost_stays_lost_however_the_clock_is_set(office: Office) -> None:
    renewed = replace(WANG, seed="renewed")
    office.both(renewal(renewed), ZHOU, CHEN)
    office.clock.set_back(60_000)
    for _ in range(2):
        assert refused_for(lambda: office.propose(WANG)) == "OFFICER_UNKNOWN"
        office.restart()
    office.clock.advance(60_000)
    office.propose(renewed)


def test_an_officer_whose_removal_was_written_while_the_connection_broke_is_removed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = office.propose(WANG, office_pb2.RemoveOfficer(name="chen"))
    break_after_the_commit(monkeypatch)
    with pytest.raises(ConnectionError):
        office.approve(ZHOU, act)
    monkeypatch.undo()
    assert refused_for(lambda: office.propose(CHEN)) == "OFFICER_UNKNOWN"


def test_nobody_approves_what_is_about_himself(office: Office) -> None:
    more = office_pb2.ChangeRights(name="clerk", rights=[REGISTER])
    assert refused_for(lambda: office.propose(CLERK, more)) == "RIGHT_MISSING"
    for act in (
        office.propose(WANG, renewal(replace(ZHOU, seed="x"))),
        office.propose(WANG, office_pb2.RemoveOfficer(name="zhou")),
        office.propose(WANG, office_pb2.ChangeRights(name="zhou", rights=[REGISTER])),
    ):
        assert refused_for(lambda a=act: office.approve(ZHOU, a)) == "SAME_OFFICER"
    own = office_pb2.ChangeRights(name="wang", rights=[REGISTER])
    assert refused_for(lambda: office.propose(WANG, own)) == "SAME_OFFICER"


@pytest.mark.parametrize(("proposer", "approver"), [(WANG, CHEN), (ZHOU, WANG)])
def test_whoever_stole_a_key_does_not_turn_down_what_ends_it(
    office: Office, proposer: Person, approver: Person
) -> None:
    """Be it proposed by another one, or by the officer, who has a new key to show."""
    act = office.propose(proposer, renewal(replace(ZHOU, seed="x")))
    assert refused_for(lambda: office.reject(ZHOU, act)) == "SAME_OFFICER"
    assert office.approve(approver, act).state == office_pb2.ACT_STATE_APPROVED


def test_nobody_turns_down_a_change_of_the_own_rights(office: Office) -> None:
    less = office_pb2.ChangeRights(name="zhou", rights=[office_pb2.RIGHT_WALLETS])
    act = office.propose(WANG, less)
    assert refused_for(lambda: office.reject(ZHOU, act)) == "SAME_OFFICER"
    office.approve(CHEN, act)
    assert office.officers.get("zhou").rights == {office_pb2.RIGHT_WALLETS}


def test_an_officer_does_not_turn_down_the_own_removal(office: Office) -> None:
    act = office.propose(WANG, office_pb2.RemoveOfficer(name="zhou"))
    assert refused_for(lambda: office.reject(ZHOU, act)) == "SAME_OFFICER"
    office.approve(CHEN, act)
    assert refused_for(lambda: office.propose(ZHOU)) == "OFFICER_UNKNOWN"


def test_rights_are_what_two_others_say(office: Office) -> None:
    more = office_pb2.ChangeRights(name="clerk", rights=[office_pb2.RIGHT_WALLETS])
    office.both(more)
    for _ in range(2):
        assert office.approve(CLERK, office.propose(WANG)).decider == "clerk"
        office.restart()


def test_two_who_may_register_others_always_stay(office: Office) -> None:
    office.both(office_pb2.RemoveOfficer(name="chen"))
    gone = office_pb2.RemoveOfficer(name="zhou")
    less = office_pb2.ChangeRights(name="zhou", rights=[office_pb2.RIGHT_WALLETS])
    for kind in (gone, less):
        assert refused_for(lambda k=kind: office.propose(WANG, k)) == "OFFICERS_TOO_FEW"


def test_two_removals_at_once_leave_two(office: Office) -> None:
    first = office.propose(WANG, office_pb2.RemoveOfficer(name="chen"))
    second = office.propose(CHEN, office_pb2.RemoveOfficer(name="wang"))
    office.approve(ZHOU, first)
    assert refused_for(lambda: office.approve(ZHOU, second)) == "ALREADY_DECIDED", (
        "it was withdrawn"
    )
    assert [o.name for o in office.officers.all() if not o.removed] == ["clerk", "wang", "zhou"]
