"""The issuing office: reserves and issuance, each by two officers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.office.v1.office_pb2 import PayInReserves, PayOutReserves
from tests.central_bank.office import APPROVED, REJECTED, issue, redeem
from tests.central_bank.system import LIN, MEI, System
from tests.refusals import refusal


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
        found = system.central.books.history.find(system.alpha.accounts.office, act.number)
        assert found is not None
        assert (found.position, int(found.record["digest"])) == (act.position, act.record_digest)
