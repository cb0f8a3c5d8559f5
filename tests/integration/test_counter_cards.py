"""Cards at a bank's counter, on the real services: given out, topped up, blocked and replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from tests.integration.cards import PIN, card
from tests.integration.commands import dcep
from tests.integration.shell import Shell, opened
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("counter"), pytest.mark.any_database]


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    yield systems()


def counter(system: System, *words: str, code: int = 0, pin: str = PIN) -> Any:
    """What a clerk of alpha types, and the holder's PIN."""
    folder = str(system.plan.folder)
    done = dcep("card", *words, "--stack", folder, "--json", DCEP_CARD_PIN=pin)
    assert done.code == code, done
    return done.answer


@pytest.fixture
def shop(system: System, tmp_path: Path) -> Shell:
    """A merchant with a reader at beta."""
    shell, _ = opened(system, tmp_path / "shop", "--bank", "beta", "--name", "Tea House")
    shell.answer("topup", "20")
    shell.answer("offline", "load", "1")
    return shell


def test_a_card_is_topped_up_with_notes_and_pays_at_a_reader(
    system: System, shop: Shell, tmp_path: Path
) -> None:
    words = ("issue", "alpha", "card-1", "--phone", "02012345678", "--limit", "100")
    made = counter(system, *words)
    assert (made["wallet_class"], made["limit_fen"]) == ("IV", 10_000)
    assert counter(system, *words, code=1)["reason"] == "ALREADY_EXISTS"
    assert counter(system, "show", "alpha", "card-9", code=1)["reason"] == "WALLET_UNKNOWN"
    at, stack = tmp_path / "one.sock", str(system.plan.folder)
    with card(at, "--stack", stack, "--limit", "150"):
        face = at.with_suffix(".face")
        assert face.read_text() == "0.00"
        top_up = ("top-up", "alpha", "card-1", "--card", str(at))
        assert counter(system, *top_up, "60", pin="1111", code=1)["reason"] == "NOT_THE_OWNER"
        assert counter(system, *top_up, "60")["card_fen"] == 6_000
        assert face.read_text() == "60.00"
        assert counter(system, *top_up, "41", code=1)["reason"] == "OVER_BALANCE_CAP"
        assert counter(system, "show", "alpha", "card-1")["available_fen"] == 0, "nothing was taken"
        # Without the PIN a little, with it the rest; the merchant has no network meanwhile.
        assert shop.answer("offline", "tap", str(at), "--take", "5")["amount_fen"] == 500
        took = shop.answer("offline", "tap", str(at), "--take", "20", "--card-pin", PIN)
        assert took["card_fen"] == 3_500
        assert face.read_text() == "35.00"
    shop.answer("offline", "deposit")
    system.wait_quiet()
    assert audited(system).ok


def test_a_lost_card_is_blocked_by_two_and_replaced(
    system: System, shop: Shell, tmp_path: Path
) -> None:
    at, new, stack = tmp_path / "old.sock", tmp_path / "new.sock", str(system.plan.folder)
    counter(system, "issue", "alpha", "lost-1", "--phone", "02012345679")
    first, second = system.plan.officers("alpha")[:2]
    stranger = system.plan.officers("beta")[0]
    with card(at, "--stack", stack):
        counter(system, "top-up", "alpha", "lost-1", "80", "--card", str(at))
        block = ("block", "alpha", "lost-1", "--cause", "lost in the bus")
        assert counter(system, *block, "--as", stranger, code=1)["reason"] == "ROLE_NOT_ALLOWED"
        act = counter(system, *block, "--as", first)
        approve = ("approve", act["act_id"], "--stack", stack, "--json", "--as")
        assert dcep(*approve, first).answer["reason"] == "SAME_OFFICER"
        # One officer has blocked nothing.
        shop.answer("offline", "tap", str(at), "--take", "5")
        assert dcep(*approve, second).code == 0
        shop.answer("offline", "load", "1")  # which brings the shop the newest bundle
        refused = shop.answer("offline", "tap", str(at), "--take", "5", code=1)
        assert "revoked" in str(refused["message"]), refused
        # What is on it still goes back into its wallet, if it is found again.
        missing = counter(system, "replace", "alpha", "lost-1", "new-1", code=2)
        assert missing["reason"] == "FIELD_MISSING"
        again = ("replace", "alpha", "lost-1", "new-1", "--phone", "02012345679")
        made = counter(system, *again, "--card", str(at))
        assert (made["handed_over_fen"], made["available_fen"]) == (7_500, 7_500)
    assert counter(system, "replace", "alpha", "lost-1", "new-1")["handed_over_fen"] == 0
    with card(new, "--stack", stack):
        assert counter(system, "top-up", "alpha", "new-1", "--card", str(new))["card_fen"] == 7_500
        assert shop.answer("offline", "tap", str(new), "--take", "5")["amount_fen"] == 500
    shop.answer("offline", "deposit")
    system.wait_quiet()
    assert audited(system).ok
