"""The issuing office: reserves, issuance and redemption, each by two officers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from central_bank.limits import MAX_ASIDES_AT_ONCE, MAX_OPEN_REQUESTS, REQUEST_LIFE_MS
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.office.v1.office_pb2 import Issue, PayInReserves, PayOutReserves, Redeem
from officers.effects import Act
from officers.limits import MAX_ACT_VALIDITY_MS
from runtime.errors import Refusal
from runtime.patience import FIRST_PAUSE_MS, LONGEST_PAUSE_MS
from tests.central_bank.conftest import HAN, LIN, MEI, World, new_id
from tests.feeds import told
from tests.officers.people import Person
from tests.refusals import refusal

APPROVED, REJECTED = office_pb2.ACT_STATE_APPROVED, office_pb2.ACT_STATE_REJECTED


def issue(fen: int, bank: str = "alpha", request_id: str = "") -> Issue:
    return Issue(bank=bank, amount_fen=fen, request_id=request_id)


def redeem(fen: int) -> Redeem:
    return Redeem(bank="alpha", amount_fen=fen)


def test_reserves_arrive_when_two_officers_say_so(world: World) -> None:
    act = world.propose(PayInReserves(bank="alpha", amount_fen=1_000))
    assert world.books() == {"alpha": (0, 0), "beta": (0, 0)}
    for _ in range(2):
        world.approve(act)
    assert world.books() == {"alpha": (1_000, 0), "beta": (0, 0)}


def test_reserves_leave_only_as_far_as_they_are_there(world: World) -> None:
    world.pay_in("alpha", 1_000)
    short = refusal(lambda: world.propose(PayOutReserves(bank="alpha", amount_fen=1_001)))
    assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "1")
    world.pay_out("alpha", 1_000)
    assert world.books()["alpha"] == (0, 0)


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
def test_what_cannot_be_is_not_even_proposed(world: World, kind: Any, reason: str) -> None:
    before = world.central.acts.page(0, 9, None)
    assert refusal(lambda: world.propose(kind)).name == reason
    assert world.central.acts.page(0, 9, None) == before


def test_an_approval_that_many_send_at_once_moves_money_once(world: World) -> None:
    act = world.propose(PayInReserves(bank="alpha", amount_fen=1_000))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: world.approve(act), range(8)))
    assert world.books()["alpha"] == (1_000, 0)


def test_an_act_whose_cover_went_in_the_last_moment_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.pay_in("alpha", 700)
    act = world.propose(PayOutReserves(bank="alpha", amount_fen=700))
    world.pay_out("alpha", 1)
    # As if the reserves went between the check and the decision.
    monkeypatch.setattr("central_bank.issuance.reserves.MoneyEffect.check", lambda *_: None)
    short = refusal(lambda: world.approve(act))
    assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "700")
    world.pay_in("alpha", 5_000)
    for _ in range(2):
        assert refusal(lambda: world.approve(act)).name == "RESERVES_SHORT"  # the answer stays
        world.restart()
    ended = world.central.acts.get(act.content.act_id)
    assert (ended.state, ended.reason) == (
        office_pb2.ACT_STATE_REFUSED,
        errors_pb2.REASON_RESERVES_SHORT,
    )
    assert world.books()["alpha"] == (5_699, 0)


def test_an_act_moves_nothing_until_another_officer_approves(world: World) -> None:
    world.pay_in("alpha", 1_000)
    act = world.propose(issue(600))
    assert refusal(lambda: world.approve(act, LIN)).name == "SAME_OFFICER"
    assert world.books()["alpha"] == (1_000, 0)
    done = world.approve(act, MEI)
    assert (done.state, done.proposer, done.decider) == (APPROVED, "lin", "mei")
    assert world.books()["alpha"] == (400, 600)


def test_an_approval_that_is_repeated_moves_nothing_more(world: World) -> None:
    world.pay_in("alpha", 1_000)
    act = world.propose(issue(300))
    first = world.approve(act)
    assert world.approve(act) == first
    world.restart()
    assert world.approve(act) == first
    assert world.books()["alpha"] == (700, 300)


def test_what_is_decided_stays_decided(world: World) -> None:
    world.pay_in("alpha", 1_000)
    released, rejected = world.propose(issue(100)), world.propose(issue(100))
    world.approve(released)
    assert world.reject(rejected).state == REJECTED
    assert refusal(lambda: world.reject(released)).name == "ALREADY_DECIDED"
    assert refusal(lambda: world.approve(rejected)).name == "ALREADY_DECIDED"
    assert world.books()["alpha"] == (900, 100)


def test_issuance_needs_reserves_at_the_proposal_and_at_the_approval(world: World) -> None:
    world.pay_in("alpha", 1_000)
    short = refusal(lambda: world.propose(issue(1_500)))
    assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "500")
    first, second = world.propose(issue(800)), world.propose(issue(800))
    world.approve(first)
    assert refusal(lambda: world.approve(second)).metadata["missing_fen"] == "600"
    world.pay_in("alpha", 600)
    world.approve(second)
    assert world.books()["alpha"] == (0, 1_600)


def test_the_record_of_an_act_carries_its_digest_and_the_act_its_position(world: World) -> None:
    world.pay_in("alpha", 1_000)
    for act in (world.both(issue(600)), world.both(redeem(100))):
        found = world.central.books.history.find(_office_of_alpha(), act.number)
        assert found is not None
        assert (found.position, int(found.record["digest"])) == (act.position, act.record_digest)


def _office_of_alpha() -> int:
    from central_bank.ledger import accounts

    return accounts.office(0)


# Redemption


def test_a_redemption_is_set_aside_first_and_comes_back_to_the_reserves(world: World) -> None:
    world.issue(world.alpha, 1_000)
    act = world.approve(world.propose(redeem(400)))
    assert world.banks.aside == {("alpha", act.number): 400}
    assert world.books()["alpha"] == (400, 600)


def test_one_officer_has_no_banks_vault_set_anything_aside(world: World) -> None:
    world.issue(world.alpha, 1_000)
    act = world.propose(redeem(1_000))
    world.central.setting_aside.step()
    assert refusal(lambda: world.approve(act, LIN)).name == "SAME_OFFICER"
    world.central.setting_aside.step()
    assert (world.banks.asked, world.banks.aside) == ([], {})


def aside(world: World, fen: int, who: Person = LIN) -> Act:
    """A redemption that was approved while its bank was away, which has set it aside since."""
    world.banks.silent.add("alpha")
    act = world.propose(redeem(fen), who=who)
    assert refusal(lambda: world.approve(act)).name == "PEER_UNAVAILABLE"
    world.banks.silent.clear()
    world.clock.advance(LONGEST_PAUSE_MS)
    while ("alpha", act.number) not in world.banks.aside:
        world.central.setting_aside.step()
    world.central.setting_aside.step()
    return act


def rejections(world: World) -> list[int]:
    """Numbers of the redemptions that alpha's feed says are over."""
    return [
        entry.redemption_rejected.number
        for entry in told(world.central, world.alpha)
        if entry.WhichOneof("event") == "redemption_rejected"
    ]


