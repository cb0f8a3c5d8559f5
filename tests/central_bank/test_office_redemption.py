"""A redemption is set aside at its bank first, and ends once, whatever is said when."""

from __future__ import annotations

import pytest

from central_bank.limits import MAX_RESERVATIONS_AT_ONCE
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from officers.effects import Act
from officers.limits import MAX_ACT_VALIDITY_MS
from runtime.errors import Refusal
from runtime.patience import FIRST_PAUSE_MS, LONGEST_PAUSE_MS
from tests.central_bank.office import APPROVED, REJECTED, redeem
from tests.central_bank.system import HAN, LIN, System
from tests.feeds import told
from tests.officers.people import Person
from tests.refusals import refusal


def test_a_redemption_is_reserved_first_and_comes_back_to_the_reserves(system: System) -> None:
    system.issue(system.alpha, 1_000)
    act = system.approve(system.propose(redeem(400)))
    assert system.banks.reserved == {("alpha", act.number): 400}
    assert system.books()["alpha"] == (400, 600)


def test_one_officer_has_no_banks_vault_reserve_anything(system: System) -> None:
    system.issue(system.alpha, 1_000)
    act = system.propose(redeem(1_000))
    system.central.redemption_reserves.step()
    assert refusal(lambda: system.approve(act, LIN)).name == "SAME_OFFICER"
    system.central.redemption_reserves.step()
    assert (system.banks.asked, system.banks.reserved) == ([], {})


def reserved(system: System, fen: int, who: Person = LIN) -> Act:
    """A redemption that was approved while its bank was away, which has reserved it since."""
    system.banks.silent.add("alpha")
    act = system.propose(redeem(fen), who=who)
    assert refusal(lambda: system.approve(act)).name == "PEER_UNAVAILABLE"
    system.banks.silent.clear()
    system.clock.advance(LONGEST_PAUSE_MS)
    while ("alpha", act.number) not in system.banks.reserved:
        system.central.redemption_reserves.step()
    system.central.redemption_reserves.step()
    return act


def rejections(system: System) -> list[int]:
    """Numbers of the redemptions that alpha's feed says are over."""
    return [
        entry.redemption_rejected.number
        for entry in told(system.central, system.alpha)
        if entry.WhichOneof("event") == "redemption_rejected"
    ]


def test_a_vault_that_is_short_ends_the_redemption(system: System) -> None:
    system.issue(system.alpha, 1_000)
    system.banks.vault_fen["alpha"] = 399
    act = system.propose(redeem(400))
    for _ in range(2):
        assert refusal(lambda: system.approve(act)).name == "VAULT_SHORT"
    assert system.books()["alpha"] == (0, 1_000)
    assert rejections(system) == [act.number]


def test_a_redemption_whose_bank_is_away_is_asked_for_again_until_it_answers(
    system: System,
) -> None:
    system.issue(system.alpha, 1_000)
    system.banks.silent.add("alpha")
    act = system.propose(redeem(400))
    assert refusal(lambda: system.approve(act)).name == "PEER_UNAVAILABLE"
    system.banks.silent.clear()
    central = system.restart()
    central.redemption_reserves.step()
    central.redemption_reserves.step()
    assert system.banks.reserved == {("alpha", act.number): 400}
    system.approve(act)
    assert system.books()["alpha"] == (400, 600)


