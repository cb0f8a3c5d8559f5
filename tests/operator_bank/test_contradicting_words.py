"""Statements of the central bank that contradict each other are a fork, and kept as evidence."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.peers.contradictions import KEYS
from operator_bank.peers.tables import contradictions
from tests.feeds import CENTRAL_KEY
from tests.operator_bank.system import System
from tests.operator_bank.trusting import FIRST, SECOND, THIEF, THIRD, Trust, announced, end


@pytest.fixture
def trust(system: System) -> Trust:
    return Trust(system, FIRST)


def kept_words(trust: Trust) -> list[tuple[str, SignedEnvelope, bytes]]:
    with trust.system.engine.connect() as connection:
        rows = connection.execute(select(contradictions).order_by(contradictions.c.time_ms)).all()
    return [
        (row.cause, SignedEnvelope.FromString(bytes(row.kept)), bytes(row.shown)) for row in rows
    ]


def contradiction(trust: Trust) -> str:
    said = trust.system.bank.contradictions.now().get(KEYS)
    return said.cause if said is not None else ""


def test_another_statement_under_a_number_that_was_heard_is_a_fork_and_not_taken(
    trust: Trust,
) -> None:
    """As of a central bank that goes on from an older copy, in which its officers act anew."""
    first = announced(FIRST, 4, SECOND)
    other = announced(FIRST, 4, THIRD)
    trust.hear(first)
    trust.hear(other, announced(FIRST, 5, THIEF))
    assert "something else in statement 4" in contradiction(trust)
    assert trust.takes(SECOND, THIRD, THIEF) == [True, False, False]
    ((_, kept, shown),) = kept_words(trust)
    assert (kept, SignedEnvelope.FromString(shown)) == (first, other)
    trust.restart().step()
    assert trust.takes(SECOND, THIRD, THIEF) == [True, False, False]
    assert len(kept_words(trust)) == 1
    trust.hear(first, announced(FIRST, 5, THIRD))
    assert contradiction(trust) == ""
    assert trust.takes(SECOND, THIRD) == [True, True]


def test_a_central_bank_that_does_not_know_a_statement_any_more_has_stepped_back(
    trust: Trust,
) -> None:
    now_ms = trust.system.clock.now_ms()
    statements = (
        announced(FIRST, 1, SECOND),
        announced(SECOND, 2, None, end(FIRST, now_ms, revoked=True)),
    )
    trust.hear(*statements)
    trust.hear(statements[0], announced(SECOND, 7, THIEF))
    assert "does not show statement 2" in contradiction(trust)
    # The revoked key stays revoked, and nothing new is believed.
    assert trust.takes(FIRST, SECOND, THIEF) == [False, True, False]
    ((_, kept, shown),) = kept_words(trust)
    assert kept == statements[1]
    answer = authentication_pb2.ListCentralKeysResponse.FromString(shown)
    assert answer.announcements[0] == statements[0]


def test_a_statement_that_was_not_there_before_a_later_one_is_not_taken(trust: Trust) -> None:
    later = announced(FIRST, 5, SECOND)
    trust.hear(later)
    trust.hear(announced(FIRST, 3, THIEF), later)
    assert "statement 3 that was not there" in contradiction(trust)
    assert trust.takes(SECOND, THIEF) == [True, False]


def test_who_has_none_of_the_keys_makes_up_no_fork(trust: Trust) -> None:
    first = announced(FIRST, 4, SECOND)
    trust.hear(first)
    trust.hear(first, announced(THIEF, 4, THIEF), announced(THIEF, 3, THIEF))
    assert contradiction(trust) == ""


def test_a_word_of_the_feed_that_knows_fewer_statements_is_signed_evidence(system: System) -> None:
    teller, follower = system.central.teller, system.bank.follower
    number = follower.place.number
    system.central.announced += [announced(CENTRAL_KEY, 4, SECOND)]
    system.bank.central_keys.step()
    early = teller.message(number, announced_number=3, signed_time_ms=60_001)
    follower.apply(early)  # it was on its way when the statement was made
    assert system.bank.contradictions.now() == {}
    late = teller.message(number, announced_number=3, signed_time_ms=60_002)
    follower.apply(late)
    assert "its last one is 3, after 4" in system.bank.contradictions.now()[KEYS].cause
    ((_, _, shown),) = kept_words(Trust(system))
    assert SignedEnvelope.FromString(shown) == late.tip


def test_pairs_of_words_that_contradict_are_kept_up_to_a_bound(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_bank.peers.contradictions.MAX_KEPT", 2)
    trust.hear(announced(FIRST, 4, SECOND), announced(FIRST, 5, SECOND))
    for number in range(4):
        trust.hear(announced(FIRST, 4 + number % 2, None, end(THIRD, 1 + number)))
    assert len(kept_words(trust)) == 2