def test_a_vault_that_is_short_ends_the_redemption(world: World) -> None:
    world.issue(world.alpha, 1_000)
    world.banks.vault_fen["alpha"] = 399
    act = world.propose(redeem(400))
    for _ in range(2):
        assert refusal(lambda: world.approve(act)).name == "VAULT_SHORT"
    assert world.books()["alpha"] == (0, 1_000)
    assert rejections(world) == [act.number]


def test_a_redemption_whose_bank_is_away_is_asked_for_again_until_it_answers(world: World) -> None:
    world.issue(world.alpha, 1_000)
    world.banks.silent.add("alpha")
    act = world.propose(redeem(400))
    assert refusal(lambda: world.approve(act)).name == "PEER_UNAVAILABLE"
    world.banks.silent.clear()
    central = world.restart()
    central.setting_aside.step()
    central.setting_aside.step()
    assert world.banks.aside == {("alpha", act.number): 400}
    world.approve(act)
    assert world.books()["alpha"] == (400, 600)


def test_what_else_a_bank_says_about_its_vault_ends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.issue(world.alpha, 1_000)

    def odd(*_: object) -> None:
        raise Refusal(errors_pb2.REASON_ALREADY_DECIDED, "made up")

    with monkeypatch.context() as patch:
        patch.setattr(world.banks, "_set_aside", odd)
        act = world.propose(redeem(400))
        assert refusal(lambda: world.approve(act)).name == "PEER_UNAVAILABLE"
    world.clock.advance(LONGEST_PAUSE_MS)
    world.approve(act)
    assert world.books()["alpha"] == (400, 600)


