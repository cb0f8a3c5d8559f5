"""A copy of a stack that runs: what is asked of the copy is not asked of the one that runs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployment.another_stack import AnotherStack, check_ours
from deployment.connections import officer_channel, public_channel
from deployment.topology import CENTRAL_BANK, StackPlan, load
from runtime.one_writer import OneWriter, may_be_written
from sandbox.stack.supervisor import Stack, init
from wallet.cli.main import app as wallet
from wallet.home.home import Home, Profile
from wallet.peers.bank_directory import find_bank
from wallet.peers.same_stack import check_same_stack


@dataclass
class Pair:
    """A stack whose central bank and bank run, as far as others see, and a copy of its folder."""

    first: StackPlan
    copy: StackPlan


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("stacks")
    first = init(folder / "first", ["alpha"])
    shutil.copytree(folder / "first", folder / "copy")
    names = (CENTRAL_BANK, "alpha")
    writers = [OneWriter(first.database_url(name)) for name in names]
    held = []
    for name in names:
        host, _colon, port = first.office_address(name).rpartition(":")
        held.append(socket.create_server((host, int(port))))
    yield Pair(first, load(folder / "copy"))
    for listener in held:
        listener.close()
    for writer in writers:
        writer.release()


def test_a_stack_that_runs_is_itself_though_started_by_hand(pair: Pair) -> None:
    check_ours(pair.first, CENTRAL_BANK)
    officer_channel(pair.first, pair.first.central_address, "lin").close()


@pytest.mark.parametrize("name", [CENTRAL_BANK, "alpha"])
def test_nothing_is_asked_of_the_stack_that_a_folder_is_a_copy_of(pair: Pair, name: str) -> None:
    with pytest.raises(AnotherStack, match=str(pair.copy.folder)):
        officer_channel(pair.copy, pair.copy.office_address(name), "lin")
    with pytest.raises(AnotherStack):
        public_channel(pair.copy, pair.copy.bank("alpha").public_address)


def test_a_copy_is_not_started_beside_the_first_and_is_not_said_to_serve(pair: Pair) -> None:
    stack = Stack(pair.copy)
    assert not stack.healthy(CENTRAL_BANK)
    with pytest.raises(AnotherStack):
        stack.up()
    assert (stack.running, load(pair.copy.folder).pids) == ({}, {})


def test_an_officer_at_a_copy_is_told_whose_money_it_would_have_been(pair: Pair) -> None:
    command = ["reserves", "alpha", "777", "--stack", str(pair.copy.folder), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.cli.main", *command], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["reason"] == "ANOTHER_STACK"
    assert "dcep down --stack" in done.stdout


def test_no_wallet_is_opened_at_a_copy_and_none_of_a_copy_orders_at_the_first(
    pair: Pair, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    words = ["--json", "--home", str(home)]
    opening = ["open", "--bank", "alpha", "--name", "A", "--stack", str(pair.copy.folder)]
    done = CliRunner().invoke(wallet, [*words, *opening])
    assert (done.exit_code, json.loads(done.stdout)["reason"]) == (1, "ANOTHER_STACK")
    assert json.loads(done.stdout)["next"].startswith("Stop the other one")
    assert not home.exists()

    entry = find_bank(pair.copy.folder, "alpha")
    profile = Profile(
        "id", entry.address, "", "A", "", "", "6201000000000012", "alpha", "II", entry.stack
    )
    Home(home).save(profile)
    Home(home).seal(bytes(32))
    for typed in (["show"], ["pay", "6201000000000020", "1"], ["offline", "load", "1"]):
        done = CliRunner().invoke(wallet, [*words, *typed])
        assert (done.exit_code, json.loads(done.stdout)["reason"]) == (1, "ANOTHER_STACK"), typed


def test_a_stack_that_was_moved_or_runs_elsewhere_is_believed(pair: Pair, tmp_path: Path) -> None:
    address = pair.first.bank("alpha").public_address
    check_same_stack(str(pair.first.folder), "alpha", address)
    check_same_stack(str(tmp_path / "gone"), "alpha", address)
    check_same_stack(str(pair.copy.folder), "alpha", "10.0.0.1:7000")
    check_same_stack("", "alpha", address)


def test_a_database_that_nobody_writes_is_known_as_such(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    assert not may_be_written(url)
    writer = OneWriter(url)
    assert may_be_written(url)
    writer.release()
    assert not may_be_written(url)
    assert may_be_written("postgresql://nobody@nowhere/x")