def test_what_else_a_bank_says_about_its_vault_ends_nothing(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.issue(system.alpha, 1_000)

    def odd(*_: object) -> None:
        raise Refusal(errors_pb2.REASON_ALREADY_DECIDED, "made up")

    with monkeypatch.context() as patch:
        patch.setattr(system.banks, "reserve_now", odd)
        act = system.propose(redeem(400))
        assert refusal(lambda: system.approve(act)).name == "PEER_UNAVAILABLE"
    system.clock.advance(LONGEST_PAUSE_MS)
    system.approve(act)
    assert system.books()["alpha"] == (400, 600)


def test_while_one_bank_hangs_the_office_decides_about_the_others(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.issuance.redemption_reserve.PATIENCE_S", 0.01)
    system.issue(system.alpha, 1_000)
    system.banks.hanging.add("alpha")
    hung = [system.propose(redeem(1)) for _ in range(MAX_RESERVATIONS_AT_ONCE + 3)]
    for act in hung:
        assert refusal(lambda a=act: system.approve(a)).name == "PEER_UNAVAILABLE"
    assert system.banks.asked.count(("alpha", "reserve_for_redemption")) == MAX_RESERVATIONS_AT_ONCE
    system.issue(system.beta, 500)
    assert system.books()["beta"] == (0, 500)

    system.banks.answer_now()
    system.banks.hanging.clear()
    for _ in hung:
        system.central.redemption_reserves.step()
    assert all(system.approve(act).state == APPROVED for act in hung)


def test_a_silent_bank_is_asked_to_reserve_once_a_pause(system: System) -> None:
    system.issue(system.alpha, 1_000)
    system.banks.silent.add("alpha")
    for _ in range(5):
        act = system.propose(redeem(1))
        assert refusal(lambda a=act: system.approve(a)).name == "PEER_UNAVAILABLE"
        system.central.redemption_reserves.step()
    assert system.banks.asked.count(("alpha", "reserve_for_redemption")) == 1
    system.clock.advance(FIRST_PAUSE_MS)
    for _ in range(5):
        system.central.redemption_reserves.step()
    assert system.banks.asked.count(("alpha", "reserve_for_redemption")) == 2
    system.clock.set_back(3_600_000)
    system.clock.advance(LONGEST_PAUSE_MS)
    system.central.redemption_reserves.step()
    assert system.banks.asked.count(("alpha", "reserve_for_redemption")) == 3


def test_a_late_word_of_the_vault_ends_a_redemption_only_once(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.issuance.redemption_reserve.PATIENCE_S", 0.01)
    system.issue(system.alpha, 1_000)
    system.banks.hanging.add("alpha")
    short, turned_down = system.propose(redeem(400)), system.propose(redeem(400))
    for act in (short, turned_down):
        assert refusal(lambda a=act: system.approve(a)).name == "PEER_UNAVAILABLE"
    system.reject(turned_down)
    system.banks.vault_fen["alpha"] = 399
    system.banks.answer_now()
    system.central.redemption_reserves.step()
    ended = [system.central.acts.get(act.content.act_id) for act in (short, turned_down)]
    assert [(act.state, act.reason, act.decider) for act in ended] == [
        (office_pb2.ACT_STATE_REFUSED, errors_pb2.REASON_VAULT_SHORT, ""),
        (REJECTED, 0, "mei"),
    ]
    assert system.books()["alpha"] == (0, 1_000)


def test_money_reserved_for_an_act_that_ends_otherwise_goes_back(system: System) -> None:
    system.issue(system.alpha, 1_000)
    turned_down, forgotten = reserved(system, 100), reserved(system, 200)
    system.reject(turned_down)
    assert rejections(system) == [turned_down.number]
    system.clock.advance(MAX_ACT_VALIDITY_MS)
    system.central.acts.step()
    assert rejections(system) == [turned_down.number, forgotten.number]
    for act in (turned_down, forgotten):
        assert refusal(lambda a=act: system.approve(a)).name in ("ALREADY_DECIDED", "EXPIRED")
    assert system.books()["alpha"] == (0, 1_000)


def test_a_redemption_that_was_turned_down_just_before_its_bank_is_asked_is_not_asked_for(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the act and the question another officer turns it down."""
    system.issue(system.alpha, 1_000)
    ask = system.central.redemption_reserves.ask

    def too_late(number: int, bank: int, amount_fen: int) -> None:
        [act] = system.central.acts.page(office_pb2.ACT_STATE_OPEN, 9, None)
        system.reject(act)
        ask(number, bank, amount_fen)

    monkeypatch.setattr(system.central.redemption_reserves, "ask", too_late)
    act = system.propose(redeem(100))
    assert refusal(lambda: system.approve(act)).name == "ALREADY_DECIDED"
    for _ in range(2):
        system.clock.advance(LONGEST_PAUSE_MS)
        system.central.redemption_reserves.step()
    assert system.banks.asked == []
    assert system.banks.reserved == {}


def test_a_redemption_of_an_officer_who_is_removed_goes_back(system: System) -> None:
    system.issue(system.alpha, 1_000)
    act = reserved(system, 100, HAN)
    system.both(office_pb2.RemoveOfficer(name="han"))
    assert system.central.acts.get(act.content.act_id).state == office_pb2.ACT_STATE_WITHDRAWN
    assert rejections(system) == [act.number]
    assert system.books()["alpha"] == (0, 1_000)
