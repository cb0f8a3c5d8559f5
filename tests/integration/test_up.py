"""``dcep up`` in a terminal: a service that dies is started again, and no second one comes in."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployment.processes import Running
from deployment.topology import CENTRAL_BANK, StackPlan, load
from runtime.database import check_at_head, open_engine
from runtime.processes import exists
from sandbox.demo.environment import System, wait_until
from sandbox.stack.supervisor import Stack, init
from sandbox.stack.watch import watched
from tests.integration.commands import dcep, run, wallet
from tests.integration.systems import fund

pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.any_database]


@contextmanager
def upping(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A ``dcep up`` in a terminal, and what it says; Ctrl-C ends it."""
    said = Path(tempfile.mkstemp(suffix=".txt", dir=folder.parent)[1])
    temporary = folder.parent / ("t" * 100)  # too long for the path of a Unix socket in it
    temporary.mkdir(exist_ok=True)
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.cli.main", "up", "--stack", str(folder)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
                "COLUMNS": "120",
                "TMPDIR": str(temporary),
            },
        )
        try:
            yield process, said
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """A stack's folder and what the ``dcep up`` that runs it has said."""
    folder = tmp_path_factory.mktemp("up") / "stack"
    with upping(folder) as (_, said):
        wait_until(lambda: b"Ctrl-C stops everything" in said.read_bytes(), "the stack", 240)
        yield folder, said
    assert dcep("status", "--stack", str(folder)).code == 1


def test_a_folder_for_temporary_files_with_a_long_name_hinders_nobody(
    up: tuple[Path, Path],
) -> None:
    folder, _ = up
    for pid in load(folder).pids.values():
        environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert any(entry.startswith(b"TMPDIR=") and len(entry) > 108 for entry in environ)
    assert dcep("status", "--stack", str(folder)).code == 0


def test_a_service_that_dies_is_started_again_and_the_others_go_on(
    up: tuple[Path, Path],
) -> None:
    folder, said = up
    before = load(folder).pids
    os.killpg(before["alpha"], signal.SIGKILL)
    wait_until(lambda: load(folder).pids["alpha"] != before["alpha"], "another alpha", 240)
    wait_until(lambda: Stack(load(folder)).healthy("alpha"), "a healthy alpha", 240)
    assert {**load(folder).pids, "alpha": 0} == {**before, "alpha": 0}
    assert "alpha ended; it is started again in 1 s" in said.read_text()


def test_a_service_that_is_started_again_on_purpose_is_looked_after_as_before(
    up: tuple[Path, Path],
) -> None:
    folder, said = up
    before = load(folder).pids
    done = dcep("restart", "beta", "--stack", str(folder), "--json")
    assert (done.code, done.answer["restarted"]) == (0, ["beta"])
    again = load(folder).pids
    assert again["beta"] != before["beta"]
    assert {**again, "beta": 0} == {**before, "beta": 0}
    wait_until(lambda: "beta was started by another" in said.read_text(), "it is seen", 60)
    assert "beta was stopped" not in said.read_text()
    os.killpg(again["beta"], signal.SIGKILL)
    wait_until(lambda: load(folder).pids["beta"] != again["beta"], "another beta", 240)
    wait_until(lambda: Stack(load(folder)).healthy("beta"), "a healthy beta", 240)


def test_who_restarts_a_service_that_was_started_anew_meanwhile_replaces_that_one(
    up: tuple[Path, Path],
) -> None:
    folder, _ = up
    stale = Stack(load(folder))
    os.killpg(load(folder).pids["alpha"], signal.SIGKILL)
    wait_until(lambda: load(folder).pids["alpha"] != stale.plan.pids["alpha"], "another", 240)
    newer = load(folder).pids["alpha"]
    stale.restart("alpha")
    wait_until(lambda: not exists(newer), "its parent to see its end", 60)
    assert Stack(load(folder)).healthy("alpha")
    assert load(folder).pids["alpha"] not in (newer, 0)


def test_only_services_that_there_are_can_be_started_again(up: tuple[Path, Path]) -> None:
    folder, _ = up
    before = load(folder).pids
    done = dcep("restart", "alpha", "gamma", "--stack", str(folder))
    assert done.code == 2
    assert "gamma is no service of this stack" in done.err
    assert load(folder).pids == before


