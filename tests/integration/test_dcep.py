"""The command line of the sandbox, from an empty folder to the audit and back down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment.topology import load
from sandbox.stack.supervisor import Stack
from tests import forked
from tests.integration.commands import Done, dcep

pytestmark = pytest.mark.xdist_group("dcep")
SAMPLE = Path("sandbox/sample")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stack that ``dcep up --detach`` started."""
    path = tmp_path_factory.mktemp("cli") / "stack"
    done = dcep("up", "--detach", "--json", "--stack", str(path))
    assert done.code == 0, done.err
    yield str(path)
    Stack(load(path)).down()


def test_up_made_a_stack_that_serves(folder: str) -> None:
    done = dcep("status", "--json", "--stack", folder)
    assert done.code == 0
    assert set(done.answer["services"].values()) == {"serving"}
    assert all(forked.was_forked(pid) for pid in load(Path(folder)).pids.values())


def test_officers_issue_and_redeem_from_the_command_line(folder: str) -> None:
    def run(*arguments: str) -> Done:
        return dcep(*arguments, "--json", "--stack", folder)

    arrive = run("reserves", "alpha", "1000.00", "--cause", "over the payment system")
    assert run("approve", arrive.answer["act_id"], "--amount", "1000", "--as", "mei").code == 0
    asked = run("issue", "alpha", "600.00", "--as", "lin")
    assert (asked.answer["state"], asked.answer["proposed_by"]) == ("open", "lin")
    same = run("approve", asked.answer["act_id"], "--as", "lin")
    assert (same.code, same.answer["reason"]) == (1, "SAME_OFFICER")
    waiting = run("requests").answer["requests"]
    assert [(row["kind"], row["amount_fen"], row["bank"]) for row in waiting] == [
        ("issue", 60_000, "alpha")
    ]
    assert run("approve", "--as", "mei").code == 2  # neither one nor all
    approved = run("approve", "--all", "--amount", "600", "--as", "mei").answer["approved"]
    assert [row["circulation_fen"] for row in approved] == [60_000]
    too_much = run("redeem", "alpha", "600.01")
    assert (too_much.code, too_much.answer["reason"]) == (1, "CIRCULATION_SHORT")
    assert too_much.answer["missing_fen"] == "1"


def test_who_approves_sees_what_is_approved(folder: str) -> None:
    asked = dcep("reserves", "alpha", "7.00", "--cause", "[red]x[/]", "--stack", folder)
    act_id = asked.out.split("dcep approve ")[1].split()[0]
    listed = dcep("requests", "--stack", folder)
    assert "pay reserves in 7.00 yuan, alpha" in listed.out
    assert "[red]x[/]" in listed.out  # as it was written, and not as markup
    done = dcep("approve", act_id, "--amount", "7", "--as", "han", "--stack", folder)
    assert "7.00 yuan" in done.out


def test_the_officers_are_listed_with_their_rights(folder: str) -> None:
    rows = dcep("officers", "list", "--json", "--stack", folder).answer["officers"]
    central = {row["name"]: row["rights"] for row in rows if row["institution"] == "central-bank"}
    assert set(central) == {"lin", "mei", "han"}
    assert set(central["lin"]) == {
        *("officers", "reserves", "issuance", "banks", "devices", "policy")
    }


@pytest.mark.parametrize("amount", ["-1", "0", "1.2.3", "1e3", "一", "", "12,5", "1_000"])
def test_a_wrong_amount_is_refused_with_an_example(folder: str, amount: str) -> None:
    done = dcep("reserves", "--json", "--stack", folder, "--", "alpha", amount)
    assert done.code == 2
    assert "12.50" in done.answer["message"]


def test_a_suspended_bank_shows_and_returns(folder: str) -> None:
    for command in ("suspend", "reinstate"):
        act_id = dcep(command, "beta", "--json", "--stack", folder).answer["act_id"]
        done = dcep("approve", act_id, "--as", "mei", "--json", "--stack", folder)
        [row] = done.answer["approved"]
        assert (row["kind"], row["name"], row["state"]) == (f"{command}_bank", "beta", "approved")


def test_the_sample_replays_and_the_audit_holds(folder: str) -> None:
    done = dcep(
        *("replay", str(SAMPLE / "payments.csv"), "--balances", str(SAMPLE / "balances.csv")),
        *("--json", "--stack", folder),
    )
    assert done.code == 0, done.err
    answer = done.answer
    assert answer["audit_ok"] is True
    assert answer["accepted"] + sum(answer["refused"].values()) == 4_242
    assert answer["accepted"] > 4_000
    assert answer["payments_per_s"] > 0
    assert dcep("audit", "--json", "--stack", folder).answer["ok"] is True


def test_a_stack_that_is_not_there_is_a_wrong_usage(tmp_path: Path) -> None:
    done = dcep("status", "--json", "--stack", str(tmp_path))
    assert (done.code, done.answer["reason"]) == (2, "NO_STACK")


def test_down_stops_everything_and_up_brings_it_back(folder: str) -> None:
    before = load(Path(folder))
    stopped = dcep("down", "--json", "--stack", folder)
    assert len(stopped.answer["stopped"]) == 3
    assert Stack(before).running == {}
    assert dcep("status", "--json", "--stack", folder).code == 1
    assert dcep("audit", "--json", "--stack", folder).answer["ok"] is True
    assert dcep("up", "--detach", "--json", "--stack", folder).code == 0
    assert dcep("status", "--json", "--stack", folder).code == 0
