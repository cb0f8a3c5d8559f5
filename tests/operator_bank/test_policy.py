"""Limits of the wallet classes: the file, the journal, and what they stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dcep.bank.v1 import states_pb2, wallets_pb2
from dcep.office.v1 import office_pb2
from dcep.office.v1.office_pb2 import ClassLimits, SetPolicy
from operator_bank.limits import POLICY_LIMIT_FEN
from operator_bank.wallets.classes import CLASSES, COLUMNS, limits_of, read_policy, table_of
from runtime.errors import Refusal
from runtime.settings import SettingsError
from settlement.records import Kind, Limit
from tests.operator_bank.system import CHEN, FOREIGN, WANG, ZHOU, Holder, System, policy
from tests.refusals import refused_for

DAY_MS = 86_400_000


def test_a_file_gives_the_cells_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[class_I]\n[class_IV]\nsingle_fen = 200000\nbalance_cap_fen = 1000000\n")
    table = read_policy(file)
    assert table[4].tolist() == [1_000_000, 200_000, 0, 0]
    assert np.count_nonzero(table) == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[class_V]\nday_fen = 1\n", "'class_V' is no wallet class; known: class_I"),
        ("class_I = 5\n", "'class_I' is no wallet class"),
        ("[class_I]\nweek_fen = 1\n", "'week_fen' in class_I is no limit; known: balance_cap"),
        ("[class_I]\nday_fen = 0\n", "day_fen in class_I must be 1 to"),
        ("[class_I]\nday_fen = -5\n", "day_fen in class_I must be 1 to"),
        ("[class_I]\nday_fen = true\n", "day_fen in class_I must be 1 to"),
        ("[class_I]\nday_fen = 5.0\n", "day_fen in class_I must be 1 to"),
        ('[class_I]\nday_fen = "5"\n', "day_fen in class_I must be 1 to"),
        (f"[class_I]\nday_fen = {POLICY_LIMIT_FEN + 1}\n", "day_fen in class_I must be 1 to"),
        ("[class_I\n", "policy.toml: "),
    ],
)
def test_a_wrong_file_is_refused_with_the_name(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_policy(file)
    assert named in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="absent"):
        read_policy(tmp_path / "absent.toml")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(b"[class_I]\n# caf\xe9\n")
    with pytest.raises(SettingsError, match="policy.toml"):
        read_policy(file)


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


def test_the_file_founds_a_bank_and_nothing_else(system: System) -> None:
    assert journaled(system) == np.count_nonzero(system.policy)
    founded = system.policy.copy()
    system.policy[wallets_pb2.WALLET_CLASS_IV, Limit.SINGLE] = 3_000
    system.restart()
    assert (system.bank.policy.table == founded).all()
    assert journaled(system) == np.count_nonzero(founded)


def test_two_officers_set_the_limits_and_they_hold_at_once(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    assert refused_for(phone.pay, alice.number, 2_001) == "OVER_SINGLE_LIMIT"
    before = journaled(system)
    system.policy[wallets_pb2.WALLET_CLASS_IV, Limit.SINGLE] = 2_001
    system.policy[wallets_pb2.WALLET_CLASS_IV, Limit.BALANCE_CAP] = 20_000
    act = system.propose(SetPolicy(classes=limits_of(system.policy)))
    assert refused_for(system.approve, act, WANG) == "SAME_OFFICER"
    assert refused_for(phone.pay, alice.number, 2_001) == "OVER_SINGLE_LIMIT"
    act = system.approve(act)
    phone.pay(alice.number, 2_001)
    alice.pay(phone.number, 12_000)
    assert system.bank.wallets.state(phone.wallet).limits_fen == (20_000, 2_001, 5_000, 8_000)
    assert journaled(system) == before + 2, "what differs, and no more"
    [row] = system.bank.books.journal.read(act.position - 1, limit_rows=1)
    at = act.position - row.first_position
    assert row.records["digest"][at : at + 2].tolist() == [act.record_digest] * 2
    system.policy = policy()
    system.restart()
    assert system.bank.wallets.state(phone.wallet).limits_fen == (20_000, 2_001, 5_000, 8_000)


def test_a_limit_that_is_lowered_takes_nothing_from_anybody(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    system.policy[wallets_pb2.WALLET_CLASS_IV, Limit.BALANCE_CAP] = 5_000
    system.set_policy()
    assert system.bank.wallets.state(phone.wallet).available_fen == 10_000
    phone.pay(alice.number, 2_000)
    assert refused_for(alice.pay, phone.number, 1) == "PAYEE_CANNOT_BE_PAID"


def test_two_officers_may_take_all_limits_away_and_the_file_brings_none_back(
    system: System, alice: Holder, phone: Holder
) -> None:
    alice.pay(phone.number, 10_000)
    system.both(SetPolicy())
    for _ in range(2):
        assert not system.bank.policy.table.any()
        system.restart()
    assert phone.pay(alice.number, 9_000).state == states_pb2.PAYMENT_STATE_SETTLED


def test_limits_that_are_set_to_what_they_are_change_nothing(system: System) -> None:
    before = journaled(system)
    act = system.both(SetPolicy(classes=limits_of(system.policy)))
    assert (act.state, act.position) == (office_pb2.ACT_STATE_APPROVED, 0)
    assert journaled(system) == before


@pytest.mark.parametrize(
    "classes",
    [
        [ClassLimits(wallet_class=0, day_fen=1)],
        [ClassLimits(wallet_class=5, day_fen=1)],
        [ClassLimits(wallet_class=2, day_fen=-1)],
        [ClassLimits(wallet_class=2, day_fen=POLICY_LIMIT_FEN + 1)],
        [ClassLimits(wallet_class=2), ClassLimits(wallet_class=2, day_fen=1)],
    ],
)
def test_limits_that_cannot_be_are_refused_when_they_are_proposed(
    system: System, classes: list[ClassLimits]
) -> None:
    with pytest.raises(Refusal) as caught:
        system.propose(SetPolicy(classes=classes))
    assert caught.value.name in ("FIELD_INVALID", "FIELD_MISSING")
    assert (system.bank.policy.table == system.policy).all()


def test_who_may_freeze_wallets_may_not_set_limits(system: System) -> None:
    system.both(office_pb2.ChangeRights(name="chen", rights=[office_pb2.RIGHT_WALLETS]))
    for who, second in ((CHEN, ZHOU), (WANG, CHEN)):
        with pytest.raises(Refusal) as caught:
            system.approve(system.propose(SetPolicy(), who), second)
        assert caught.value.name == "RIGHT_MISSING"


@pytest.mark.parametrize("fen", [1, POLICY_LIMIT_FEN])
def test_a_limit_may_be_as_small_and_as_large_as_that(tmp_path: Path, fen: int) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(f"[class_I]\nday_fen = {fen}\n")
    assert read_policy(file)[1].tolist() == [0, 0, fen, 0]
    assert table_of([ClassLimits(wallet_class=1, day_fen=fen)])[1].tolist() == [0, 0, fen, 0]


@pytest.mark.parametrize(
    "wanted",
    [
        [ClassLimits(wallet_class=0)],
        [ClassLimits(wallet_class=5)],
        [ClassLimits(wallet_class=2), ClassLimits(wallet_class=2)],
        [ClassLimits(wallet_class=1, day_fen=POLICY_LIMIT_FEN + 1)],
        [ClassLimits(wallet_class=1, day_fen=-1)],
    ],
)
def test_what_officers_sign_names_classes_once_within_bounds(wanted: list[ClassLimits]) -> None:
    assert refused_for(lambda: table_of(wanted)) == "FIELD_INVALID"


def test_a_table_and_what_officers_sign_say_the_same() -> None:
    wanted = [ClassLimits(wallet_class=2, single_fen=5), ClassLimits(wallet_class=4, year_fen=7)]
    table = table_of(wanted)
    assert np.argwhere(table).tolist() == [[2, Limit.SINGLE], [4, Limit.YEAR]]
    assert limits_of(table) == wanted
    assert (CLASSES, COLUMNS) == (
        {"class_I": 1, "class_II": 2, "class_III": 3, "class_IV": 4},
        {"balance_cap_fen": 0, "single_fen": 1, "day_fen": 2, "year_fen": 3},
    )
