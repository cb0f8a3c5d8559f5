"""A central bank over an older copy of its database knows it by what it has signed itself."""

from __future__ import annotations

import time

import pytest
from nacl.signing import SigningKey

import central_bank.ledger.standing as standing_
from central_bank.authentication.authorization import central_authorizer
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.envelope import key_id, sign
from runtime.errors import Refusal
from runtime.signing_keys import Signer
from tests.central_bank.admitting import KEYS, identity
from tests.central_bank.put_back_bank import Alpha
from tests.central_bank.system import LIN, System
from tests.feeds import CENTRAL_KEY, NO_ACTS
from tests.refusals import refused_for

R = registration_pb2
REGISTRATION = "/dcep.registration.v1.RegistrationService/"
BEYOND, OTHER = bytes([9]) * 32, bytes([8]) * 32


@pytest.fixture
def alpha(system: System) -> Alpha:
    return Alpha(system)


def tip(
    alpha: Alpha, number: int = 6, digest: bytes = BEYOND, bank: str = "alpha", ledger: bytes = b""
) -> R.FeedTip:
    """A place in a feed; by default one further than this journal's."""
    place = R.FeedPlace(ledger=ledger or alpha.places[1].ledger, number=number, hash=digest)
    return R.FeedTip(bank=bank, place=place, signed_time_ms=1, acts=NO_ACTS)


def signed(said: R.FeedTip, key: Signer = CENTRAL_KEY) -> SignedEnvelope:
    return sign(said, key, key_id(bytes(key.verify_key)))


def asks(alpha: Alpha, envelope: SignedEnvelope | None) -> bool:
    """The bank asks from a place that this journal does not lead to; whether that proved it."""
    after = R.FeedPlace(ledger=alpha.places[1].ledger, number=6, hash=BEYOND)
    start = alpha.system.central.feed.start
    assert refused_for(lambda: start(alpha.bank, after, tip=envelope)) == "FEED_TIP_UNKNOWN"
    return alpha.system.central.standing.is_behind


def test_its_own_signature_for_what_its_journal_does_not_have_proves_it(alpha: Alpha) -> None:
    system = alpha.system
    assert asks(alpha, signed(tip(alpha)))
    central = system.central
    authorize = central_authorizer(central.registry, central.officers, central.standing)
    for method in ("SubmitPayments", "RegisterTokens", "DepositTokens", "AcknowledgeFeed"):
        told = refused_for(
            lambda method=method: authorize(identity(system.beta), REGISTRATION + method)
        )  # type: ignore[misc]
        assert told == "NOT_SERVING"
    authorize(identity(system.beta), REGISTRATION + "FollowFeed")  # each is told by it
    authorize(LIN.identity, "/dcep.office.v1.ActService/ListActs")
    before = system.books()
    money = office_pb2.Issue(bank="alpha", amount_fen=5)
    assert refused_for(lambda: system.propose(money)) == "NOT_SERVING"
    assert system.books() == before
    assert not central.standing.when_current(lambda: True)()
    system.restart()
    assert not system.central.standing.is_behind, "the newest copy may be there now"


def test_a_fork_at_a_place_that_the_journal_has_proves_it_too(alpha: Alpha) -> None:
    assert asks(alpha, signed(tip(alpha, number=3, digest=OTHER)))


def test_a_bank_cannot_stop_the_central_bank_by_its_own_word(alpha: Alpha) -> None:
    for said in (
        None,
        SignedEnvelope(),
        SignedEnvelope(payload=b"\xff" * 50, signature=bytes(64), key_id=b"x"),
        signed(tip(alpha), KEYS["alpha"]),
        signed(tip(alpha), SigningKey.generate()),
        signed(tip(alpha, bank="beta")),  # of another one's feed
        signed(tip(alpha, ledger=OTHER[:16])),  # of another ledger
        signed(tip(alpha, number=3, digest=alpha.places[3].hash)),  # this journal leads there
        sign(  # another kind of statement
            R.FeedReceipt(bank="alpha", place=tip(alpha).place, acts=NO_ACTS),
            CENTRAL_KEY,
            key_id(bytes(CENTRAL_KEY.verify_key)),
        ),
    ):
        assert not asks(alpha, said)


def test_a_key_that_was_revoked_proves_nothing(
    alpha: Alpha, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = alpha.system.central.central_keys
    revoked = [known._replace(revoked=True) for known in keys.all()]
    monkeypatch.setattr(keys, "all", lambda: revoked)
    assert not asks(alpha, signed(tip(alpha)))


def test_a_bank_that_heard_an_older_copy_is_put_back_and_stops_the_newest_no_more(
    alpha: Alpha,
) -> None:
    """The older copy ran for a while, and what this bank has from it is nowhere else."""
    system, fork = alpha.system, tip(alpha, number=6)
    fork.signed_time_ms = system.clock.now_ms()
    assert asks(alpha, signed(fork))
    system.restart()
    system.clock.advance(1)
    act = system.both(alpha.act(5))
    after = R.FeedPlace(ledger=alpha.places[1].ledger, number=6, hash=BEYOND)
    for incarnation, reason in ((0, "FEED_STEPPED_BACK"), (act.number, "FEED_TIP_UNKNOWN")):
        told = refused_for(
            system.central.feed.start,
            alpha.bank,
            after,
            incarnation=incarnation,
            tip=signed(fork),
        )
        assert (told, system.central.standing.is_behind) == (reason, False)
    fork.signed_time_ms = system.clock.now_ms() + 1
    with pytest.raises(Refusal):
        system.central.feed.start(alpha.bank, after, incarnation=act.number, tip=signed(fork))
    assert system.central.standing.is_behind, "what was signed since then is from a newer copy"


def test_nothing_is_settled_until_each_active_bank_has_said_where_it_stands(
    alpha: Alpha, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_, "FIRST_WORD_S", 30.0)
    system = alpha.system
    system.both(office_pb2.SuspendBank(name="beta"))
    system.central.standing.ask()
    assert refused_for(system.central.standing.check_heard) == "NOT_SERVING"
    assert alpha.start(5, 0) == "5"
    system.central.standing.check_heard()


def test_whoever_says_nothing_is_not_waited_for_without_end(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_, "FIRST_WORD_S", 0.2)
    standing = system.central.standing
    standing.ask()
    assert refused_for(standing.check_heard) == "NOT_SERVING"
    time.sleep(0.2)
    standing.check_heard()


def test_who_is_not_heard_yet_holds_no_thread(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else calls that wait would take the threads on which the proof comes."""
    monkeypatch.setattr(standing_, "FIRST_WORD_S", 30.0)
    system.central.standing.ask()
    began_s = time.monotonic()
    for _ in range(40):
        assert refused_for(system.central.standing.check_heard) == "NOT_SERVING"
    assert time.monotonic() - began_s < 10
