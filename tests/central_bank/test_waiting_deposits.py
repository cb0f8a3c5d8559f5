"""A deposit that came in time and waits for a bank's reserves is paid, however late they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit import audit_engines
from central_bank import limits
from central_bank.registration.offline.pending_deposits import PendingDeposits
from deployment.topology import CENTRAL_BANK
from offline_token.formats import Chain, Token
from tests.central_bank.waiting_deposit import a_deposit_that_waits, ask, reserves_arrive, waiting
from tests.feeds import told
from tests.offline.centre import Centre

START = 100_000


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path)


def restored(centre: Centre) -> list[int]:
    entries = told(centre.central, centre.alpha)
    found = [e.tokens_restored for e in entries if e.WhichOneof("event") == "tokens_restored"]
    return [entry.amount_fen for entry in found]


def audited(centre: Centre) -> list[str]:
    return audit_engines({CENTRAL_BANK: centre.engine}).problems


def test_who_came_in_time_is_paid_when_the_reserves_come_late(centre: Centre) -> None:
    item = a_deposit_that_waits(centre)
    centre.clock.advance(limits.MAX_DEPOSIT_WAIT_MS)
    assert not centre.central.refunds.step()
    centre.restart()
    assert ask(centre, item) == "RESERVES_SHORT"
    reserves_arrive(centre, 60)
    assert [ask(centre, item), ask(centre, item)] == [100, 100]
    assert waiting(centre) == 0
    assert centre.central.refunds.step()
    assert restored(centre) == []
    assert centre.books()["alpha"] == (0, START - 100 + 60)
    assert centre.books()["beta"][1] == 100
    assert audited(centre) == []


def test_who_comes_after_the_grace_is_not_paid_though_another_waits(centre: Centre) -> None:
    token = centre.token(centre.alice, 100)
    late = centre.item(centre.pay(token, centre.alice, centre.erin, 10), bank="beta")
    a_deposit_that_waits(centre, token)
    centre.clock.advance(1)
    assert ask(centre, late) == "TOKEN_EXPIRED"


def test_a_wait_has_an_end_and_the_rest_goes_back_then(centre: Centre) -> None:
    item = a_deposit_that_waits(centre)
    centre.clock.advance(limits.MAX_DEPOSIT_WAIT_MS + 1)
    assert centre.central.refunds.step()
    assert restored(centre) == [40]
    assert waiting(centre) == 0
    reserves_arrive(centre, 60)
    assert [ask(centre, item), ask(centre, item)] == ["TOKEN_EXPIRED"] * 2
    assert audited(centre) == []


def test_a_wait_that_ends_ends_no_other(centre: Centre) -> None:
    token = centre.token(centre.carol, 100)
    assert centre.deposit(centre.pay(token, centre.carol, centre.bob, 60)) == (60, "")
    first = a_deposit_that_waits(centre)
    second = centre.item(centre.pay(token, centre.carol, centre.dan, 100), bank="beta")
    assert (ask(centre, second), waiting(centre)) == ("RESERVES_SHORT", 2)
    centre.clock.advance(1)
    reserves_arrive(centre, 60)
    assert (ask(centre, first), waiting(centre)) == (100, 1)
    assert ask(centre, second) == "RESERVES_SHORT"
    reserves_arrive(centre, 60)
    assert (ask(centre, second), waiting(centre)) == (100, 0)
    assert audited(centre) == []


def test_a_call_that_was_judged_before_the_wait_began_ends_the_wait_too(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls of one deposit come at once; when the second has its turn, the first one waits."""
    item = a_deposit_that_waits(centre)
    reserves_arrive(centre, 60)
    with monkeypatch.context() as patch:
        patch.setattr(PendingDeposits, "numbers", lambda *_: frozenset())
        assert ask(centre, item) == 100
    assert waiting(centre) == 0
    assert audited(centre) == []


def test_a_wait_that_ends_in_a_refusal_holds_nothing_back(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = a_deposit_that_waits(centre)
    centre.clock.advance(1)
    monkeypatch.setattr("central_bank.registration.offline.losses.MAX_LOSS_PER_DEVICE_FEN", 59)
    assert ask(centre, item) == "SPENT_TWICE"
    assert waiting(centre) == 0
    assert centre.central.refunds.step()
    assert restored(centre) == [40]


def test_a_load_of_which_one_token_waits_goes_back_afterwards_and_others_do_at_once(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = {130: [100, 30]}
    monkeypatch.setattr(
        "central_bank.registration.offline.issuance.sizes", lambda fen: two.get(fen, [fen])
    )
    _, encoded = centre.register(centre.alice, 130, number=next(centre.numbers))
    large = max((Token.decode(body) for body in encoded), key=lambda token: token.value_fen)
    centre.token(centre.alice, 7)
    item = a_deposit_that_waits(centre, Chain(large))
    centre.clock.advance(1)
    assert [centre.central.refunds.step() for _ in range(2)] == [True, False]
    assert restored(centre) == [7]
    reserves_arrive(centre, 60)
    assert ask(centre, item) == 100
    assert centre.central.refunds.step()
    assert restored(centre) == [7, 30]
    assert audited(centre) == []


def test_another_payment_under_the_number_of_one_that_waits_did_not_come_in_time(
    centre: Centre,
) -> None:
    token = centre.token(centre.alice, 100)
    other = centre.item(centre.pay(token, centre.alice, centre.erin, 10), bank="beta")
    item = a_deposit_that_waits(centre, token)
    centre.clock.advance(1)
    other.number = item.number
    assert ask(centre, other) == "TOKEN_EXPIRED"
    assert waiting(centre) == 1, "the one that came in time"
