"""Expired money goes back by a time that no step of the clock can hurry."""

from __future__ import annotations

from pathlib import Path

import pytest

from central_bank import limits
from central_bank.authentication import trust_bundle
from central_bank.registration.offline.refund_clock import CATCH_UP, MAX_STEP_MS, RefundClock
from runtime.database import Database
from tests.offline.centre import Centre
from tests.offline.signers import DAY
from tests.refusals import verdict_name

HOUR = 3_600_000
OVER = limits.TOKEN_LIFETIME_MS + limits.RESTORE_GRACE_MS


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path)


def jump(centre: Centre, by_ms: int) -> None:
    """The time of day is set ahead, or back; no time passes."""
    centre.clock.set_back(-by_ms)


def test_a_payee_with_the_freshest_bundle_on_the_last_day_comes_online_before_the_refund() -> None:
    assert limits.RESTORE_GRACE_MS >= trust_bundle.BUNDLE_AGE_MS + MAX_STEP_MS + DAY


def test_a_clock_that_jumps_ahead_refunds_nobody(centre: Centre) -> None:
    paid = centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 100)
    jump(centre, 2 * OVER)
    assert not centre.central.refunds.step()
    centre.clock.advance(5 * HOUR)
    assert not centre.central.refunds.step()
    centre.restart()
    assert not centre.central.refunds.step()
    jump(centre, -2 * OVER)
    assert not centre.central.refunds.step()
    assert centre.deposit(paid) == (100, "")


def test_a_small_step_is_followed_slowly(centre: Centre) -> None:
    centre.token(centre.alice, 100)
    centre.clock.advance(OVER - DAY)
    assert not centre.central.refunds.step()
    jump(centre, 2 * DAY)
    assert not centre.central.refunds.step()
    centre.clock.advance(DAY // CATCH_UP // 2)
    assert not centre.central.refunds.step()
    centre.clock.advance(DAY // CATCH_UP)
    assert centre.central.refunds.step()


def test_what_waited_at_the_banks_while_the_centre_was_away_comes_in_first(centre: Centre) -> None:
    """The grace ends while the service is down; it starts, and a bank's deposit is on its way."""
    paid = centre.pay(centre.token(centre.alice, 100), centre.alice, centre.bob, 100)
    centre.clock.advance(OVER - DAY)
    item = centre.item(paid)
    centre.central.refunds.step()
    jump(centre, 2 * DAY - HOUR)
    centre.restart()
    assert not centre.central.refunds.step()
    assert verdict_name(centre.send(item)[0].verdict) == "TOKEN_EXPIRED"
    jump(centre, -(2 * DAY - HOUR))
    assert centre.send(item)[0].amount_fen == 100


def test_an_operator_says_that_the_clock_is_right(centre: Centre) -> None:
    clock, database = centre.clock, Database(centre.engine)
    before_ms = RefundClock(database, clock).now_ms()
    jump(centre, 100 * DAY)
    assert RefundClock(database, clock).now_ms() == before_ms
    too_early = RefundClock(database, clock, confirmed_until_ms=clock.now_ms() - 1)
    assert too_early.now_ms() == before_ms
    confirmed = RefundClock(database, clock, confirmed_until_ms=clock.now_ms() + HOUR)
    assert confirmed.now_ms() == clock.now_ms()
    assert RefundClock(database, clock).now_ms() == clock.now_ms(), "and it stays so"


def test_a_clock_that_was_set_back_is_followed_at_once(centre: Centre) -> None:
    time = RefundClock(Database(centre.engine), centre.clock)
    time.now_ms()
    jump(centre, -10 * DAY)
    assert time.now_ms() == centre.clock.now_ms()
