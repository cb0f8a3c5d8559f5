"""``dcep policy``: two officers of the central bank publish limits, which every bank follows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from currency.days import date_of, day_of
from deployment.policy_file import SHIPPED
from runtime.clock import SystemClock
from runtime.errors import Refusal
from sandbox.demo.environment import System
from tests.integration.commands import dcep
from tests.integration.systems import MakeSystem
from tests.refusals import refused_for

pytestmark = [pytest.mark.xdist_group("policy"), pytest.mark.any_database]
LIMITS = (SHIPPED / "e-cny.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    yield systems()


def done(system: System, *words: str) -> Any:
    ran = dcep(*words, "--json", "--stack", str(system.plan.folder))
    assert ran.code == 0, ran.answer
    return ran.answer


def today() -> str:
    return date_of(day_of(SystemClock().now_ms())).isoformat()


def followed(system: System, number: int, within_s: float = 30.0) -> None:
    """Waits until both banks have signed that they follow a policy."""
    until = time.monotonic() + within_s
    while True:
        follows = done(system, "policy", "show")["follows"]
        if follows == {"alpha": number, "beta": number}:
            return
        assert time.monotonic() < until, follows
        time.sleep(0.2)


def test_a_policy_that_is_published_while_payments_run_holds_at_every_bank(
    system: System, tmp_path: Path
) -> None:
    alice, carol = (system.person(name, "alpha", holder_name=name) for name in ("alice", "carol"))
    bob = system.person("bob", "beta", holder_name="bob")
    for one in (alice, bob):
        one.top_up(100_000)
    pids = dict(system.stack.plan.pids)
    [first] = done(system, "policy", "show")["policies"]
    assert (first["begun"], first["classes"][1]["single_fen"]) == (True, 5_000_000)

    file = tmp_path / "lower.toml"
    file.write_text(LIMITS.replace("single_yuan = 50_000", "single_yuan = 5"))
    act = done(system, "policy", "publish", str(file), "--from", today())
    assert (act["kind"], act["state"], act["proposed_by"]) == ("publish_policy", "open", "lin")
    shown = dcep("requests", "--stack", str(system.plan.folder)).out
    assert "class II balance cap 500,000.00, single 5.00" in " ".join(shown.split())

    answers: list[str] = []
    over = threading.Event()

    def pay_on() -> None:
        while not over.is_set():
            try:
                alice.pay(carol.number, 501)
                answers.append("paid")
            except Refusal as refusal:
                answers.append(refusal.name)
            time.sleep(0.05)

    payer = threading.Thread(target=pay_on)
    payer.start()
    try:
        time.sleep(0.5)
        done(system, "approve", act["act_id"], "--as", "mei")
        until = time.monotonic() + 30
        while "OVER_SINGLE_LIMIT" not in answers and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.5)
    finally:
        over.set()
        payer.join()
    first_no = answers.index("OVER_SINGLE_LIMIT")
    assert set(answers[:first_no]) == {"paid"}
    assert set(answers[first_no:]) == {"OVER_SINGLE_LIMIT"}
    alice.pay(carol.number, 500)
    until = time.monotonic() + 30
    while not _is_over(bob, carol.number) and time.monotonic() < until:
        time.sleep(0.1)
    assert refused_for(bob.pay, carol.number, 501) == "OVER_SINGLE_LIMIT"
    assert dict(system.stack.plan.pids) == pids, "nobody was started anew"
    followed(system, done(system, "policy", "show")["policies"][-1]["number"])
    audited = dcep("audit", "--json", "--stack", str(system.plan.folder))
    assert audited.code == 0, audited.answer["problems"]


def _is_over(person: Any, payee: str) -> bool:
    try:
        person.pay(payee, 501)
    except Refusal as refusal:
        return refusal.name == "OVER_SINGLE_LIMIT"
    return False


@pytest.mark.parametrize(
    "text",
    [
        LIMITS.replace("[class_IV]", "[class_V]"),
        LIMITS.replace("day_yuan = 100_000", "day_yuan = 0"),
        "[class_I\n",
        "",
    ],
)
def test_a_file_that_is_no_policy_proposes_nothing(
    system: System, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "odd.toml"
    file.write_text(text)
    words = ("policy", "publish", str(file), "--from", today(), "--json")
    ran = dcep(*words, "--stack", str(system.plan.folder))
    assert (ran.code, ran.answer["reason"]) == (2, "POLICY_FILE")
    assert done(system, "requests", "--at", "central-bank")["requests"] == []


@pytest.mark.parametrize("begins", ["2020-01-01", "tomorrow"])
def test_a_day_that_is_over_or_none_proposes_nothing(system: System, begins: str) -> None:
    words = ("policy", "publish", str(SHIPPED / "e-cny.toml"), "--from", begins, "--json")
    ran = dcep(*words, "--stack", str(system.plan.folder))
    assert ran.code != 0
    assert ran.answer["reason"] in ("FIELD_INVALID", "POLICY_FILE")
    assert done(system, "requests", "--at", "central-bank")["requests"] == []
