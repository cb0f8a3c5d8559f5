"""What banks ask the issuing office for, and how it is answered."""

from __future__ import annotations

from central_bank.limits import MAX_OPEN_REQUESTS, REQUEST_LIFE_MS
from dcep.office.v1 import office_pb2
from tests.central_bank.admitting import new_id
from tests.central_bank.office import issue
from tests.central_bank.system import HAN, LIN, MEI, System
from tests.refusals import refusal


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
