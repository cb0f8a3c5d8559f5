"""At a bank's counter, on the real services: class I, what turned out false, and who looked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from tests.integration.commands import dcep
from tests.integration.shell import Shell, opened
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("counter"), pytest.mark.any_database]
NAME, PAPERS = "Zhao Quexiang", "E1234567"
HOLDER = ("--name", NAME, "--document", PAPERS)


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    yield systems()


def officer(system: System, name: str, *words: str, code: int = 0) -> Any:
    """What an officer of alpha types."""
    done = dcep(*words, "--as", name, "--stack", str(system.plan.folder), "--json")
    assert done.code == code, done
    return done.answer


def somebody(system: System, home: Path) -> tuple[Shell, str]:
    """Somebody with a wallet of class II at alpha."""
    shown = ("--phone", "13900139000", "--account", "CN1")
    return opened(system, home, "--bank", "alpha", *HOLDER, *shown)


def test_class_one_takes_two_officers_who_saw_the_holder(system: System, tmp_path: Path) -> None:
    shell, number = somebody(system, tmp_path / "home")
    first, second = system.plan.officers("alpha")[:2]
    assert shell.answer("upgrade", "--to", "I", code=1)["reason"] == "IDENTITY_NOT_CONFIRMED"
    confirm = ("customer", "confirm", number)
    assert officer(system, second, *confirm, *HOLDER, "--second", code=1)["reason"] == (
        "REQUEST_UNKNOWN"
    )
    act = officer(system, first, *confirm, *HOLDER)
    assert officer(system, first, *confirm, *HOLDER, "--anew")["kind"] == "confirm_presence"
    assert NAME not in str(act) and PAPERS not in str(act)
    # The first officer is not the second, and the second one sees something else.
    alone = officer(system, first, *confirm, *HOLDER, "--second", code=1)
    assert alone["reason"] == "REQUEST_UNKNOWN"
    other = ("--name", NAME, "--document", "E7654321", "--second")
    assert officer(system, second, *confirm, *other, code=1)["reason"] == "HOLDER_DIFFERS"
    assert shell.answer("upgrade", "--to", "I", code=1)["reason"] == "IDENTITY_NOT_CONFIRMED"
    done = officer(system, second, *confirm, *HOLDER, "--second")
    assert (done["state"], done["decided_by"]) == ("approved", second)
    assert shell.answer("upgrade", "--to", "I")["wallet_class"] == "I"
    assert not audited(system).problems


def test_what_turned_out_false_is_withdrawn_by_two(system: System, tmp_path: Path) -> None:
    shell, number = opened(system, tmp_path / "home", "--bank", "alpha", "--name", "Li Na")
    shell.answer("topup", "900")
    first, second = system.plan.officers("alpha")[:2]
    down = ("customer", "downgrade", number)
    assert officer(system, first, *down, "I", "--cause", "why", code=2)["reason"] == "FIELD_INVALID"
    assert officer(system, first, *down, "IV", "--cause", " ", code=2)["reason"] == "FIELD_MISSING"
    act = officer(system, first, *down, "IV", "--cause", "the card was stolen")
    refused = officer(system, first, "approve", act["act_id"], code=1)
    assert refused["reason"] == "SAME_OFFICER"
    officer(system, second, "approve", act["act_id"])
    shown = shell.answer("show")
    assert (shown["wallet_class"], shown["available_fen"]) == ("IV", 90_000)
    assert shell.answer("upgrade", "--to", "II", code=1)["reason"] == "IDENTITY_NOT_CONFIRMED"
    found = officer(system, second, "customer", "show", number, "--cause", "was it this one?")
    assert found["document"].startswith("SANDBOX")
    assert [each["proof"] for each in found["proofs"]] == ["phone"]
    assert not audited(system).problems


def test_who_looks_is_on_record(system: System, tmp_path: Path) -> None:
    _, number = opened(system, tmp_path / "home", "--bank", "alpha", "--name", "Wang Wu")
    first, second = system.plan.officers("alpha")[:2]
    look = ("customer", "show", number)
    assert officer(system, first, *look, "--cause", " ", code=2)["reason"] == "FIELD_MISSING"
    assert officer(system, first, *look, "--cause", "a letter")["name"] == "Wang Wu"
    guessed = ("customer", "show", "6201000000000020", "--cause", "who is it?")
    assert officer(system, first, *guessed, code=1)["reason"] == "WALLET_UNKNOWN"
    entries = officer(system, second, "customer", "looks", "alpha")["entries"]
    assert [(e["officer"], e["wallet_number"], e["cause"]) for e in entries[:2]] == [
        (first, "6201000000000020", "who is it?"),
        (first, number, "a letter"),
    ]
    # The officer's own machine remembers how many there were.
    kept = system.plan.officers_folder / "looks" / first
    kept.write_text(str(int(kept.read_text()) + 1))
    missing = officer(system, first, *look, "--cause", "a letter", code=1)
    assert missing["reason"] == "LOOKS_MISSING"
    stranger = system.plan.officers("beta")[0]
    assert officer(system, stranger, *look, "--cause", "I wonder", code=1)["reason"] in (
        "WALLET_UNKNOWN",
        "ROLE_NOT_ALLOWED",
    )
    words = ("customer", "show", number, "--as", second, "--stack", str(system.plan.folder))
    told = dcep(*words, "--cause", "a letter").out
    assert "name: Wang Wu" in told and "shown: document" in told
    told = dcep("customer", "looks", "alpha", "--stack", str(system.plan.folder)).out
    assert f"{second} at the holder of {number}: “a letter”" in told
