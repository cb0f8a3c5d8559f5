"""The command line of the sandbox, from an empty folder to the audit and back down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.plan import load
from sandbox.stack import Stack
from tests.integration.commands import dcep

pytestmark = pytest.mark.xdist_group("dcep")
SAMPLE = Path("sandbox/sample")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stack that ``dcep up --detach`` started."""
    path = tmp_path_factory.mktemp("cli") / "stack"
    done = dcep("up", "--detach", "--json", "--dir", str(path))
    assert done.code == 0, done.err
    yield str(path)
    Stack(load(path)).down()


def test_up_made_a_stack_that_serves(folder: str) -> None:
    done = dcep("status", "--json", "--dir", folder)
    assert done.code == 0
    assert set(done.answer["services"].values()) == {"serving"}


def test_officers_issue_and_redeem_from_the_command_line(folder: str) -> None:
    assert dcep("reserves", "alpha", "1000.00", "--json", "--dir", folder).code == 0
    asked = dcep("issue", "alpha", "600.00", "--as", "lin", "--json", "--dir", folder)
    assert asked.answer["state"] == "waiting"
    same = dcep("approve", asked.answer["request_id"], "--as", "lin", "--json", "--dir", folder)
    assert (same.code, same.answer["reason"]) == (1, "SAME_OFFICER")
    approved = dcep("approve", "--as", "mei", "--json", "--dir", folder).answer["approved"]
    assert [row["circulation_fen"] for row in approved] == [60_000]
    too_much = dcep("redeem", "alpha", "600.01", "--json", "--dir", folder)
    assert (too_much.code, too_much.answer["reason"]) == (1, "CIRCULATION_SHORT")
    assert too_much.answer["missing_fen"] == "1"


@pytest.mark.parametrize("amount", ["-1", "0", "1.234", "1e3", "１２", "", "12,5", "1_000"])
def test_a_wrong_amount_is_refused_with_an_example(folder: str, amount: str) -> None:
    done = dcep("reserves", "--json", "--dir", folder, "--", "alpha", amount)
    assert done.code == 2
    assert "12.50" in done.answer["message"]


def test_a_suspended_bank_shows_and_returns(folder: str) -> None:
    assert dcep("suspend", "beta", "--json", "--dir", folder).answer["state"] == "suspended"
    assert dcep("reinstate", "beta", "--json", "--dir", folder).answer["state"] == "admitted"


def test_the_sample_replays_and_the_audit_holds(folder: str) -> None:
    done = dcep(
        *("replay", str(SAMPLE / "payments.csv"), "--balances", str(SAMPLE / "balances.csv")),
        *("--json", "--dir", folder),
    )
    assert done.code == 0, done.err
    answer = done.answer
    assert answer["audit_ok"] is True
    assert answer["accepted"] + sum(answer["refused"].values()) == 4_242
    assert answer["accepted"] > 4_000
    assert answer["payments_per_s"] > 0
    assert dcep("audit", "--json", "--dir", folder).answer["ok"] is True


def test_a_stack_that_is_not_there_is_a_wrong_usage(tmp_path: Path) -> None:
    done = dcep("status", "--json", "--dir", str(tmp_path))
    assert (done.code, done.answer["reason"]) == (2, "NO_STACK")


def test_down_stops_everything_and_up_brings_it_back(folder: str) -> None:
    before = load(Path(folder))
    stopped = dcep("down", "--json", "--dir", folder)
    assert len(stopped.answer["stopped"]) == 3
    assert Stack(before).running == {}
    assert dcep("status", "--json", "--dir", folder).code == 1
    assert dcep("audit", "--json", "--dir", folder).answer["ok"] is True
    assert dcep("up", "--detach", "--json", "--dir", folder).code == 0
    assert dcep("status", "--json", "--dir", folder).code == 0
