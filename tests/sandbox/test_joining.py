"""A bank more for a stack: all of it or nothing, whatever ends the command half-way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployment import provisioning
from deployment.provisioning import ALIAS_KEY
from deployment.topology import BanksMisnamed, StackPlan, load
from sandbox.stack import joining
from sandbox.stack.joining import PortTaken, Wanted, join
from sandbox.stack.supervisor import init

CHOSEN = Wanted()


@pytest.fixture
def plan(tmp_path: Path) -> StackPlan:
    return init(tmp_path / "a stack")


def files(plan: StackPlan) -> dict[Path, bytes]:
    """What lies in the stack, but for the lock of these commands."""
    return {
        path: path.read_bytes()
        for path in sorted(plan.folder.rglob("*"))
        if path.is_file() and path.name != "lock" and path.suffix != ".lock"
    }


def test_a_bank_has_what_a_first_one_has(plan: StackPlan) -> None:
    before = files(plan)
    join(plan, "gamma", CHOSEN)
    after = load(plan.folder)
    assert [bank.name for bank in after.banks] == ["alpha", "beta", "gamma"]
    gamma = after.bank("gamma")
    assert (gamma.prefix, gamma.officers) == ("6203", ("sun", "wu"))
    shape = {
        path.relative_to(plan.bank_folder("beta")) for path in before if "banks/beta" in str(path)
    }
    assert shape == {
        path.relative_to(plan.bank_folder("gamma"))
        for path in files(after)
        if "banks/gamma" in str(path)
    }
    assert "gamma" in (plan.folder / "banks.json").read_text()
    ports = joining._ports_of(after)
    assert len(ports) == 2 + 3 * 3, "each its own"
    assert {path: content for path, content in files(after).items() if path in before} | {
        plan.description: b"",
        plan.folder / "banks.json": b"",
    } == before | {plan.description: b"", plan.folder / "banks.json": b""}


def test_the_same_again_changes_nothing(plan: StackPlan) -> None:
    after = join(plan, "gamma", CHOSEN)
    before = files(after)
    assert join(plan, "gamma", CHOSEN).banks == after.banks
    assert files(after) == before


def test_ports_are_as_chosen(plan: StackPlan) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gamma = join(plan, "gamma", Wanted(public_port=port)).bank("gamma")
    assert gamma.public_address == f"127.0.0.1:{port}"


def test_a_port_that_somebody_has_is_refused_before_anything_is_made(plan: StackPlan) -> None:
    before = files(plan)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(PortTaken, match="in use"),
    ):
        join(plan, "gamma", Wanted(inner_port=listener.getsockname()[1]))
    stopped = int(plan.bank("alpha").inner_address.rpartition(":")[2])
    for wanted in (Wanted(public_port=stopped), Wanted(public_port=7001, metrics_port=7001)):
        with pytest.raises(PortTaken, match="another use"):
            join(plan, "gamma", wanted)
    assert files(plan) == before


@pytest.mark.parametrize("name", ["Bank of China", "建设", "central-bank", "../../x", "", "a", "."])
def test_a_name_that_no_bank_can_have_leaves_nothing(plan: StackPlan, name: str) -> None:
    before = files(plan)
    with pytest.raises(BanksMisnamed):
        join(plan, name, CHOSEN)
    assert files(plan) == before


@pytest.mark.parametrize("prefix", ["6201", "62", "62034", "６２０９", "abcd"])
def test_a_prefix_that_is_no_other_banks(plan: StackPlan, prefix: str) -> None:
    with pytest.raises(BanksMisnamed):
        join(plan, "gamma", Wanted(prefix=prefix))
    assert join(plan, "gamma", Wanted(prefix="7777")).bank("gamma").prefix == "7777"


def test_a_folder_of_that_name_is_left_as_it_is(plan: StackPlan) -> None:
    mine = plan.bank_folder("gamma") / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(BanksMisnamed, match="take it away first"):
        join(plan, "gamma", CHOSEN)
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("step", ["_bank", "_officers", "changed"])
def test_what_fails_half_way_leaves_nothing(
    plan: StackPlan, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    before = files(plan)
    where: Any = StackPlan if step == "changed" else provisioning
    honest = getattr(where, step)

    def fails(*words: Any) -> None:
        if step != "changed":
            honest(*words)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(where, step, fails)
        with pytest.raises(type(error)):
            join(plan, "gamma", CHOSEN)
    assert files(plan) == before
    assert join(plan, "gamma", CHOSEN).bank("gamma").prefix == "6203"


KILLED = """
import os, signal, sys
from pathlib import Path
from deployment import provisioning
from sandbox.stack import joining
from deployment.topology import load
honest = provisioning._officers
def killed(*words):
    honest(*words)
    os.kill(os.getpid(), signal.SIGKILL)
provisioning._officers = killed
joining.join(load(Path(sys.argv[1])), "gamma", joining.Wanted())
"""


def test_an_officer_who_has_got_the_name_since_keeps_the_keys(plan: StackPlan) -> None:
    note = plan.folder / "joining" / "gamma.json"
    note.parent.mkdir()
    note.write_text('{"database": "sqlite:///x.db", "officers": ["lin", "sun"]}')
    before = {path: content for path, content in files(plan).items() if path != note}
    join(plan, "gamma", CHOSEN)
    assert all(path.read_bytes() == before[path] for path in plan.officers_folder.glob("lin.*"))


def test_what_a_power_cut_left_is_taken_away_by_the_same_command(plan: StackPlan) -> None:
    before = files(plan)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(plan.folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert load(plan.folder).banks == plan.banks, "it is in the stack when all of it is there"
    left = {path: content for path, content in files(plan).items() if path not in before}
    assert left
    after = join(plan, "gamma", CHOSEN)
    assert not list((plan.folder / "joining").glob("*.json"))
    own = [path for path in left if path.suffix == ".key" and path.name != ALIAS_KEY]
    assert own and all(left[path] != path.read_bytes() for path in own)
    assert len(after.banks) == 3
