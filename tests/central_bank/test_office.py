"""The issuing office: reserves, issuance and redemption, each by two officers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from central_bank.limits import MAX_OPEN_REQUESTS, MAX_RESERVATIONS_AT_ONCE, REQUEST_LIFE_MS
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.office.v1.office_pb2 import Issue, PayInReserves, PayOutReserves, Redeem
from officers.effects import Act
from officers.limits import MAX_ACT_VALIDITY_MS
from runtime.errors import Refusal
from runtime.patience import FIRST_PAUSE_MS, LONGEST_PAUSE_MS
from tests.central_bank.admitting import new_id
from tests.central_bank.system import HAN, LIN, MEI, System
from tests.feeds import told
from tests.officers.people import Person
from tests.refusals import refusal

APPROVED, REJECTED = office_pb2.ACT_STATE_APPROVED, office_pb2.ACT_STATE_REJECTED


def issue(fen: int, bank: str = "alpha", request_id: str = "") -> Issue:
    return Issue(bank=bank, amount_fen=fen, request_id=request_id)


def redeem(fen: int) -> Redeem:
    return Redeem(bank="alpha", amount_fen=fen)


def test_reserves_arrive_when_two_officers_say_so(system: System) -> None:
    act = system.propose(PayInReserves(bank="alpha", amount_fen=1_000))
    assert system.books() == {"alpha": (0, 0), "beta": (0, 0)}
    for _ in range(2):
        system.approve(act)
    assert system.books() == {"alpha": (1_000, 0), "beta": (0, 0)}


def test_reserves_leave_only_as_far_as_they_are_there(system: System) -> None:
    system.pay_in("alpha", 1_000)
    short = refusal(lambda: system.propose(PayOutReserves(bank="alpha", amount_fen=1_001)))
    assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "1")
    system.pay_out("alpha", 1_000)
    assert system.books()["alpha"] == (0, 0)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (PayInReserves(bank="omega", amount_fen=1), "BANK_UNKNOWN"),
        (PayInReserves(amount_fen=1), "FIELD_MISSING"),
        (PayInReserves(bank="alpha"), "AMOUNT_INVALID"),
        (PayInReserves(bank="alpha", amount_fen=-1), "AMOUNT_INVALID"),
        (PayInReserves(bank="alpha", amount_fen=2**63 - 1), "AMOUNT_INVALID"),
        (issue(1, request_id="42"), "FIELD_INVALID"),
        (issue(1, request_id="123e4567-e89b-42d3-a456-426614174000"), "REQUEST_UNKNOWN"),
    ],
)
def test_what_cannot_be_is_not_even_proposed(system: System, kind: Any, reason: str) -> None:
    before = system.central.acts.page(0, 9, None)
    assert refusal(lambda: system.propose(kind)).name == reason
    assert system.central.acts.page(0, 9, None) == before


def test_an_approval_that_many_send_at_once_moves_money_once(system: System) -> None:
    act = system.propose(PayInReserves(bank="alpha", amount_fen=1_000))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: system.approve(act), range(8)))
    assert system.books()["alpha"] == (1_000, 0)


def test_an_act_whose_cover_went_in_the_last_moment_is_over(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.pay_in("alpha", 700)
    act = system.propose(PayOutReserves(bank="alpha", amount_fen=700))
    system.pay_out("alpha", 1)
    # As if the reserves went between the check and the decision.
    monkeypatch.setattr("central_bank.issuance.reserves.MoneyEffect.check", lambda *_: None)
    short = refusal(lambda: system.approve(act))
    assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "700")
    system.pay_in("alpha", 5_000)
    for _ in range(2):
        assert refusal(lambda: system.approve(act)).name == "RESERVES_SHORT"  # the answer stays
        system.restart()
    ended = system.central.acts.get(act.content.act_id)
    assert (ended.state, ended.reason) == (
        office_pb2.ACT_STATE_REFUSED,
        errors_pb2.REASON_RESERVES_SHORT,
    )
    assert system.books()["alpha"] == (5_699, 0)


def test_an_act_moves_nothing_until_another_officer_approves(system: System) -> None:
    system.pay_in("alpha", 1_000)
    act = system.propose(issue(600))
    assert refusal(lambda: system.approve(act, LIN)).name == "SAME_OFFICER"
    assert system.books()["alpha"] == (1_000, 0)
    done = system.approve(act, MEI)
    assert (done.state, done.proposer, done.decider) == (APPROVED, "lin", "mei")
    assert system.books()["alpha"] == (400, 600)


def test_an_approval_that_is_repeated_moves_nothing_more(system: System) -> None:
    system.pay_in("alpha", 1_000)
    act = system.propose(issue(300))
    first = system.approve(act)
    assert system.approve(act) == first
    system.restart()
    assert system.approve(act) == first
    assert system.books()["alpha"] == (700, 300)


def test_what_is_decided_stays_decided(system: System) -> None:
    system.pay_in("alpha", 1_000)
    released, rejected = system.propose(issue(100)), system.propose(issue(100))
    system.approve(released)
    assert system.reject(rejected).state == REJECTED
    assert refusal(lambda: system.reject(released)).name == "ALREADY_DECIDED"
    assert refusal(lambda: system.approve(rejected)).name == "ALREADY_DECIDED"
    assert system.books()["alpha"] == (900, 100)


def test_issuance_needs_reserves_at_the_proposal_and_at_the_approval(system: System) -> None:
    system.pay_in("alpha", 1_000)
    short = refusal(lambda: system.propose(issue(1_500)))
    assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "500")
    first, second = system.propose(issue(800)), system.propose(issue(800))
    system.approve(first)
    assert refusal(lambda: system.approve(second)).metadata["missing_fen"] == "600"
    system.pay_in("alpha", 600)
    system.approve(second)
    assert system.books()["alpha"] == (0, 1_600)


def test_the_record_of_an_act_carries_its_digest_and_the_act_its_position(system: System) -> None:
    system.pay_in("alpha", 1_000)
    for act in (system.both(issue(600)), system.both(redeem(100))):
        found = system.central.books.history.find(_office_of_alpha(), act.number)
        assert found is not None
        assert (found.position, int(found.record["digest"])) == (act.position, act.record_digest)


def _office_of_alpha() -> int:
    from central_bank.ledger import accounts

    return accounts.office(0)


# Redemption


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
        patch.setattr(system.banks, "_reserved", odd)
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


# What banks ask for


def ask(system: System, fen: int, wanted: str = "", kind: str = "issue") -> str:
    wanted = wanted or new_id()
    system.central.requests.create(system.alpha, wanted, kind, fen)
    return wanted


def waiting(system: System, state: str = "waiting") -> list[int]:
    return [row.amount_fen for row in system.central.requests.page("", state, 50, None)]


def test_a_bank_and_one_officer_make_no_money(system: System) -> None:
    system.pay_in("alpha", 1_000)
    wanted = ask(system, 600)
    # Nothing that the bank asked for can be approved: it is no act.
    assert refusal(lambda: system.central.acts.get(wanted)).name == "REQUEST_UNKNOWN"
    act = system.propose(issue(600, request_id=wanted))
    assert refusal(lambda: system.approve(act, LIN)).name == "SAME_OFFICER"
    assert system.books()["alpha"] == (1_000, 0)
    system.approve(act, MEI)
    assert system.books()["alpha"] == (400, 600)
    [row] = system.central.requests.page("alpha", "approved", 9, None)
    assert (row.request_id, row.act) == (wanted, act.number)


def test_a_request_is_answered_once_and_as_it_was_asked(system: System) -> None:
    system.pay_in("alpha", 5_000)
    wanted = ask(system, 600)
    others = {"ACT_DIFFERS": (601, "alpha"), "REQUEST_UNKNOWN": (600, "beta")}
    for reason, (fen, bank) in others.items():
        other = issue(fen, bank, wanted)
        assert refusal(lambda k=other: system.propose(k)).name == reason
    first = system.propose(issue(600, request_id=wanted))
    second = system.propose(issue(600, request_id=wanted), who=HAN)
    system.approve(first)
    assert refusal(lambda: system.approve(second)).name == "ALREADY_DECIDED"
    assert refusal(lambda: system.propose(issue(600, request_id=wanted))).name == "ALREADY_DECIDED"
    assert system.books()["alpha"] == (4_400, 600)


def test_a_request_that_is_turned_down_is_answered_too(system: System) -> None:
    system.pay_in("alpha", 5_000)
    wanted = ask(system, 600)
    system.reject(system.propose(issue(600, request_id=wanted)))
    assert (waiting(system), waiting(system, "rejected")) == ([], [600])


def test_a_request_repeats_by_its_id(system: System) -> None:
    wanted = ask(system, 600)
    ask(system, 600, wanted)
    assert refusal(lambda: ask(system, 601, wanted)).name == "ID_REUSED"
    assert refusal(lambda: ask(system, 600, wanted, "redeem")).name == "ID_REUSED"
    assert waiting(system) == [600]


def test_requests_of_a_bank_are_bounded_and_end_unanswered_after_a_day(system: System) -> None:
    for fen in range(1, MAX_OPEN_REQUESTS + 1):
        ask(system, fen)
    assert refusal(lambda: ask(system, 99)).name == "OVERLOADED"
    system.central.requests.create(system.beta, new_id(), "issue", 77)
    system.clock.advance(REQUEST_LIFE_MS)
    assert waiting(system) == []
    [old] = system.central.requests.page("beta", "", 9, None)
    again = system.central.requests.create(system.beta, old.request_id, "issue", 77)
    assert again.state == "rejected"
    ask(system, 99)
    assert waiting(system) == [99]


def test_no_bank_takes_the_id_of_another_ones_request(system: System) -> None:
    """It may guess an id before it is used: it holds up, answers and learns nothing by that."""
    system.pay_in("alpha", 1_000)
    system.pay_in("beta", 1_000)
    wanted = new_id()
    system.central.requests.create(system.beta, wanted, "issue", 7)
    assert ask(system, 600, wanted) == wanted
    assert sorted(waiting(system)) == [7, 600]
    system.both(issue(600, request_id=wanted))
    assert waiting(system) == [7]
    assert waiting(system, "approved") == [600]
    act = system.propose(office_pb2.Issue(bank="beta", amount_fen=7, request_id=wanted))
    system.approve(act)
    assert sorted(waiting(system, "approved")) == [7, 600]


def test_requests_are_listed_newest_first_by_bank_state_and_page(system: System) -> None:
    system.pay_in("alpha", 1_000)
    wanted = [ask(system, fen) for fen in (1, 2, 3)]
    system.central.requests.create(system.beta, new_id(), "issue", 4)
    system.both(issue(1, request_id=wanted[0]))

    def listed(bank: str, state: str, limit: int = 9, before: int | None = None) -> list[int]:
        return [row.amount_fen for row in system.central.requests.page(bank, state, limit, before)]

    assert listed("", "") == [4, 3, 2, 1]
    assert listed("alpha", "") == [3, 2, 1]
    assert listed("alpha", "waiting") == [3, 2]
    first = system.central.requests.page("", "", 2, None)
    assert listed("", "", 2, first[-1].id) == [2, 1]
