"""``dcep officers``: people come, go, and get rights and keys while the services run."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.clients import ActClient, by_two
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK, StackPlan, load
from runtime.errors import Refusal
from sandbox.demo.environment import System
from tests.integration.commands import Done, dcep
from tests.integration.commands_typed import typed
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("officers"), pytest.mark.any_database]
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's full device")


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    made = systems(funded=False)
    yield made
    audited = dcep("audit", "--json", "--stack", str(made.plan.folder))
    assert audited.code == 0, audited.answer["problems"]


@pytest.fixture
def folder(system: System) -> Path:
    return system.plan.folder


def run(folder: Path, *words: str) -> Done:
    return dcep(*words, "--json", "--stack", str(folder))


def done(folder: Path, *words: str) -> Any:
    ran = run(folder, *words)
    assert ran.code == 0, ran.answer
    return ran.answer


def reason(folder: Path, *words: str) -> tuple[int, str]:
    ran = run(folder, *words)
    return ran.code, ran.answer["reason"]


def names(folder: Path, at: str = CENTRAL_BANK) -> tuple[str, ...]:
    return load(folder).officers(at)


def waiting(folder: Path, kind: str) -> list[str]:
    return [act["act_id"] for act in done(folder, "requests")["requests"] if act["kind"] == kind]


def new(folder: Path, name: str, *more: str, by: str = "mei") -> None:
    act = done(folder, "officers", "register", name, *more)["act_id"]
    done(folder, "approve", act, "--as", by)


def files(folder: Path, name: str) -> list[Path]:
    return sorted((folder / "officers").glob(f"{name}.*"))


def test_two_register_an_officer_who_then_sits_at_a_desk(folder: Path) -> None:
    proposed = done(folder, "officers", "register", "sun", "--rights", "officers,reserves")
    assert (proposed["state"], proposed["proposed_by"]) == ("open", "lin")
    assert "sun" not in names(folder)
    assert reason(folder, "reserves", "alpha", "1", "--as", "sun") == (2, "OFFICER_UNKNOWN")
    done(folder, "approve", proposed["act_id"], "--as", "mei")
    assert names(folder)[-1] == "sun"
    made = files(folder, "sun")
    assert [file.name for file in made] == ["sun.crt", "sun.key", "sun.signing.key"]
    assert [stat.S_IMODE(file.stat().st_mode) & 0o077 for file in made[1:]] == [0, 0]
    act = done(folder, "reserves", "alpha", "1", "--as", "sun")["act_id"]
    assert reason(folder, "issue", "alpha", "1", "--as", "sun") == (1, "RIGHT_MISSING")
    done(folder, "approve", act, "--amount", "1", "--as", "han")


def test_an_officer_of_a_bank_is_registered_at_the_bank(folder: Path) -> None:
    act = done(folder, "officers", "register", "liu", "--at", "alpha")["act_id"]
    done(folder, "approve", act, "--as", "zhou")
    assert names(folder, "alpha") == ("wang", "zhou", "liu")
    assert "liu" not in names(folder)
    rows = done(folder, "officers", "list", "--at", "alpha")["officers"]
    assert {row["name"] for row in rows} == {"wang", "zhou", "liu"}


def test_an_equal_command_does_not_propose_twice(folder: Path) -> None:
    first = done(folder, "officers", "register", "gao")
    again = done(folder, "officers", "register", "gao")
    assert (again["act_id"], again["repeated"]) == (first["act_id"], True)
    assert waiting(folder, "register_officer") == [first["act_id"]]
    done(folder, "reject", first["act_id"], "--as", "mei")
    assert "gao" not in names(folder)
    other = done(folder, "officers", "register", "gao")
    assert other["act_id"] != first["act_id"] and other["repeated"] is False
    done(folder, "reject", other["act_id"], "--as", "mei")


@needs_full
def test_what_was_approved_while_the_command_was_away_is_told_and_followed(folder: Path) -> None:
    ran = typed("dcep officers register qin > /dev/full", DCEP_STACK=str(folder))
    assert ran.code == 3, ran.err
    (act,) = waiting(folder, "register_officer")
    with ActClient(load(folder), CENTRAL_BANK, "mei") as client:
        client.approve(client.act(act))
    assert "qin" not in names(folder), "nobody looked"
    told = done(folder, "officers", "register", "qin")
    assert (told["act_id"], told["state"], told["repeated"]) == (act, "approved", True)
    assert "qin" in names(folder)
    assert done(folder, "officers", "register", "qin")["repeated"] is True
    assert waiting(folder, "register_officer") == []


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Lin", (1, "FIELD_INVALID")),
        ("../lin", (1, "FIELD_INVALID")),
        ("ca", (1, "ALREADY_EXISTS")),
        ("wang", (1, "ALREADY_EXISTS")),
    ],
)
def test_names_that_nobody_can_have_leave_no_files(
    folder: Path, name: str, answer: tuple[int, str]
) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("officers/*") if file.is_file()}
    assert reason(folder, "officers", "register", name) == answer
    after = {file: file.read_bytes() for file in folder.rglob("officers/*") if file.is_file()}
    assert before == after


def test_nobody_gives_themself_rights(folder: Path) -> None:
    new(folder, "he", "--rights", "officers")
    mine = ("officers", "rights", "he", "officers,issuance")
    assert reason(folder, *mine, "--as", "he") == (1, "SAME_OFFICER")
    act = done(folder, *mine, "--as", "lin")["act_id"]
    assert reason(folder, "approve", act, "--as", "he") == (1, "SAME_OFFICER")
    assert reason(folder, "issue", "alpha", "1", "--as", "he") == (1, "RIGHT_MISSING")
    done(folder, "approve", act, "--as", "mei")
    assert done(folder, *mine)["repeated"] is True
    rows = done(folder, "officers", "list", "--at", CENTRAL_BANK)["officers"]
    assert next(row for row in rows if row["name"] == "he")["rights"] == ["officers", "issuance"]


def test_an_officer_who_is_removed_while_signing_is_heard_no_more(folder: Path) -> None:
    new(folder, "tan")
    plan = load(folder)
    stop, said = threading.Event(), []

    def sign(plan: StackPlan) -> None:
        kind = office_pb2.PayInReserves(bank="alpha", amount_fen=1)
        with ActClient(plan, CENTRAL_BANK, "tan") as client:
            while not stop.is_set():
                try:
                    client.propose(kind)
                    said.append("OK")
                except Refusal as refusal:
                    said.append(refusal.name)

    signing = threading.Thread(target=sign, args=(plan,))
    signing.start()
    try:
        act = done(folder, "officers", "remove", "tan")["act_id"]
        done(folder, "approve", act, "--as", "mei")
    finally:
        stop.set()
        signing.join()
    assert set(said) <= {"OK", "OVERLOADED", "OFFICER_UNKNOWN"} and "OK" in said
    assert "tan" not in names(folder) and files(folder, "tan") == []
    assert [
        one for one in done(folder, "requests")["requests"] if one["proposed_by"] == "tan"
    ] == []
    ended = done(folder, "acts", "--at", CENTRAL_BANK, "--limit", "500")["acts"]
    assert {one["state"] for one in ended if one["proposed_by"] == "tan"} == {"withdrawn"}
    assert done(folder, "officers", "remove", "tan")["repeated"] is True
    assert reason(folder, "officers", "register", "tan") == (1, "ALREADY_EXISTS")
    assert files(folder, "tan") == []


def test_new_keys_are_used_once_two_have_approved_them(folder: Path) -> None:
    new(folder, "xu")
    before = {file.name: file.read_bytes() for file in files(folder, "xu")}
    act = done(folder, "officers", "renew", "xu", "--days", "0")["act_id"]
    assert done(folder, "officers", "renew", "xu", "--days", "0")["act_id"] == act
    done(folder, "reserves", "alpha", "2", "--as", "xu")
    assert reason(folder, "approve", act, "--as", "xu") == (1, "SAME_OFFICER")
    done(folder, "approve", act, "--as", "mei")
    after = {file.name: file.read_bytes() for file in files(folder, "xu")}
    assert set(after) == set(before) and all(after[name] != before[name] for name in after)
    assert [one for one in done(folder, "requests")["requests"] if one["proposed_by"] == "xu"] == []
    done(folder, "reserves", "alpha", "3", "--as", "xu")


def test_the_last_two_cannot_lock_everybody_out(folder: Path) -> None:
    assert names(folder, "beta") == ("chen", "zhao")
    for words in (("remove", "zhao"), ("rights", "zhao", "wallets")):
        assert reason(folder, "officers", *words) == (1, "OFFICERS_TOO_FEW")
    assert names(folder, "beta") == ("chen", "zhao")


def test_a_service_that_starts_again_is_asked_by_whoever_is_left(
    system: System, folder: Path
) -> None:
    """The first officer in the list was removed by others, while nobody looked."""
    for name in ("ai", "bo"):
        new(folder, name, "--at", "beta", "--as", "chen", by="zhao")
    by_two(load(folder).with_officers("beta", ["zhao", "ai"]), "beta", _gone("chen"))
    done(folder, "officers", "list", "--at", "beta")
    assert names(folder, "beta") == ("zhao", "ai", "bo")
    system.stack.stop("beta")
    system.stack.restart("beta")
    assert names(folder, "beta") == ("zhao", "ai", "bo")


def _gone(name: str) -> office_pb2.RemoveOfficer:
    return office_pb2.RemoveOfficer(name=name)