def test_while_one_bank_hangs_the_office_decides_about_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.issuance.redemption_reserve.PATIENCE_S", 0.01)
    world.issue(world.alpha, 1_000)
    world.banks.hanging.add("alpha")
    hung = [world.propose(redeem(1)) for _ in range(MAX_ASIDES_AT_ONCE + 3)]
    for act in hung:
        assert refusal(lambda a=act: world.approve(a)).name == "PEER_UNAVAILABLE"
    assert world.banks.asked.count(("alpha", "set_aside")) == MAX_ASIDES_AT_ONCE
    world.issue(world.beta, 500)
    assert world.books()["beta"] == (0, 500)

    world.banks.answer_now()
    world.banks.hanging.clear()
    for _ in hung:
        world.central.setting_aside.step()
    assert all(world.approve(act).state == APPROVED for act in hung)


def test_a_silent_bank_is_asked_to_set_aside_once_a_pause(world: World) -> None:
    world.issue(world.alpha, 1_000)
    world.banks.silent.add("alpha")
    for _ in range(5):
        act = world.propose(redeem(1))
        assert refusal(lambda a=act: world.approve(a)).name == "PEER_UNAVAILABLE"
        world.central.setting_aside.step()
    assert world.banks.asked.count(("alpha", "set_aside")) == 1
    world.clock.advance(FIRST_PAUSE_MS)
    for _ in range(5):
        world.central.setting_aside.step()
    assert world.banks.asked.count(("alpha", "set_aside")) == 2
    world.clock.set_back(3_600_000)
    world.clock.advance(LONGEST_PAUSE_MS)
    world.central.setting_aside.step()
    assert world.banks.asked.count(("alpha", "set_aside")) == 3


def test_a_late_word_of_the_vault_ends_a_redemption_only_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.issuance.redemption_reserve.PATIENCE_S", 0.01)
    world.issue(world.alpha, 1_000)
    world.banks.hanging.add("alpha")
    short, turned_down = world.propose(redeem(400)), world.propose(redeem(400))
    for act in (short, turned_down):
        assert refusal(lambda a=act: world.approve(a)).name == "PEER_UNAVAILABLE"
    world.reject(turned_down)
    world.banks.vault_fen["alpha"] = 399
    world.banks.answer_now()
    world.central.setting_aside.step()
    ended = [world.central.acts.get(act.content.act_id) for act in (short, turned_down)]
    assert [(act.state, act.reason, act.decider) for act in ended] == [
        (office_pb2.ACT_STATE_REFUSED, errors_pb2.REASON_VAULT_SHORT, ""),
        (REJECTED, 0, "mei"),
    ]
    assert world.books()["alpha"] == (0, 1_000)


def test_money_set_aside_for_an_act_that_ends_otherwise_goes_back(world: World) -> None:
    world.issue(world.alpha, 1_000)
    turned_down, forgotten = aside(world, 100), aside(world, 200)
    world.reject(turned_down)
    assert rejections(world) == [turned_down.number]
    world.clock.advance(MAX_ACT_VALIDITY_MS)
    world.central.acts.step()
    assert rejections(world) == [turned_down.number, forgotten.number]
    for act in (turned_down, forgotten):
        assert refusal(lambda a=act: world.approve(a)).name in ("ALREADY_DECIDED", "EXPIRED")
    assert world.books()["alpha"] == (0, 1_000)


