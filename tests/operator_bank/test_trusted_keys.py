"""The central bank's business key changes: banks believe what a good key of it announces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.authentication.v1 import authentication_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from operator_bank.api.inner import inner_authorizer
from operator_bank.feed.chain import FeedBroken
from operator_bank.peers.central_keys import CentralKeys, KeysFile
from operator_bank.peers.contradictions import KEYS
from operator_bank.peers.tables import contradictions
from operator_bank.peers.trusted_keys import TrustedKeys
from runtime.database import Database
from runtime.envelope import key_id, sign
from runtime.errors import NoAnswer, Refusal
from runtime.settings import SettingsError
from runtime.tls import Identity
from tests.feeds import CENTRAL_KEY
from tests.operator_bank.system import VAULT_FEN, System

FIRST, SECOND, THIRD, THIEF = (SigningKey(bytes([n]) * 32) for n in (0x31, 0x32, 0x33, 0x34))
HOUR_MS = 3_600_000


def public(key: SigningKey) -> bytes:
    return bytes(key.verify_key)


def end(key: SigningKey, until_ms: int, *, revoked: bool = False) -> authentication_pb2.KeyEnd:
    return authentication_pb2.KeyEnd(key=public(key), until_time_ms=until_ms, revoked=revoked)


def announced(
    by: SigningKey,
    number: int,
    successor: SigningKey | None,
    *ends: authentication_pb2.KeyEnd,
    certificates: Sequence[str] = (),
) -> SignedEnvelope:
    """What the central bank says with a key."""
    told = authentication_pb2.KeySuccession(
        number=number,
        successor=public(successor) if successor else b"",
        from_time_ms=1,
        ended=ends,
        revoked_certificates=certificates,
    )
    return sign("key-succession/v1", told.SerializeToString(), by, key_id(public(by)))


class Trust:
    """What a bank trusts whose settings list some keys; `restart` reads its database again."""

    def __init__(self, system: System, *listed: SigningKey) -> None:
        self.system = system
        self.listed = listed
        self.keys = self.restart()

    def restart(self) -> TrustedKeys:
        listed = CentralKeys([public(key) for key in self.listed])
        system = self.system
        self.keys = TrustedKeys(
            Database(system.engine),
            listed,
            system.central,
            system.clock,
            system.bank.contradictions,
        )
        return self.keys

    def hear(self, *successions: SignedEnvelope) -> None:
        self.system.central.successions = list(successions)
        self.keys.step()

    def takes(self, *keys: SigningKey) -> list[bool]:
        """Whether what each of these keys signs is taken."""
        return [self._takes(key) for key in keys]

    def _takes(self, key: SigningKey) -> bool:
        envelope = sign("feed-tip/v1", b"payload", key, key_id(public(key)))
        try:
            return self.keys.verify("feed-tip/v1", envelope) == b"payload"
        except Refusal as refusal:
            assert refusal.name == "SIGNATURE_INVALID"
            return False


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
    system.central.successions = [announced(CENTRAL_KEY, 1, SECOND, end(CENTRAL_KEY, now_ms))]
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

    monkeypatch.setattr(trust.system.central, "key_successions", silence)
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


STOLEN = "5a" * 32


def test_a_tls_certificate_that_a_good_key_revokes_is_revoked_for_good(trust: Trust) -> None:
    woken: list[bool] = []
    trust.keys.on_revoked = lambda: woken.append(True)
    by_a_thief = announced(THIEF, 1, None, certificates=["6b" * 32])
    trust.hear(by_a_thief, announced(FIRST, 2, None, certificates=[STOLEN]))
    assert woken == [True]
    for _ in range(2):
        assert trust.keys.revoked_certificates() == {STOLEN}
        trust.hear(announced(FIRST, 2, None, certificates=[STOLEN]), announced(FIRST, 3, SECOND))
        trust.restart()


def test_the_banks_operator_names_a_revoked_certificate_by_another_way(tmp_path: Path) -> None:
    file = tmp_path / "central_bank.keys"
    file.write_text(f"{public(FIRST).hex()}\nrevoked-certificate {STOLEN.upper()}  # stolen\n")
    keys = KeysFile(file)
    assert keys.revoked_certificates() == {STOLEN}
    assert list(keys.now().values()) == [public(FIRST)]
    for wrong in ("revoked-certificate", f"revoked-certificate {STOLEN} {STOLEN}", f"{STOLEN} x"):
        file.write_text(f"{public(FIRST).hex()}\n{wrong}\n")
        with pytest.raises(SettingsError, match="line 2"):
            KeysFile(file)
    fresh = tmp_path / "fresh"
    fresh.write_text(f"{public(FIRST).hex()}\n")
    fresh.replace(file)
    assert keys.revoked_certificates() == set()


def test_a_message_of_the_feed_that_tells_of_a_statement_has_it_asked_for_at_once(
    system: System,
) -> None:
    teller, follower = system.central.teller, system.bank.follower
    number = follower.place.number
    system.central.successions = [announced(CENTRAL_KEY, 4, None, certificates=[STOLEN])]
    follower.apply(teller.message(number))
    assert system.bank.central_keys.revoked_certificates() == set()
    follower.apply(teller.message(number, keys_number=4))
    assert system.bank.central_keys.revoked_certificates() == {STOLEN}
    assert follower.place.number == number


def test_a_statement_that_is_told_of_and_not_to_be_had_is_asked_for_once_by_the_feed(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(system.central, "key_successions", lambda: asked.append(True) or [])
    for _ in range(3):
        number = system.bank.follower.place.number
        system.bank.follower.apply(system.central.teller.message(number, keys_number=4))
    assert asked == [True]


def test_nobody_who_shows_a_revoked_certificate_asks_a_bank_as_the_central_bank(
    system: System,
) -> None:
    authorize = inner_authorizer(
        system.bank.officers, system.bank.central_keys.revoked_certificates
    )
    thief = Identity("central-bank", "central-bank", STOLEN)
    authorize(thief, "/dcep.bank.v1.InboundService/CheckPayees")
    system.central.successions = [announced(CENTRAL_KEY, 4, None, certificates=[STOLEN])]
    system.bank.central_keys.step()
    for method in ("CheckPayees", "ReserveForRedemption"):
        with pytest.raises(Refusal, match="revoked") as caught:
            authorize(thief, f"/dcep.bank.v1.InboundService/{method}")
        assert caught.value.name == "ROLE_NOT_ALLOWED"
    authorize(Identity("central-bank", "central-bank", "6b" * 32), "/dcep.bank.v1.InboundService/x")


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
    assert answer.successions[0] == statements[0]


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
    system.central.successions = [announced(CENTRAL_KEY, 4, SECOND)]
    system.bank.central_keys.step()
    early = teller.message(number, keys_number=3, signed_time_ms=60_001)
    follower.apply(early)  # it was on its way when the statement was made
    assert system.bank.contradictions.now() == {}
    late = teller.message(number, keys_number=3, signed_time_ms=60_002)
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