@pytest.mark.parametrize("does", ["--migrate", "--migrate-only"])
@pytest.mark.parametrize("name", [CENTRAL_BANK, "alpha"])
def test_a_second_service_on_a_database_is_refused_at_its_start(
    up: tuple[Path, Path], name: str, does: str
) -> None:
    folder, _ = up
    command = load(folder).command(name)
    done = run(command.module, *command.arguments[:-1], does)
    assert done.code == 2
    assert "another service writes the database" in done.err
    assert "Traceback" not in done.err
    assert Stack(load(folder)).healthy(name)


def test_a_second_up_attaches_and_its_end_stops_nothing(up: tuple[Path, Path]) -> None:
    folder, _ = up
    before = load(folder).pids
    with upping(folder) as (second, said):
        wait_until(lambda: b"Ctrl-C leaves it" in said.read_bytes(), "the second", 240)
        second.send_signal(signal.SIGINT)
        assert second.wait(60) == 0
        assert "left running" in said.read_text()
    assert load(folder).pids == before
    assert all(Stack(load(folder)).healthy(name) for name in before)


def test_what_is_stopped_on_purpose_is_not_started_again(up: tuple[Path, Path]) -> None:
    folder, said = up
    assert dcep("down", "--stack", str(folder)).code == 0
    wait_until(lambda: said.read_text().count("was stopped") == 3, "three words", 60)
    assert load(folder).pids == {}


def test_a_stack_in_the_background_comes_back_by_itself(tmp_path: Path) -> None:
    plan = init(tmp_path / "stack")
    where = {"DCEP_STACK": str(plan.folder)}
    assert dcep("up", "--detach", **where).code == 0
    watcher = _watcher(plan)
    before = load(plan.folder).pids
    try:
        assert dcep("status", "--json", **where).answer["not_looked_after"] == []
        fund(System(Stack(load(plan.folder)), tmp_path / "homes"))
        alice, bob = (_opened(tmp_path / name, **where) for name in ("alice", "bob"))
        assert wallet("topup", "100", "--home", alice, **where).code == 0

        os.killpg(before["alpha"], signal.SIGKILL)
        wait_until(lambda: load(plan.folder).pids["alpha"] != before["alpha"], "another", 240)
        wait_until(lambda: Stack(load(plan.folder)).healthy("alpha"), "a healthy alpha", 240)
        assert {**load(plan.folder).pids, "alpha": 0} == {**before, "alpha": 0}
        number = wallet("show", "--json", "--home", bob, **where).answer["number"]
        assert wallet("pay", number, "12.50", "--home", alice, **where).code == 0
        said = (plan.logs / "watcher.log").read_text()
        assert "alpha ended; it is started again in 1 s" in said

        assert dcep("up", "--detach", **where).code == 0
        assert _watcher(plan) == watcher, "one is enough"
    finally:
        assert dcep("down", **where).code == 0
    assert load(plan.folder).pids == {}
    gone = [watcher, *before.values()]
    wait_until(lambda: not any(map(exists, gone)), "whoever started them to see their ends", 60)


def test_the_services_of_a_watcher_that_was_killed_go_on_and_status_says_so(
    tmp_path: Path,
) -> None:
    plan = init(tmp_path / "stack")
    where = {"DCEP_STACK": str(plan.folder)}
    assert dcep("up", "--detach", **where).code == 0
    try:
        before = load(plan.folder).pids
        os.killpg(_watcher(plan), signal.SIGKILL)
        wait_until(lambda: not watched(plan.logs, "alpha"), "nobody", 60)
        status = dcep("status", **where)
        assert status.code == 0
        assert "central-bank, alpha, beta: nobody starts it again" in status.out
        assert load(plan.folder).pids == before
        assert dcep("up", "--detach", **where).code == 0
        assert load(plan.folder).pids == before
        assert dcep("status", "--json", **where).answer["not_looked_after"] == []
        Stack(load(plan.folder)).down()
        wait_until(lambda: not exists(_watcher(plan)), "its end: nothing is left to do", 60)
    finally:
        assert dcep("down", **where).code == 0


def _watcher(plan: StackPlan) -> int:
    return int((plan.logs / "watcher.pid").read_text())


def _opened(home: Path, **where: str) -> str:
    assert (
        wallet("open", "--bank", "alpha", "--name", home.name, "--home", str(home), **where).code
        == 0
    )
    return str(home)


