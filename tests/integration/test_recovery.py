"""A lost home is no lost money: by a phrase or a backup, on the real services."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deployment.provisioning import KEY_WAIT_S
from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from tests.integration.commands import dcep, wallet
from tests.integration.shell import Shell, opened
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("keys_of_wallets"), pytest.mark.any_database]
LONGEST_S = 90.0
PASSPHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def system(systems: MakeSystem) -> Iterator[System]:
    yield systems()


def with_phrase(system: System, home: Path, *how: str) -> tuple[Shell, str, str]:
    """A wallet that somebody opens: their shell, its number, and its phrase."""
    shell = Shell(system, home)
    said = shell.answer("open", *how)
    return shell, str(said["number"]), str(said["phrase"])


def by_phrase(system: System, home: Path, words: str, *more: str) -> tuple[int, dict[str, Any]]:
    """Somebody has the phrase and nothing else."""
    importable = os.pathsep.join(entry for entry in sys.path if entry)
    line = [sys.executable, "-m", "wallet.cli.main", "recover", "--phrase", "--json", *more]
    done = subprocess.run(
        [*line, "--home", str(home)],
        input=words + "\n",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": importable, "DCEP_STACK": str(system.plan.folder)},
    )
    return done.returncode, json.loads(done.stdout)


def in_force(system: System, home: Path, words: str) -> dict[str, Any]:
    ends_at = time.monotonic() + LONGEST_S
    while time.monotonic() < ends_at:
        code, said = by_phrase(system, home, words)
        if code == 0:
            return said
        time.sleep(0.5)
    raise AssertionError(f"not in force after {LONGEST_S} s")


def test_a_phrase_alone_gives_a_wallet_back(system: System, tmp_path: Path) -> None:
    phone = ("--bank", "beta", "--phone", "13800000001")
    old, number, words = with_phrase(system, tmp_path / "old", *phone)
    _, shop = opened(system, tmp_path / "shop", "--bank", "alpha", "--phone", "13800000002")
    rich, _ = opened(system, tmp_path / "rich", "--bank", "alpha", "--name", "Rich")
    rich.answer("topup", "100")
    rich.answer("pay", number, "50")
    new = tmp_path / "new"
    code, asked = by_phrase(system, new, words)
    assert (code, asked["number"], asked["bank"], asked["state"]) == (3, number, "beta", "APPROVED")
    assert old.answer("keys")["successor_by_phrase"]
    system.stack.kill("beta")
    system.stack.restart("beta")
    here = in_force(system, new, "")  # the phrase is not asked for again
    assert (here["number"], here["state"], here["has_recovery_phrase"]) == (
        number,
        "IN_FORCE",
        True,
    )
    shell = Shell(system, new)
    shell.answer("pay", shop, "20")
    assert shell.answer("show")["available_fen"] == 3_000
    assert old.answer("pay", shop, "1", code=1)["reason"] == "KEY_REPLACED"
    assert not audited(system).problems


def test_who_has_the_home_objects_to_a_thief_with_the_phrase(
    system: System, tmp_path: Path
) -> None:
    phone = ("--bank", "alpha", "--phone", "13800000003")
    bob, number, words = with_phrase(system, tmp_path / "bob", *phone)
    code, asked = by_phrase(system, tmp_path / "thief", words)
    assert code == 3
    bob.answer("keys", "--object", asked["code"])
    time.sleep(KEY_WAIT_S)
    code, ended = by_phrase(system, tmp_path / "thief", words)
    assert (code, ended["reason"]) == (1, "ALREADY_DECIDED")
    code, again = by_phrase(system, tmp_path / "thief", words)
    assert (code, again["state"]) == (3, "REQUESTED")
    # Two officers decide; here they find that the phrase is its holder's, and bob's home a thief's.
    first, second = system.plan.officers("alpha")[:2]
    stack = ("--stack", str(system.plan.folder), "--json")
    shown = dcep("wallet", "key-requests", number, *stack).answer["entries"]
    assert [each["by_phrase"] for each in shown if each["code"] == again["code"]] == [True]
    holder = ("--phone", "13800000003", "--as", first)
    act = dcep("wallet", "replace-key", number, "--code", again["code"], *holder, *stack).answer
    dcep("approve", act["act_id"], "--as", second, *stack)
    refused = bob.answer("keys", "--object", again["code"], code=1)
    assert refused["reason"] == "ALREADY_DECIDED"
    cancelled = dcep("wallet", "cancel-key", number, "--code", again["code"], "--as", first, *stack)
    dcep("approve", cancelled.answer["act_id"], "--as", second, *stack)
    assert bob.answer("keys")["successor"] is None
    assert not audited(system).problems


def test_a_backup_is_restored_while_the_old_home_pays(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCEP_PASSPHRASE", PASSPHRASE)
    old, number = opened(system, tmp_path / "old", "--bank", "alpha", "--name", "Carol")
    _, shop = opened(system, tmp_path / "shop", "--bank", "beta", "--phone", "13800000004")
    old.answer("topup", "100")
    old.answer("offline", "load", "10")
    said = old.answer("backup", str(tmp_path / "carol.backup"))
    assert said["offline_left_out_fen"] == 1_000
    env = {"DCEP_STACK": str(system.plan.folder), "DCEP_PASSPHRASE": PASSPHRASE}

    def pays() -> str:
        words = ("pay", shop, "1", "--anew", "--home", str(tmp_path / "old"), "--json")
        done = wallet(*words, **env)
        return "PAID" if done.code == 0 else str(done.answer["reason"])

    with ThreadPoolExecutor(2) as pool:
        paying = pool.submit(lambda: [pays() for _ in range(6)])
        restoring = ("restore", str(tmp_path / "carol.backup"), "--home", str(tmp_path / "new"))
        done = wallet(*restoring, "--json", **env)
        ends = paying.result()
    assert done.code == 0 and done.answer["number"] == number, done
    assert set(ends) <= {"PAID", "KEY_REPLACED"} and ends[-1] == "KEY_REPLACED", ends
    assert len(done.answer["earlier_devices"]) == 1
    new = Shell(system, tmp_path / "new")
    assert new.answer("show")["available_fen"] == 9_000 - 100 * ends.count("PAID")
    new.answer("pay", shop, "5")
    new.answer("offline", "load", "10")
    again = wallet(
        "restore", str(tmp_path / "carol.backup"), "--home", str(tmp_path / "x"), "--json", **env
    )
    assert (again.code, again.answer["reason"]) == (1, "KEY_REPLACED")
    new.answer("key", "rotate", "--phrase")
    new.answer("pay", shop, "5")
    assert not audited(system).problems
