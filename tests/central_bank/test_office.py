"""The issuing office: reserves, maker and checker, redemption."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from central_bank.limits import MAX_ASIDES_AT_ONCE, MAX_OPEN_REQUESTS
from runtime.errors import Refusal
from runtime.patience import FIRST_PAUSE_MS, LONGEST_PAUSE_MS
from tests.central_bank.conftest import LIN, MEI, World, identity, new_id


def refused(call: Callable[[], Any]) -> Refusal:
    """The refusal that a call ends in."""
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def test_reserves_arrive_once_by_their_id(world: World) -> None:
    office, wanted = world.central.office, new_id()
    assert office.pay_in(LIN, wanted, "alpha", 1_000) == 1_000
    assert office.pay_in(LIN, wanted, "alpha", 1_000) == 1_000
    for bank, fen in (("alpha", 999), ("beta", 1_000)):
        other = refused(lambda b=bank, f=fen: office.pay_in(LIN, wanted, b, f))
        assert (other.name, other.field) == ("ID_REUSED", "request_id")
    assert world.books() == {"alpha": (1_000, 0), "beta": (0, 0)}


def test_reserves_leave_only_as_far_as_they_are_there(world: World) -> None:
    office = world.central.office
    office.pay_in(LIN, new_id(), "alpha", 1_000)
    short = refused(lambda: office.pay_out(LIN, new_id(), "alpha", 1_001))
    assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "1")
    assert office.pay_out(LIN, new_id(), "alpha", 1_000) == 0


def test_reserves_that_are_told_of_by_many_at_once_arrive_once(world: World) -> None:
    office, wanted = world.central.office, new_id()
    with ThreadPoolExecutor(8) as pool:
        told = pool.map(lambda _: office.pay_in(LIN, wanted, "alpha", 1_000), range(8))
        assert list(told) == [1_000] * 8


def test_reserves_that_did_not_leave_do_not_leave_when_told_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, wanted = world.central.office, new_id()
    # As if the reserves went between the check and the decision.
    monkeypatch.setattr(office, "_check_cover", lambda *_: None)
    for _ in range(2):
        short = refused(lambda: office.pay_out(LIN, wanted, "alpha", 700))
        assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "700")
        office.pay_in(LIN, new_id(), "alpha", 5_000)  # the answer stays
    office = world.restart().office
    assert refused(lambda: office.pay_out(LIN, wanted, "alpha", 700)).name == "RESERVES_SHORT"
    assert world.books()["alpha"] == (10_000, 0)


def test_reserves_that_an_officer_turned_down_never_arrive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, wanted = world.central.office, new_id()
    with monkeypatch.context() as patch:
        # The service ends between the two steps.
        patch.setattr(office, "_settle", lambda *_: pytest.fail("the end"))
        with pytest.raises(pytest.fail.Exception):
            office.pay_in(LIN, wanted, "alpha", 1_000)
    office = world.restart().office
    office.reject(MEI, wanted)
    for _ in range(2):
        told = refused(lambda: office.pay_in(LIN, wanted, "alpha", 1_000))
        assert (told.name, told.field) == ("ALREADY_DECIDED", "request_id")
    assert world.books()["alpha"] == (0, 0)


def test_an_officer_is_the_same_with_a_renewed_certificate(world: World) -> None:
    office, wanted = world.central.office, new_id()
    office.pay_in(LIN, new_id(), "alpha", 1_000)
    office.create(LIN, wanted, "alpha", "issue", 600)
    renewed, borrowed = replace(LIN, fingerprint="3" * 64), replace(MEI, fingerprint="1" * 64)
    for officer in (renewed, borrowed):
        assert refused(lambda o=officer: office.approve(o, wanted)).name == "SAME_OFFICER"
    assert office.approve(MEI, wanted).state == "approved"


def test_a_request_moves_nothing_until_another_officer_releases_it(world: World) -> None:
    office, wanted = world.central.office, new_id()
    office.pay_in(LIN, new_id(), "alpha", 1_000)
    assert office.create(LIN, wanted, "alpha", "issue", 600).state == "waiting"
    assert refused(lambda: office.approve(LIN, wanted)).name == "SAME_OFFICER"
    assert world.books()["alpha"] == (1_000, 0)

    row = office.approve(MEI, wanted)
    assert (row.state, row.maker, row.checker) == (
        "approved", "officer/central-bank/lin", "officer/central-bank/mei",
    )  # fmt: skip
    assert world.books()["alpha"] == (400, 600)


def test_a_release_that_is_repeated_moves_nothing_more(world: World) -> None:
    office, wanted = world.central.office, new_id()
    office.pay_in(LIN, new_id(), "alpha", 1_000)
    office.create(LIN, wanted, "alpha", "issue", 300)
    office.approve(MEI, wanted)
    office.approve(MEI, wanted)
    world.restart()
    world.central.office.approve(MEI, wanted)
    assert world.books()["alpha"] == (700, 300)


def test_what_is_decided_stays_decided(world: World) -> None:
    office = world.central.office
    office.pay_in(LIN, new_id(), "alpha", 1_000)
    released, rejected = new_id(), new_id()
    for wanted in (released, rejected):
        office.create(LIN, wanted, "alpha", "issue", 100)
    office.approve(MEI, released)
    office.reject(MEI, rejected)
    assert refused(lambda: office.reject(MEI, released)).name == "ALREADY_DECIDED"
    assert refused(lambda: office.approve(MEI, rejected)).name == "ALREADY_DECIDED"
    assert office.reject(MEI, rejected).state == "rejected"
    assert refused(lambda: office.approve(MEI, new_id())).name == "REQUEST_UNKNOWN"
    assert world.books()["alpha"] == (900, 100)


def test_issuance_needs_reserves_at_the_request_and_at_the_release(world: World) -> None:
    office, first, second = world.central.office, new_id(), new_id()
    office.pay_in(LIN, new_id(), "alpha", 1_000)
    short = refused(lambda: office.create(LIN, new_id(), "alpha", "issue", 1_500))
    assert (short.name, short.metadata["missing_fen"]) == ("RESERVES_SHORT", "500")
    for wanted in (first, second):
        office.create(LIN, wanted, "alpha", "issue", 800)
    office.approve(MEI, first)
    assert refused(lambda: office.approve(MEI, second)).metadata["missing_fen"] == "600"
    office.pay_in(LIN, new_id(), "alpha", 600)
    office.approve(MEI, second)
    assert world.books()["alpha"] == (0, 1_600)


def test_a_redemption_is_set_aside_first_and_comes_back_to_the_reserves(world: World) -> None:
    office, wanted = world.central.office, new_id()
    world.issue(world.alpha, 1_000)
    row = office.create(identity(world.alpha), wanted, "alpha", "redeem", 400)
    assert world.banks.aside == {("alpha", row.id): 400}
    assert world.books()["alpha"] == (0, 1_000)
    office.approve(MEI, wanted)
    assert world.books()["alpha"] == (400, 600)


def test_a_vault_that_is_short_ends_the_redemption(world: World) -> None:
    office, wanted = world.central.office, new_id()
    world.issue(world.alpha, 1_000)
    world.banks.vault_fen["alpha"] = 399
    assert refused(lambda: office.create(LIN, wanted, "alpha", "redeem", 400)).name == "VAULT_SHORT"
    assert refused(lambda: office.approve(MEI, wanted)).name == "ALREADY_DECIDED"
    assert world.books()["alpha"] == (0, 1_000)


def test_a_redemption_whose_bank_is_away_is_asked_for_again_until_it_answers(world: World) -> None:
    central, wanted = world.central, new_id()
    world.issue(world.alpha, 1_000)
    world.banks.silent.add("alpha")
    assert central.office.create(LIN, wanted, "alpha", "redeem", 400).state == "asking"
    away = refused(lambda: central.office.approve(MEI, wanted))
    assert away.name == "PEER_UNAVAILABLE"
    world.banks.silent.clear()
    central = world.restart()
    central.setting_aside.step()
    central.setting_aside.step()
    [row] = central.office.requests("alpha", "waiting", 9, None)
    assert world.banks.aside == {("alpha", row.id): 400}
    central.office.approve(MEI, wanted)
    assert world.books()["alpha"] == (400, 600)


def test_while_one_bank_hangs_the_office_decides_about_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.issuance.setting_aside.PATIENCE_S", 0.01)
    office = world.central.office
    world.issue(world.alpha, 1_000)
    world.banks.hanging.add("alpha")
    hung = [new_id() for _ in range(MAX_ASIDES_AT_ONCE + 3)]
    for wanted in hung:
        assert office.create(LIN, wanted, "alpha", "redeem", 1).state == "asking"
    assert world.banks.asked.count(("alpha", "set_aside")) == MAX_ASIDES_AT_ONCE
    world.issue(world.beta, 500)
    assert world.books()["beta"] == (0, 500)

    world.banks.answer_now()
    world.banks.hanging.clear()
    for _ in hung:
        world.central.setting_aside.step()
    assert all(office.approve(MEI, wanted).state == "approved" for wanted in hung)


def test_a_silent_bank_is_asked_to_set_aside_once_a_pause(world: World) -> None:
    world.issue(world.alpha, 1_000)
    world.banks.silent.add("alpha")
    for _ in range(5):
        world.central.office.create(LIN, new_id(), "alpha", "redeem", 1)
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
    monkeypatch.setattr("central_bank.issuance.setting_aside.PATIENCE_S", 0.01)
    office, short, turned_down = world.central.office, new_id(), new_id()
    world.issue(world.alpha, 1_000)
    world.banks.hanging.add("alpha")
    for wanted in (short, turned_down):
        assert office.create(LIN, wanted, "alpha", "redeem", 400).state == "asking"
    assert office.reject(MEI, turned_down).checker == "officer/central-bank/mei"
    world.banks.vault_fen["alpha"] = 399
    world.banks.answer_now()
    world.central.setting_aside.step()
    ended = {row.request_id: row for row in office.requests("alpha", "rejected", 9, None)}
    assert ended[short].checker == "bank/alpha"
    assert ended[turned_down].checker == "officer/central-bank/mei"
    assert world.books()["alpha"] == (0, 1_000)


def test_a_bank_leaves_a_bounded_number_of_requests_undecided(world: World) -> None:
    office = world.central.office
    for bank in ("alpha", "beta"):
        office.pay_in(LIN, new_id(), bank, 1_000)
    made = [new_id() for _ in range(MAX_OPEN_REQUESTS)]
    for wanted in made:
        office.create(identity(world.alpha), wanted, "alpha", "issue", 1)
    another = new_id()
    full = refused(lambda: office.create(identity(world.alpha), another, "alpha", "issue", 1))
    assert (full.name, full.field) == ("OVERLOADED", "bank")
    assert office.create(identity(world.alpha), made[0], "alpha", "issue", 1).state == "waiting"
    office.create(identity(world.beta), new_id(), "beta", "issue", 1)
    office.create(LIN, new_id(), "alpha", "issue", 1)
    office.reject(MEI, made[0])
    office.reject(MEI, made[1])
    assert office.create(identity(world.alpha), another, "alpha", "issue", 1).state == "waiting"


def test_requests_are_listed_newest_first_by_bank_state_and_page(world: World) -> None:
    office = world.central.office
    for bank in ("alpha", "beta"):
        office.pay_in(LIN, new_id(), bank, 1_000)
    wanted = [new_id() for _ in range(4)]
    for index, key in enumerate(wanted):
        office.create(LIN, key, "beta" if index == 1 else "alpha", "issue", index + 1)
    office.approve(MEI, wanted[0])

    def listed(bank: str, state: str, limit: int = 9, before: int | None = None) -> list[int]:
        return [row.amount_fen for row in office.requests(bank, state, limit, before)]

    assert listed("", "") == [4, 3, 2, 1]
    assert listed("alpha", "") == [4, 3, 1]
    assert listed("alpha", "waiting") == [4, 3]
    first = office.requests("", "", 2, None)
    assert listed("", "", 2, first[-1].id) == [2, 1]
