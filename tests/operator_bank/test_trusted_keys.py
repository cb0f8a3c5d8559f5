"""The central bank's business key changes: banks believe what a good key of it announces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import FeedBroken
from operator_bank.peers.central_keys import KeysFile
from runtime.errors import NoAnswer
from tests.feeds import CENTRAL_KEY
from tests.operator_bank.system import VAULT_FEN, System
from tests.operator_bank.trusting import FIRST, SECOND, THIEF, THIRD, Trust, announced, end, public

HOUR_MS = 3_600_000


@pytest.fixture
def trust(system: System) -> Trust:
    return Trust(system, FIRST)


def test_a_successor_is_taken_beside_the_old_key_until_that_ends(trust: Trust) -> None:
    clock = trust.system.clock
    until_ms = clock.now_ms() + HOUR_MS
    assert trust.takes(FIRST, SECOND) == [True, False]
    trust.hear(announced(FIRST, 1, SECOND, end(FIRST, until_ms)))
    clock.advance(HOUR_MS - 1)
    assert trust.takes(FIRST, SECOND) == [True, True]
    clock.advance(1)
    for _ in range(2):
        assert trust.takes(FIRST, SECOND) == [False, True]
        trust.restart()


def test_a_revoked_key_is_refused_at_once_and_however_the_clock_is_set(trust: Trust) -> None:
    clock = trust.system.clock
    trust.hear(announced(FIRST, 1, SECOND, end(FIRST, clock.now_ms(), revoked=True)))
    clock.set_back(HOUR_MS)
    for _ in range(2):
        assert trust.takes(FIRST, SECOND) == [False, True]
        trust.restart()


def test_a_bank_that_was_away_follows_a_chain_of_successors(trust: Trust) -> None:
    now_ms = trust.system.clock.now_ms()
    chain = (
        announced(FIRST, 4, SECOND, end(FIRST, now_ms)),
        announced(SECOND, 9, THIRD, end(SECOND, now_ms, revoked=True)),
    )
    trust.hear(*chain)
    for _ in range(2):
        assert trust.takes(FIRST, SECOND, THIRD) == [False, False, True]
        trust.hear(*chain)
        trust.restart()


def test_a_bank_that_was_away_hears_all_that_a_key_announced_before_it_ended(
    trust: Trust,
) -> None:
    """The first successor was stolen before it was used, and the key in use has ended since."""
    clock = trust.system.clock
    now_ms = clock.now_ms()
    ends = end(FIRST, now_ms + HOUR_MS), end(THIEF, now_ms, revoked=True)
    clock.advance(2 * HOUR_MS)
    trust.hear(announced(FIRST, 1, THIEF, ends[0]), announced(FIRST, 2, SECOND, *ends))
    for _ in range(2):
        assert trust.takes(FIRST, SECOND, THIEF) == [False, True, False]
        trust.restart()
    trust.hear(announced(FIRST, 3, THIRD))
    assert trust.takes(THIRD) == [False]


def test_what_is_heard_after_a_revocation_is_not_by_the_revoked_key(trust: Trust) -> None:
    revoked = end(FIRST, trust.system.clock.now_ms(), revoked=True)
    trust.hear(announced(FIRST, 1, SECOND, revoked), announced(FIRST, 2, THIEF))
    assert trust.takes(FIRST, SECOND, THIEF) == [False, True, False]


def test_nobody_but_a_good_key_announces_anything(trust: Trust) -> None:
    now_ms = trust.system.clock.now_ms()
    forged = announced(FIRST, 1, THIEF)
    forged.signature = announced(THIEF, 1, THIEF).signature
    trust.hear(announced(THIEF, 1, THIEF), forged)
    assert trust.takes(FIRST, THIEF) == [True, False]
    trust.hear(announced(FIRST, 2, SECOND, end(FIRST, now_ms, revoked=True)))
    # The old key was stolen; it names nobody any more.
    trust.hear(announced(FIRST, 3, THIEF), announced(FIRST, 1, THIEF))
    assert trust.takes(FIRST, SECOND, THIEF) == [False, True, False]


def test_what_is_replaced_can_be_revoked_before_its_time(trust: Trust) -> None:
    now_ms = trust.system.clock.now_ms()
    first = announced(FIRST, 1, SECOND, end(FIRST, now_ms + HOUR_MS))
    trust.hear(first, announced(SECOND, 2, None, end(FIRST, now_ms, revoked=True)))
    assert trust.takes(FIRST, SECOND) == [False, True]
    # And an end once said moves no further away.
    trust.hear(announced(SECOND, 3, None, end(FIRST, now_ms + HOUR_MS)))
    assert trust.takes(FIRST, SECOND) == [False, True]


def test_a_key_that_the_settings_list_no_more_vouches_for_nobody_after_a_restart(
    trust: Trust,
) -> None:
    trust.hear(announced(FIRST, 1, THIEF))
    trust.listed = (SECOND,)
    trust.restart()
    trust.keys.step()
    assert trust.takes(FIRST, SECOND, THIEF) == [False, True, False]
    trust.listed = (FIRST, SECOND)
    trust.restart()
    assert trust.takes(FIRST, SECOND, THIEF) == [True, True, True]


def test_the_feed_goes_on_over_a_change_of_keys(system: System) -> None:
    """The bank hears of the successor when the first message by it comes."""
    issued: Any = registration_pb2.Issued(amount_fen=100)

    def apply(key: SigningKey) -> None:
        number = system.bank.follower.place.number
        system.bank.follower.apply(system.central.teller.message(number, key=key))

    system.entry(issued=issued)
    with pytest.raises(FeedBroken, match="none of the central bank's"):
        apply(SECOND)
    now_ms = system.clock.now_ms()
    system.central.announced += [announced(CENTRAL_KEY, 2, SECOND, end(CENTRAL_KEY, now_ms))]
    apply(SECOND)
    system.entry(issued=issued)
    with pytest.raises(FeedBroken, match="none of the central bank's"):
        apply(CENTRAL_KEY)
    apply(SECOND)
    assert system.bank.vault.books().mirror_fen == -VAULT_FEN - 200


def test_a_centre_that_does_not_answer_is_asked_again(
    trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silence() -> list[SignedEnvelope]:
        raise NoAnswer("silence")

    monkeypatch.setattr(trust.system.central, "announcements", silence)
    with pytest.raises(NoAnswer):
        trust.keys.step()
    assert trust.takes(FIRST) == [True]


def test_a_list_that_is_replaced_counts_from_the_next_look_on(tmp_path: Path) -> None:
    file = tmp_path / "central_bank.keys"

    def put(text: str) -> None:
        fresh = tmp_path / "fresh"
        fresh.write_text(text)
        fresh.replace(file)

    put(public(FIRST).hex())
    keys = KeysFile(file)
    assert list(keys.now().values()) == [public(FIRST)]
    put("not a key")
    assert list(keys.now().values()) == [public(FIRST)]
    put(f"{public(SECOND).hex()}  # the successor\n")
    assert list(keys.now().values()) == [public(SECOND)]
