"""A wallet whose home was copied: each place is told, and nothing is ordered by mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runtime.errors import NoAnswer
from tests.refusals import refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from wallet.app import App


@pytest.fixture
def bob(make_app: MakeApp) -> str:
    return make_app("bob").profile().number


@pytest.fixture
def places(make_app: MakeApp, tmp_path: Path, bob: str) -> tuple[App, App]:
    """Alice's home and a copy of it."""
    home = make_app("alice")
    home.holder().top_up(10_000)
    home.close()
    shutil.copytree(tmp_path / "alice", tmp_path / "copy")
    return make_app("alice", opened=False), make_app("copy", opened=False)


def test_the_place_that_orders_second_is_told_and_orders_nothing_until_somebody_looked(
    places: tuple[App, App], bank: FakeBank, bob: str
) -> None:
    here, copy = places
    here.holder().pay(bob, 100)
    for _ in range(3):
        assert refused_for(copy.holder().pay, bob, 200) == "WALLET_USED_ELSEWHERE"
    assert bank.accounts[bob].available_fen == 100
    (other,) = copy.holder().resume()
    assert (other.change_fen, other.counterparty) == (-100, bob)
    copy.holder().pay(bob, 200)
    assert bank.accounts[bob].available_fen == 300


def test_the_first_place_is_told_once_the_copy_has_gone_on(
    places: tuple[App, App], bank: FakeBank, bob: str
) -> None:
    here, copy = places
    here.holder().pay(bob, 100)
    assert refused_for(copy.holder().pay, bob, 200) == "WALLET_USED_ELSEWHERE"
    copy.holder().resume()
    copy.holder().pay(bob, 200)
    assert refused_for(here.holder().pay, bob, 400) == "WALLET_USED_ELSEWHERE"
    assert [entry.change_fen for entry in here.holder().resume()] == [-200]
    here.holder().pay(bob, 400)
    assert bank.accounts[bob].available_fen == 700


def test_an_equal_payment_is_not_taken_for_the_other_places_one(
    places: tuple[App, App], bank: FakeBank, bob: str
) -> None:
    here, copy = places
    here.holder().pay(bob, 100)
    bank.clock.advance(1)  # type: ignore[attr-defined]
    assert refused_for(copy.holder().pay, bob, 100) == "WALLET_USED_ELSEWHERE"
    assert bank.accounts[bob].available_fen == 100


def test_an_order_without_an_answer_is_still_asked_about(
    places: tuple[App, App], bank: FakeBank, bob: str
) -> None:
    here, copy = places
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        here.holder().pay(bob, 100)
    copy.submitter().book.seen_elsewhere(copy.profile().number, 1)
    here.submitter().book.seen_elsewhere(here.profile().number, 1)
    assert here.holder().pay(bob, 100).resent
    assert refused_for(here.holder().pay, bob, 100) == "WALLET_USED_ELSEWHERE"
    assert bank.accounts[bob].available_fen == 100


def test_questions_are_answered_meanwhile(places: tuple[App, App], bob: str) -> None:
    here, copy = places
    here.holder().pay(bob, 100)
    refused_for(copy.holder().pay, bob, 200)
    assert copy.holder().show().available_fen == 9_900
    assert len(copy.holder().history()[0]) == 2


def test_resume_of_a_wallet_that_is_used_from_here_alone_changes_nothing(
    places: tuple[App, App], bob: str
) -> None:
    here, _ = places
    here.holder().pay(bob, 100)
    assert here.holder().resume() == []
    here.holder().pay(bob, 200)


def test_what_never_reached_the_bank_keeps_its_number_when_this_place_orders_again(
    places: tuple[App, App], bank: FakeBank, bob: str
) -> None:
    here, copy = places
    copy.holder().pay(bob, 100)
    bank.mute_before = 2
    for fen in (200, 400):
        with pytest.raises(NoAnswer):
            here.holder().pay(bob, fen)
    assert refused_for(here.holder().pay, bob, 200) == "WALLET_USED_ELSEWHERE"
    here.holder().resume()
    assert not here.holder().pay(bob, 800).resent
    assert here.holder().pay(bob, 400).resent
    assert bank.accounts[bob].available_fen == 100 + 800 + 400