def test_a_stack_may_be_moved_and_copied(tmp_path: Path) -> None:
    original, moved = tmp_path / "stack", tmp_path / "moved here"
    home = ("--home", str(tmp_path / "home"))
    where = {"DCEP_STACK": str(original)}
    assert dcep("up", "--detach", **where).code == 0
    try:
        assert wallet("open", "--bank", "alpha", "--name", "Alice", *home, **where).code == 0
    finally:
        assert dcep("down", **where).code == 0
    shutil.copytree(original, moved)
    kept = {path: path.read_bytes() for path in sorted(original.rglob("*.db"))}
    assert kept
    where = {"DCEP_STACK": str(moved)}
    assert dcep("up", "--detach", **where).code == 0
    try:
        original.rename(tmp_path / "elsewhere")
        assert wallet("show", *home).code == 0
        assert dcep("audit", **where).code == 0
    finally:
        assert dcep("down", **where).code == 0
    (tmp_path / "elsewhere").rename(original)
    assert {path: path.read_bytes() for path in kept} == kept, "the copy worked on the original"


@pytest.mark.parametrize("taken", ["listen", "public", "metrics"])
def test_a_port_that_is_in_use_is_said_in_a_sentence(tmp_path: Path, taken: str) -> None:
    plan = init(tmp_path / "stack")
    alpha = plan.bank("alpha")
    ports = {
        "listen": plan.central_address.rpartition(":")[2],
        "public": alpha.public_address.rpartition(":")[2],
        "metrics": str(alpha.metrics_port),
    }
    with socket.create_server(("127.0.0.1", int(ports[taken]))):
        done = dcep("up", "--detach", "--stack", str(plan.folder))
    assert done.code == 1
    assert f"port {ports[taken]}" in done.err or f":{ports[taken]}: the port is in use" in done.err
    assert "Traceback" not in done.err
    assert load(plan.folder).pids == {}


def test_ctrl_c_while_the_stack_starts_stops_what_was_started(tmp_path: Path) -> None:
    plan = init(tmp_path / "stack")
    with upping(plan.folder) as (process, said):
        wait_until(lambda: bool(load(plan.folder).pids), "a first service", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert load(plan.folder).pids == {} and Stack(load(plan.folder)).running == {}
    assert "what was started here is stopped again" in said.read_text()
    assert "Traceback" not in said.read_text()


@pytest.mark.parametrize(
    ("name", "service"), [(CENTRAL_BANK, "central_bank"), ("alpha", "operator_bank")]
)
def test_tables_are_made_on_purpose_before_a_service_starts_by_itself(
    tmp_path: Path, name: str, service: str
) -> None:
    """A wrong URL or a disk that is not mounted is no empty ledger to begin with."""
    plan = init(tmp_path / "stack")
    command = plan.command(name)
    told = command.arguments[:-1]
    assert command.arguments[-1] == "--migrate"
    done = run(command.module, *told)
    assert done.code == 2 and "--migrate" in done.err
    for _twice in range(2):
        assert run(command.module, *told, "--migrate-only").code == 0
    engine = open_engine(plan.database_url(name))
    check_at_head(engine, service)
    engine.dispose()


def test_a_service_that_was_started_by_hand_is_seen_and_left_alone(tmp_path: Path) -> None:
    plan = init(tmp_path / "stack")
    by_hand = Running.start(plan.command(CENTRAL_BANK))
    try:
        wait_until(lambda: Stack(plan).healthy(CENTRAL_BANK), "the central bank", 240)
        status = dcep("status", "--json", "--stack", str(plan.folder))
        assert status.code == 1
        assert status.answer["services"] == {
            CENTRAL_BANK: "serving",
            "alpha": "down",
            "beta": "down",
        }
        assert status.answer["started_by_hand"] == [CENTRAL_BANK]
        said = dcep("status", "--stack", str(plan.folder), COLUMNS="40").out
        assert "by hand" in said and "alpha, beta: down; `dcep up` starts" in " ".join(said.split())
        assert max(map(len, said.splitlines())) <= 40
        assert dcep("down", "--stack", str(plan.folder)).out == "nothing was running\n"
        assert by_hand.alive()
    finally:
        by_hand.stop()


def test_status_says_who_is_suspended_and_what_waits(tmp_path: Path) -> None:
    plan = init(tmp_path / "stack")
    where = ("--stack", str(plan.folder))
    with System(Stack(plan), tmp_path / "homes") as system:
        system.stack.up()
        act = dcep("suspend", "beta", "--json", *where).answer["act_id"]
        waiting = dcep("status", *where)
        assert "1 waits for officers: dcep requests" in waiting.out
        assert dcep("approve", act, *where).code == 0
        status = dcep("status", "--json", *where).answer
        assert (status["suspended"], status["waiting"]["central-bank"]) == (["beta"], 0)
        assert "beta is suspended; `dcep banks` says" in dcep("status", *where).out
