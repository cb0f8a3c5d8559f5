"""``dcep policy``: two officers of a bank set its limits, which hold without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.environment import System
from tests.integration.commands import dcep
from tests.integration.systems import MakeSystem
from tests.refusals import refused_for

pytestmark = [pytest.mark.xdist_group("policy"), pytest.mark.any_database]


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    yield systems()


def done(system: System, *words: str) -> Any:
    ran = dcep(*words, "--json", "--stack", str(system.plan.folder))
    assert ran.code == 0, ran.answer
    return ran.answer


def test_limits_are_set_by_two_and_hold_at_once(system: System, tmp_path: Path) -> None:
    alice, carol = (system.person(name, "alpha", holder_name=name) for name in ("alice", "carol"))
    alice.top_up(100_000)
    classes = done(system, "policy", "show", "alpha")["classes"]
    assert [one["wallet_class"] for one in classes] == ["II", "IV"]
    file = tmp_path / "lower.toml"
    file.write_text("[class_II]\nsingle_fen = 500\n")
    act = done(system, "policy", "set", "alpha", str(file))
    assert (act["kind"], act["state"], act["proposed_by"]) == ("set_policy", "open", "wang")
    alice.pay(carol.number, 501)
    shown = dcep("requests", "--stack", str(system.plan.folder)).out
    assert "set the limits of all wallet classes: class II single 5.00" in " ".join(shown.split())
    done(system, "approve", act["act_id"], "--as", "zhou")
    assert refused_for(alice.pay, carol.number, 501) == "OVER_SINGLE_LIMIT"
    alice.pay(carol.number, 500)
    now = done(system, "policy", "show", "alpha")["classes"]
    assert now == [{"wallet_class": "II", "single_fen": 500}]
    assert done(system, "policy", "show", "beta")["classes"] == classes
    audited = dcep("audit", "--json", "--stack", str(system.plan.folder))
    assert audited.code == 0, audited.answer["problems"]


@pytest.mark.parametrize(
    "text", ["[class_V]\nday_fen = 1\n", "[class_I]\nday_fen = 0\n", "class_I = 5\n", "[class_I\n"]
)
def test_a_file_that_is_no_policy_proposes_nothing(
    system: System, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "odd.toml"
    file.write_text(text)
    ran = dcep("policy", "set", "alpha", str(file), "--json", "--stack", str(system.plan.folder))
    assert (ran.code, ran.answer["reason"]) == (2, "POLICY_FILE")
    assert done(system, "requests", "--at", "alpha")["requests"] == []
