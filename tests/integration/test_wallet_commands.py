"""What a person types at ``wallet``, with banks that come and go."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from currency.amount import format_yuan
from sandbox.demo.environment import System
from tests.integration.shell import Shell, opened
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("wallet_commands"), pytest.mark.any_database]


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    yield systems()


def test_a_watch_outlives_its_bank_and_leaves_nothing_out(system: System, tmp_path: Path) -> None:
    alice, _ = opened(system, tmp_path / "alice", "--bank", "alpha", "--name", "Alice")
    bob, number = opened(system, tmp_path / "bob", "--bank", "alpha", "--phone", "13800000001")
    alice.answer("topup", "100")
    with bob.watching(3) as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        alice.answer("pay", number, "1")
        first = json.loads(watch.stdout.readline())
        assert (first["change_fen"], first["balance_after_fen"]) == (100, 100)
        system.stack.kill("alpha")
        assert "does not answer" in watch.stderr.readline()
        system.stack.restart("alpha")
        alice.answer("pay", number, "2")
        alice.answer("pay", number, "3")
        came = [json.loads(watch.stdout.readline()) for _ in range(2)]
        assert [arrival["change_fen"] for arrival in came] == [200, 300]
        assert came[-1]["balance_after_fen"] == 600
        assert watch.wait(30) == 0


def test_a_bank_that_is_down_is_named_and_a_question_is_no_order(
    system: System, tmp_path: Path
) -> None:
    alice, _ = opened(system, tmp_path / "carol", "--bank", "beta", "--name", "Carol")
    alice.answer("topup", "100")
    system.stack.kill("beta")
    try:
        for question in ("history", "watch"):
            said = alice.said(question, code=3)
            assert "Bank beta does not answer" in said, said
            assert "nothing was ordered" in said and "pay twice" not in said
        assert "unknown: bank beta does not answer" in alice.said("show", code=3)
        said = alice.said("topup", "1", code=3)
        assert "Bank beta does not answer, so nobody knows yet" in said
        assert "it does not pay twice" in said
    finally:
        system.stack.restart("beta")
    assert alice.answer("topup", "1")["available_fen"] == 10_100


def test_limits_are_shown_with_what_is_left_and_a_refusal_names_its_own(
    system: System, tmp_path: Path
) -> None:
    dave, _ = opened(system, tmp_path / "dave", "--bank", "alpha", "--name", "Dave")
    _, number = opened(system, tmp_path / "erin", "--bank", "alpha", "--phone", "13800000003")
    dave.answer("topup", "1,000")
    dave.answer("pay", number, "12.50")
    limits = dave.answer("show")["limits"]
    assert isinstance(limits, dict)
    single, day = (format_yuan(limits[name]) for name in ("single_fen", "day_fen"))
    left = format_yuan(limits["day_fen"] - 1_250)
    said = dave.said("show")
    assert "class II" in said
    assert f"{day} yuan, {left} left until 20" in said
    told = dave.answer("limits")["limits"]
    assert isinstance(told, dict)
    assert told["day"]["left_fen"] == limits["day_fen"] - 1_250
    # It turns at midnight in UTC+8.
    assert (told["day"]["turns_time_ms"] + 8 * 3_600_000) % 86_400_000 == 0
    assert 0 < told["day"]["turns_time_ms"] - time.time() * 1_000 <= 86_400_000
    assert f"{day} yuan, {left} left until 20" in dave.said("limits")
    over = format_yuan(limits["single_fen"] + 1)
    assert f"A payment: {single} yuan at most" in dave.said("pay", number, over, code=1)
    assert dave.answer("pay", number, over, code=1)["limit"] == told["single"]


def test_a_copied_home_is_told_that_the_wallet_is_used_elsewhere(
    system: System, tmp_path: Path
) -> None:
    first, _ = opened(system, tmp_path / "frank", "--bank", "alpha", "--name", "Frank")
    _, number = opened(system, tmp_path / "grace", "--bank", "alpha", "--phone", "13800000004")
    first.answer("topup", "100")
    shutil.copytree(tmp_path / "frank", tmp_path / "copy")
    copy = Shell(system, tmp_path / "copy")
    first.answer("pay", number, "5")
    for _ in range(2):
        assert copy.answer("pay", number, "6", code=1)["reason"] == "WALLET_USED_ELSEWHERE"
    assert "wallet resume" in copy.said("pay", number, "6", code=1)
    assert "payment to" in copy.said("resume")
    copy.answer("pay", number, "6")
    assert first.answer("topup", "1", code=1)["reason"] == "WALLET_USED_ELSEWHERE"