def test_a_redemption_that_was_turned_down_just_before_its_bank_is_asked_is_not_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the act and the question another officer turns it down."""
    world.issue(world.alpha, 1_000)
    ask = world.central.setting_aside.ask

    def too_late(number: int, bank: int, amount_fen: int) -> None:
        [act] = world.central.acts.page(office_pb2.ACT_STATE_OPEN, 9, None)
        world.reject(act)
        ask(number, bank, amount_fen)

    monkeypatch.setattr(world.central.setting_aside, "ask", too_late)
    act = world.propose(redeem(100))
    assert refusal(lambda: world.approve(act)).name == "ALREADY_DECIDED"
    for _ in range(2):
        world.clock.advance(LONGEST_PAUSE_MS)
        world.central.setting_aside.step()
    assert world.banks.asked == []
    assert world.banks.aside == {}


def test_a_redemption_of_an_officer_who_is_removed_goes_back(world: World) -> None:
    world.issue(world.alpha, 1_000)
    act = aside(world, 100, HAN)
    world.both(office_pb2.RemoveOfficer(name="han"))
    assert world.central.acts.get(act.content.act_id).state == office_pb2.ACT_STATE_WITHDRAWN
    assert rejections(world) == [act.number]
    assert world.books()["alpha"] == (0, 1_000)


# What banks ask for


def ask(world: World, fen: int, wanted: str = "", kind: str = "issue") -> str:
    wanted = wanted or new_id()
    world.central.requests.create(world.alpha, wanted, kind, fen)
    return wanted


def waiting(world: World, state: str = "waiting") -> list[int]:
    return [row.amount_fen for row in world.central.requests.page("", state, 50, None)]


def test_a_bank_and_one_officer_make_no_money(world: World) -> None:
    world.pay_in("alpha", 1_000)
    wanted = ask(world, 600)
    # Nothing that the bank asked for can be approved: it is no act.
    assert refusal(lambda: world.central.acts.get(wanted)).name == "REQUEST_UNKNOWN"
    act = world.propose(issue(600, request_id=wanted))
    assert refusal(lambda: world.approve(act, LIN)).name == "SAME_OFFICER"
    assert world.books()["alpha"] == (1_000, 0)
    world.approve(act, MEI)
    assert world.books()["alpha"] == (400, 600)
    [row] = world.central.requests.page("alpha", "approved", 9, None)
    assert (row.request_id, row.act) == (wanted, act.number)


def test_a_request_is_answered_once_and_as_it_was_asked(world: World) -> None:
    world.pay_in("alpha", 5_000)
    wanted = ask(world, 600)
    others = {"ACT_DIFFERS": (601, "alpha"), "REQUEST_UNKNOWN": (600, "beta")}
    for reason, (fen, bank) in others.items():
        other = issue(fen, bank, wanted)
        assert refusal(lambda k=other: world.propose(k)).name == reason
    first = world.propose(issue(600, request_id=wanted))
    second = world.propose(issue(600, request_id=wanted), who=HAN)
    world.approve(first)
    assert refusal(lambda: world.approve(second)).name == "ALREADY_DECIDED"
    assert refusal(lambda: world.propose(issue(600, request_id=wanted))).name == "ALREADY_DECIDED"
    assert world.books()["alpha"] == (4_400, 600)


def test_a_request_that_is_turned_down_is_answered_too(world: World) -> None:
    world.pay_in("alpha", 5_000)
    wanted = ask(world, 600)
    world.reject(world.propose(issue(600, request_id=wanted)))
    assert (waiting(world), waiting(world, "rejected")) == ([], [600])


def test_a_request_repeats_by_its_id(world: World) -> None:
    wanted = ask(world, 600)
    ask(world, 600, wanted)
    assert refusal(lambda: ask(world, 601, wanted)).name == "ID_REUSED"
    assert refusal(lambda: ask(world, 600, wanted, "redeem")).name == "ID_REUSED"
    assert waiting(world) == [600]


def test_requests_of_a_bank_are_bounded_and_end_unanswered_after_a_day(world: World) -> None:
    for fen in range(1, MAX_OPEN_REQUESTS + 1):
        ask(world, fen)
    assert refusal(lambda: ask(world, 99)).name == "OVERLOADED"
    world.central.requests.create(world.beta, new_id(), "issue", 77)
    world.clock.advance(REQUEST_LIFE_MS)
    assert waiting(world) == []
    [old] = world.central.requests.page("beta", "", 9, None)
    again = world.central.requests.create(world.beta, old.request_id, "issue", 77)
    assert again.state == "rejected"
    ask(world, 99)
    assert waiting(world) == [99]


def test_no_bank_takes_the_id_of_another_ones_request(world: World) -> None:
    """It may guess an id before it is used: it holds up, answers and learns nothing by that."""
    world.pay_in("alpha", 1_000)
    world.pay_in("beta", 1_000)
    wanted = new_id()
    world.central.requests.create(world.beta, wanted, "issue", 7)
    assert ask(world, 600, wanted) == wanted
    assert sorted(waiting(world)) == [7, 600]
    world.both(issue(600, request_id=wanted))
    assert waiting(world) == [7]
    assert waiting(world, "approved") == [600]
    act = world.propose(office_pb2.Issue(bank="beta", amount_fen=7, request_id=wanted))
    world.approve(act)
    assert sorted(waiting(world, "approved")) == [7, 600]


def test_requests_are_listed_newest_first_by_bank_state_and_page(world: World) -> None:
    world.pay_in("alpha", 1_000)
    wanted = [ask(world, fen) for fen in (1, 2, 3)]
    world.central.requests.create(world.beta, new_id(), "issue", 4)
    world.both(issue(1, request_id=wanted[0]))

    def listed(bank: str, state: str, limit: int = 9, before: int | None = None) -> list[int]:
        return [row.amount_fen for row in world.central.requests.page(bank, state, limit, before)]

    assert listed("", "") == [4, 3, 2, 1]
    assert listed("alpha", "") == [3, 2, 1]
    assert listed("alpha", "waiting") == [3, 2]
    first = world.central.requests.page("", "", 2, None)
    assert listed("", "", 2, first[-1].id) == [2, 1]
