"""A lost home is no lost money: another key, by the bank's counter, on the real services."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from currency.key_code import code_of
from deployment.provisioning import KEY_WAIT_S
from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from tests.integration.commands import dcep, wallet
from tests.integration.shell import Shell, opened
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("keys_of_wallets"), pytest.mark.any_database]
LONGEST_S = 90.0


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    yield systems()


def at_the_bank(system: System, *arguments: str, code: int = 0) -> Any:
    """What an officer types."""
    done = dcep(*arguments, "--stack", str(system.plan.folder), "--json")
    assert done.code == code, done
    return done.answer


def recover(system: System, home: Path, number: str, *, code: int = 3) -> dict[str, Any]:
    return Shell(system, home).answer("recover", number, "--bank", "alpha", code=code)


def replaced_by_two(system: System, number: str, code: str, *holder: str) -> None:
    """Two officers of alpha give a wallet a new key."""
    first, second = system.plan.officers("alpha")[:2]
    act = at_the_bank(
        system, "wallet", "replace-key", number, "--code", code, *holder, "--as", first
    )
    refused = at_the_bank(system, "approve", act["act_id"], "--as", first, code=1)
    assert refused["reason"] == "SAME_OFFICER"
    at_the_bank(system, "approve", act["act_id"], "--as", second)


def in_force(system: System, home: Path, number: str) -> dict[str, Any]:
    """Waits until the key of a home is the wallet's."""
    ends_at = time.monotonic() + LONGEST_S
    while time.monotonic() < ends_at:
        words = ("recover", number, "--bank", "alpha", "--home", str(home), "--json")
        done = wallet(*words, DCEP_STACK=str(system.plan.folder))
        if done.code == 0:
            return done.answer
        time.sleep(0.5)
    raise AssertionError(f"not in force after {LONGEST_S} s")


def test_a_lost_home_is_no_lost_money(system: System, tmp_path: Path) -> None:
    old, number = opened(system, tmp_path / "old", "--bank", "alpha", "--name", "Alice")
    _, shop = opened(system, tmp_path / "shop", "--bank", "beta", "--phone", "13800000001")
    old.answer("topup", "100")
    old.answer("pay", shop, "10")
    new = tmp_path / "new"
    asked = recover(system, new, number)
    assert asked["state"] == "REQUESTED"
    [kept] = at_the_bank(system, "wallet", "key-requests", number)["entries"]
    assert (kept["code"], kept["state"]) == (asked["code"], "REQUESTED")
    assert asked["code"] == code_of(bytes.fromhex(kept["public_key"]))
    assert Shell(system, new).answer("show", code=1)["reason"] == "KEY_AWAITED"
    replaced_by_two(system, number, asked["code"], "--name", "Alice")
    assert recover(system, new, number)["state"] == "APPROVED"
    told = old.answer("show")
    assert told["successor"] == old.answer("keys")["successor"] == asked["code"]
    old.answer("pay", shop, "1")
    shutil.copytree(tmp_path / "old", tmp_path / "copy")
    for name in ("alpha", "beta"):
        system.stack.kill(name)
        system.stack.restart(name)
    here = in_force(system, new, number)
    assert (here["number"], here["state"]) == (number, "IN_FORCE")
    assert here["earlier_devices"] == old_devices(tmp_path / "old", here)
    shell = Shell(system, new)
    assert shell.answer("show")["available_fen"] == 8_900
    history: Any = shell.answer("history")
    changes = [line["change_fen"] for line in history["items"]]
    assert changes == [-100, -1_000, 10_000]
    shell.answer("pay", shop, "2")
    shell.answer("topup", "5")
    for back in (old, Shell(system, tmp_path / "copy")):
        for what in (("show",), ("pay", shop, "3"), ("topup", "1"), ("history",)):
            refused = back.answer(*what, code=1)
            assert refused["reason"] == "KEY_REPLACED", refused
    assert "has another key now" in old.said("show", code=1)
    assert old.answer("keys")["state"] == "REPLACED"
    assert shell.answer("show")["available_fen"] == 9_200
    assert not audited(system).problems


def old_devices(_home: Path, here: dict[str, Any]) -> list[str]:
    """The device of the old home, which stays what it is."""
    found: list[str] = here["earlier_devices"]
    assert len(found) == 1
    return found


def test_who_is_not_lost_objects(system: System, tmp_path: Path) -> None:
    bob, number = opened(system, tmp_path / "bob", "--bank", "alpha", "--phone", "13800000002")
    thief = tmp_path / "thief"
    asked = recover(system, thief, number)
    refused = at_the_bank(
        system, "wallet", "replace-key", number, "--code", "0000-0000-0000-0000", code=1
    )
    assert refused["reason"] == "REQUEST_UNKNOWN"
    replaced_by_two(system, number, asked["code"], "--phone", "13800000002")
    wrong = bob.answer("keys", "--object", "0000-0000-0000-0000", code=1)
    assert wrong["reason"] == "REQUEST_UNKNOWN"
    assert "wallet keys --object" in bob.said("keys")
    bob.answer("keys", "--object", asked["code"])
    assert bob.answer("keys")["successor"] is None
    time.sleep(KEY_WAIT_S)
    ended = recover(system, thief, number, code=1)
    assert ended["reason"] == "ALREADY_DECIDED"
    again = recover(system, thief, number)
    assert again["state"] == "REQUESTED" and again["code"] != asked["code"]
    bob.answer("show")
    assert not audited(system).problems


