"""Limits of the wallet classes at a bank: whose they are, from when on, and what they stop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from currency.days import begin_ms
from dcep.bank.v1 import states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.peers.central_keys import CentralKeys
from operator_bank.peers.contradictions import KEYS
from operator_bank.peers.trusted_keys import TrustedKeys
from operator_bank.wallets import classes
from operator_bank.wallets.classes import NotFollowed, Published, in_force, table_of
from runtime.errors import NoAnswer
from settlement.records import IN_FEN, Kind, Limit, record_digest
from tests.operator_bank.fake_central_bank import FakeCentralBank
from tests.operator_bank.system import FOREIGN, II, IV, LIMITS, Holder, System
from tests.operator_bank.trusting import THIEF
from tests.policies import announcing, policy_of
from tests.refusals import refused, refused_for

DAY_MS = 86_400_000


def test_each_class_has_its_own_limits(system: System, alice: Holder, phone: Holder) -> None:
    assert refused_for(alice.pay, phone.number, 10_001) == "PAYEE_CANNOT_BE_PAID"
    alice.pay(phone.number, 10_000)
    assert refused_for(phone.pay, alice.number, 2_001) == "OVER_SINGLE_LIMIT"
    assert phone.pay(alice.number, 2_000).state == states_pb2.PAYMENT_STATE_SETTLED
    alice.pay(phone.number, 2_000)
    assert system.bank.wallets.state(phone.wallet).limits_fen == (10_000, 2_000, 5_000, 8_000)


def test_the_day_ends_at_midnight_in_beijing_and_the_year_does_not(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    for fen in (2_000, 2_000, 1_000):
        phone.pay(alice.number, fen)
    assert refused_for(phone.pay, alice.number, 1) == "OVER_DAY_LIMIT"

    to_midnight = DAY_MS - (system.clock.now_ms() + 8 * 3_600_000) % DAY_MS
    system.clock.advance(to_midnight - 1)
    assert refused_for(phone.pay, alice.number, 1) == "OVER_DAY_LIMIT"
    system.clock.advance(1)
    phone.pay(alice.number, 2_000)
    phone.pay(alice.number, 1_000)
    assert refused_for(phone.pay, alice.number, 1) == "OVER_YEAR_LIMIT"


def test_what_was_spent_is_told_of_today_before_anything_is_paid_today(
    system: System, alice: Holder, phone: Holder
) -> None:
    def spent() -> tuple[int, int]:
        state = system.bank.wallets.state(phone.wallet)
        return state.day_spent_fen, state.year_spent_fen

    alice.pay(phone.number, 5_000)
    phone.pay(alice.number, 2_000)
    assert spent() == (2_000, 2_000)
    system.clock.advance(DAY_MS)
    assert spent() == (0, 2_000)
    phone.pay(alice.number, 500)
    system.clock.set_back(DAY_MS)
    assert spent() == (500, 2_500)
    system.clock.advance(367 * DAY_MS)
    assert spent() == (0, 0)


def test_what_is_held_counts_and_what_is_released_does_not(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    held = [phone.pay(FOREIGN, fen) for fen in (2_000, 2_000, 1_000)]
    assert refused_for(phone.pay, FOREIGN, 1) == "OVER_DAY_LIMIT"
    ended = {"number": held[0].number, "state": 2, "reason": 40}
    system.hear(outgoing_ended=ended)
    assert phone.pay(FOREIGN, 2_000).state == states_pb2.PAYMENT_STATE_PENDING


def test_exchange_is_free_of_the_spending_limits(system: System, alice: Holder) -> None:
    alice.exchange(100_000, out=True)
    alice.exchange(400_000)
    assert alice.exchange(400_000, out=True) == 0
    assert system.bank.wallets.state(alice.wallet).day_spent_fen == 0


def journaled(system: System) -> int:
    rows = system.bank.books.journal.read(0, limit_rows=1_000)
    return sum(int((row.records["kind"] == Kind.SET_LIMIT).sum()) for row in rows)


def limits(system: System, holder: Holder) -> tuple[int, ...]:
    return system.bank.wallets.state(holder.wallet).limits_fen


def test_a_policy_from_today_holds_once_it_is_heard_and_names_what_was_announced(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    assert refused_for(phone.pay, alice.number, 2_001) == "OVER_SINGLE_LIMIT"
    before, began = journaled(system), system.bank.books.ledger.position()
    system.limits[IV] = (20_000, 2_001, 5_000, 8_000)
    said = system.publish()
    phone.pay(alice.number, 2_001)
    alice.pay(phone.number, 12_000)
    assert limits(system, phone) == (20_000, 2_001, 5_000, 8_000)
    assert journaled(system) == before + 2, "what differs, and no more"
    [row] = system.bank.books.journal.read(began, limit_rows=1)
    assert set(row.records["digest"][:2].tolist()) == {record_digest(said.payload)}
    system.restart()
    assert limits(system, phone) == (20_000, 2_001, 5_000, 8_000)


def test_a_policy_of_a_later_day_holds_from_midnight_on_without_the_central_bank(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    system.limits[IV] = (10_000, 300, 5_000, 8_000)
    system.publish(system.today + 3)
    system.central.silent = True
    system.restart()
    system.clock.advance(begin_ms(system.today + 3) - system.clock.now_ms() - 1)
    phone.pay(alice.number, 2_000)
    system.clock.advance(1)
    assert refused_for(phone.pay, alice.number, 301) == "OVER_SINGLE_LIMIT"
    phone.pay(alice.number, 300)
    system.clock.set_back(DAY_MS)
    assert refused_for(phone.pay, alice.number, 301) == "OVER_SINGLE_LIMIT"


def test_a_payment_that_is_held_over_the_day_is_judged_by_the_day_that_it_was_held_on(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    sent = phone.pay(FOREIGN, 2_000)
    turned_down = phone.pay(FOREIGN, 2_000)
    system.limits[IV] = (10_000, 100, 100, 8_000)
    system.publish(system.today + 1)
    system.clock.advance(DAY_MS)
    system.hear(outgoing_settled={"number": sent.number})
    system.turned_down(turned_down.number)
    assert (phone.fen, phone.held_fen) == (8_000, 0)
    state = system.bank.wallets.state(phone.wallet)
    assert (state.day_spent_fen, state.year_spent_fen) == (0, 2_000)
    assert refused_for(phone.pay, FOREIGN, 101) == "OVER_SINGLE_LIMIT"
    assert phone.pay(FOREIGN, 100).state == states_pb2.PAYMENT_STATE_PENDING


def test_a_limit_that_is_lowered_takes_nothing_from_anybody(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    system.limits[IV] = (5_000, 2_000, 5_000, 8_000)
    system.publish()
    assert system.bank.wallets.state(phone.wallet).available_fen == 10_000
    phone.pay(alice.number, 2_000)
    assert refused_for(alice.pay, phone.number, 1) == "PAYEE_CANNOT_BE_PAID"
    system.hear(incoming=system.arriving(phone.number, 1))
    assert phone.fen == 8_000, "nothing more comes in from elsewhere either"


def test_the_policy_that_was_published_later_takes_the_place_of_what_has_not_begun(
    system: System, alice: Holder
) -> None:
    first = system.today
    for day, single in ((first + 5, 500), (first + 9, 900), (first + 7, 700), (first + 5, 555)):
        system.limits[II] = (0, single, 0, 0)
        system.publish(day)
    for ahead, single in ((0, LIMITS[II][1]), (4, LIMITS[II][1]), (5, 555), (7, 555), (9, 555)):
        system.clock.advance(
            begin_ms(first + ahead) + 1 - min(begin_ms(first + ahead) + 1, system.clock.now_ms())
        )
        assert limits(system, alice)[1] == single
    system.restart()
    assert limits(system, alice)[1] == 555


def test_an_older_policy_or_a_strangers_is_not_taken(system: System, alice: Holder) -> None:
    first = system.central.announced[0]
    system.limits[II] = (0, 500, 0, 0)
    newer = system.publish()
    now_ms, lax = system.clock.now_ms(), policy_of({}, system.today)
    other = announcing(lax, 2, now_ms)
    for shown in ([first], [first, other], [first, newer, announcing(lax, 3, now_ms, THIEF)]):
        system.central.announced = shown
        system.bank.central_keys.step()
        assert limits(system, alice) == (0, 500, 0, 0)
        assert (KEYS in system.bank.contradictions.now()) == (newer not in shown)
    system.restart()
    assert limits(system, alice) == (0, 500, 0, 0)


def test_a_bank_that_has_heard_of_no_policy_opens_no_wallet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(System, "publish", lambda _: None)
        system = System(tmp_path)
    assert refused_for(system.open, "A") == "BANK_CANNOT_NOW"
    system.publish(system.today + 9)
    assert limits(system, system.open("A")) == LIMITS[II], "the first one counts at once"


def test_a_key_that_counts_no_more_takes_no_limits_away(system: System, alice: Holder) -> None:
    """As when the settings list others: what it said of limits is in the ledger."""
    listed = CentralKeys([bytes(THIEF.verify_key)])
    keys = TrustedKeys(system.bank.context, listed, system.bank.contradictions)
    keys.on_heard = system.bank.policy.follow
    keys.follow()
    assert limits(system, alice) == LIMITS[II]
    assert not keys.knows(system.central.announced[0].key_id)
    system.open("B")


def test_what_could_not_be_put_into_the_ledger_is_put_there_later(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.limits[II] = (0, 500, 0, 0)
    right = system.bank.books.ledger.submit

    def away(*_: object) -> None:
        raise NoAnswer("the disk fails")

    monkeypatch.setattr(system.bank.books.ledger, "submit", away)
    with pytest.raises(NoAnswer):
        system.publish()
    assert system.bank.central_keys.followed == 1
    monkeypatch.setattr(system.bank.books.ledger, "submit", right)
    system.bank.central_keys.step()
    assert limits(system, alice) == (0, 500, 0, 0)
    assert system.bank.central_keys.followed == 2


def test_a_bank_whose_ledger_refuses_a_limit_does_not_say_that_it_follows(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impossible(published: Sequence[Published]) -> NDArray[np.int64]:
        table = table_of(published)
        table[II, Limit.DAY] = -1
        return table

    system.limits[II] = (0, 500, 600, 0)
    monkeypatch.setattr(classes, "table_of", impossible)
    with pytest.raises(NotFollowed):
        system.publish()
    assert system.bank.central_keys.followed == 1
    monkeypatch.undo()
    system.bank.central_keys.step()
    assert limits(system, alice) == (0, 500, 600, 0)
    assert system.bank.central_keys.followed == 2


def test_the_central_bank_is_told_which_announcement_a_bank_follows(system: System) -> None:
    system.bank.follower.acknowledge()
    system.publish(system.today + 1)
    system.bank.follower.acknowledge()
    assert system.central.followed == [1, 2]


def test_a_telephone_number_has_so_many_open_wallets_at_a_bank_and_no_more(
    system: System, alice: Holder
) -> None:
    system.publish(wallets_per_phone=2)
    first, _second = (system.open(phone="+8613800138000") for _ in range(2))
    no = ("TOO_MANY_WALLETS", "phone")
    assert refused(system.open, phone="+8613800138000") == no
    assert refused(system.open, "A", "+8613800138000") == no, "nor with a name"
    system.open(phone="+8613800138001")
    system.open("B")
    system.bank.wallets.close(first.closing())
    system.open(phone="+8613800138000")
    assert refused(system.open, phone="+8613800138000") == no
    system.publish()
    system.open(phone="+8613800138000")


def test_wallets_opened_in_one_call_count_together(system: System) -> None:
    system.publish(wallets_per_phone=2)
    orders = [system.opening(phone="+8613800138000") for _ in range(3)]
    assert refused(system.bank.opening.open_many, orders) == ("TOO_MANY_WALLETS", "phone")
    opened = system.bank.opening.open_many(orders[:2])
    assert system.bank.opening.open_many(orders[:2]) == opened, "repeated, they are the same"


def holding(published: list[Published], wallet_class: int, day: int) -> tuple[int, ...]:
    """The limits of a day, walked through the table as the rule does."""
    table, row = table_of(published), wallet_class
    while day < table[row, Limit.FROM_DAY]:
        row = int(table[row, Limit.BEFORE])
    return tuple(table[row, list(IN_FEN)].tolist())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(100, 110), min_size=1, max_size=12))
def test_on_each_day_the_last_published_of_those_that_have_begun_holds(days: list[int]) -> None:
    published = [
        Published(number, policy_of({2: (number, number, number, number)}, day), number)
        for number, day in enumerate(days, 1)
    ]
    for day in range(95, 115):
        begun = [each for each in published if each.policy.from_day <= max(day, min(days))]
        assert holding(published, 2, day) == (begun[-1].number,) * 4
        assert holding(published, 1, day) == (0, 0, 0, 0)
    table, last = table_of(published), len(in_force(published))
    assert np.count_nonzero(table.any(axis=1)) <= 4 * last
    assert not table[0].any()


def test_a_bank_keeps_what_it_heard_before_it_follows_it(system: System, alice: Holder) -> None:
    """As when it ended in between."""
    assert isinstance(system.central, FakeCentralBank)
    system.bank.central_keys.on_heard = lambda _: None
    system.limits[II] = (0, 500, 0, 0)
    said: SignedEnvelope = system.publish()
    assert limits(system, alice) == LIMITS[II]
    system.central.silent = True
    system.restart()
    assert limits(system, alice) == (0, 500, 0, 0)
    assert said.signature