def test_a_second_phone_pays_and_cuts_the_first_one_off(system: System, tmp_path: Path) -> None:
    old, number = opened(system, tmp_path / "first", "--bank", "alpha", "--name", "Bob")
    _, shop = opened(system, tmp_path / "market", "--bank", "beta", "--phone", "13800000002")
    old.answer("topup", "100")
    tablet = Shell(system, tmp_path / "tablet")
    asked = tablet.answer("signers", "join", number, "--bank", "alpha", code=3)
    seen: Any = old.answer("signers")["asked"]
    assert [one["code"] for one in seen] == [asked["code"]]
    added: Any = old.answer("signers", "add", str(asked["code"]), "--label", "tablet", "--yes")
    assert [(one["place"], one["here"]) for one in added["signers"]] == [(0, True), (1, False)]
    assert tablet.answer("signers", "join", number, "--bank", "alpha")["opened"]
    for phone in (tablet, old, tablet):
        phone.answer("pay", shop, "10")
    assert old.answer("show")["available_fen"] == tablet.answer("show")["available_fen"] == 7_000
    assert "“tablet”" in tablet.said("signers")
    assert tablet.answer("signers", "remove", "0", "--yes")["list"] == 2
    assert old.answer("pay", shop, "1", code=1)["reason"] == "KEY_REPLACED"
    tablet.answer("pay", shop, "10")
    assert not audited(system).problems


def test_a_company_pays_what_a_clerk_prepares_and_two_release(
    system: System, tmp_path: Path
) -> None:
    ann, number = opened(
        system, tmp_path / "ann", "--bank", "alpha", "--no-phrase", "--name", "Company"
    )
    _, shop = opened(system, tmp_path / "landlord", "--bank", "beta", "--phone", "13800000003")
    ann.answer("topup", "100")
    ben, clerk = Shell(system, tmp_path / "ben"), Shell(system, tmp_path / "clerk")
    for person, role in ((ben, "release"), (clerk, "prepare")):
        asked = person.answer("signers", "join", number, "--bank", "alpha", code=3)
        ann.answer("signers", "add", str(asked["code"]), "--role", role, "--yes")
        person.answer("signers", "join", number, "--bank", "alpha")
    assert ann.answer("signers", "threshold", "2", "--yes")["threshold"] == 2
    for person in (ann, clerk):
        assert person.answer("pay", shop, "1", code=1)["reason"] == "SIGNER_MAY_NOT"
    prepared = clerk.answer("prepare", shop, "12.50", "--memo", "rent")
    name = str(prepared["id"])
    waits: Any = ben.answer("pending")["pending"]
    assert [(one["id"], one["amount_fen"], one["payee"]) for one in waits] == [(name, 1_250, shop)]
    assert "12.50" in ann.said("pending")
    # Where nobody can be asked, nothing is signed.
    for told in (("release", name), ("withdraw", name), ("signers", "threshold", "1")):
        assert "--yes" in ann.said(*told, code=2)
        assert ann.answer(*told, code=2)["reason"] == "USAGE"
    assert ben.answer("pending")["pending"] == waits
    assert not ann.answer("release", name, "--yes")["done"]
    released = ben.answer("release", name, "--yes")
    assert (released["done"], released["available_fen"]) == (True, 8_750)
    other = str(clerk.answer("prepare", shop, "1")["id"])
    assert ben.answer("withdraw", other, "--yes")["withdrawn"]
    assert ann.answer("release", other, "--yes", code=1)["reason"] == "REQUEST_UNKNOWN"
    _wages(clerk, [ann, ben], shop, tmp_path / "wages.csv")
    assert not audited(system).problems


def _wages(clerk: Shell, releasing: list[Shell], payee: str, file: Path) -> None:
    """The clerk pays a file: two look at it and release it, and it is paid once."""
    file.write_text(f"payee,name,amount,memo\n{payee},Shop,20.50,November\n")
    told = ("payroll", str(file), "--total", "20.50")
    first = clerk.answer(*told, code=3)
    assert (first["waiting"], first["waiting_fen"], first["signatures_missing"]) == (1, 2_050, 2)
    releases: Any = first["releases"]
    [name] = releases
    assert f"wallet release {name}" in clerk.said(*told, code=3)
    for person in releasing:
        assert "20.50" in person.said("pending", str(name))
        said = person.said("release", str(name), "--yes")
        assert "20.50" in said and "November" in said
    before = clerk.answer("show")["available_fen"]
    for _ in range(2):
        done = clerk.answer(*told)
        assert (done["settled"], done["waiting"]) == (1, 0)
    assert clerk.answer("show")["available_fen"] == before - 2_050  # type: ignore[operator]
