"""What came of an order is kept until somebody has heard it: repeating a command is safe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.offline.signers import Signers
from tests.wallet.fake_bank import FakeBank
from tests.wallet.shell import Cli, opened, phone_wallet


@pytest.fixture
def alice(stack: Path, tmp_path: Path) -> Cli:
    return opened(stack, tmp_path / "alice", "Alice", "100")


@pytest.fixture
def bob(stack: Path, tmp_path: Path) -> str:
    return phone_wallet(stack, tmp_path / "bob")


def test_the_repeat_says_what_became_of_the_first_whatever_was_looked_at_between(
    alice: Cli, bob: str, grpc_bank: FakeBank
) -> None:
    grpc_bank.mute_after = 1
    assert "does not pay twice" in alice.run("pay", bob, "5", code=3)
    assert "payment" in alice.run("history")
    alice.run("show")
    said = alice.run("pay", bob, "5")
    assert "it was ordered at" in said and "is settled" in said and "--anew" in said
    assert grpc_bank.accounts[bob].available_fen == 500
    assert "Paid 5.00 yuan" in alice.run("pay", bob, "5")
    assert grpc_bank.accounts[bob].available_fen == 1_000


def test_anew_pays_again_after_no_answer(alice: Cli, bob: str, grpc_bank: FakeBank) -> None:
    grpc_bank.mute_after = 1
    alice.run("pay", bob, "5", code=3)
    assert alice.json("pay", bob, "5", "--anew")["repeated"] is False
    assert grpc_bank.accounts[bob].available_fen == 1_000


@pytest.mark.parametrize("words", [["topup", "7"], ["cashout", "7"]])
def test_an_exchange_is_told_like_a_payment(
    alice: Cli, grpc_bank: FakeBank, words: list[str]
) -> None:
    grpc_bank.mute_after = 1
    alice.run(*words, code=3)
    alice.run("history")
    assert alice.json(*words)["repeated"] is True
    assert alice.json(*words)["repeated"] is False


def test_a_refusal_learned_by_a_look_says_when_it_was_ordered(
    alice: Cli, bob: str, grpc_bank: FakeBank
) -> None:
    grpc_bank.mute_after = 1
    alice.run("pay", bob, "1000", code=3)
    said = alice.run("pay", bob, "1000", code=1)
    assert "not enough money" in said


def typed(alice: Cli, shell: str) -> tuple[int, str]:
    """A line typed at a shell, ``wallet`` being the command: its exit code and error output."""
    importable = os.pathsep.join(entry for entry in sys.path if entry)
    wallet = f'wallet() {{ {sys.executable} -m wallet.cli.main "$@"; }}; '
    done = subprocess.run(
        ["bash", "-c", wallet + shell],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=alice.home,
        env={
            **os.environ,
            "PYTHONPATH": importable,
            "DCEP_STACK": str(alice.stack),
            "WALLET_HOME": str(alice.home),
        },
    )
    return done.returncode, done.stderr


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's full device")


@needs_full
@pytest.mark.parametrize("where", ["> /dev/full", ">&-", "--json > /dev/full", "--json >&-"])
def test_a_payment_that_cannot_be_printed_is_not_refused_and_not_paid_twice(
    alice: Cli, bob: str, grpc_bank: FakeBank, where: str
) -> None:
    for _ in range(2):
        code, error = typed(alice, f"wallet pay {bob} 5 {where}")
        assert code == 3, error
        assert "Repeat the same command" in error
        assert "Traceback" not in error
    assert alice.json("pay", bob, "5")["repeated"] is True
    assert grpc_bank.accounts[bob].available_fen == 500


def test_a_payment_into_a_pipe_that_nobody_reads_is_not_refused(
    alice: Cli, bob: str, grpc_bank: FakeBank
) -> None:
    code, error = typed(
        alice, f"( sleep 0.1; wallet pay {bob} 5; exit $? ) | true; exit ${{PIPESTATUS[0]}}"
    )
    assert code == 3, error
    assert alice.json("pay", bob, "5")["repeated"] is True
    assert grpc_bank.accounts[bob].available_fen == 500


ODD = "午饭 ✓ 👩 谢谢"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_no_memo_stops_a_command_on_a_terminal_of_another_character_set(
    alice: Cli, bob: str, encoding: str
) -> None:
    alice.run("pay", bob, "5", "--memo", ODD)
    code, error = typed(alice, f"PYTHONIOENCODING={encoding} wallet history > history.txt")
    assert (code, error) == (0, "")
    code, error = typed(alice, f"PYTHONIOENCODING={encoding} wallet history --json > history.json")
    assert (code, error) == (0, "")
    listed = json.loads((alice.home / "history.json").read_text(encoding="ascii"))
    assert listed["items"][0]["memo"] == ODD


@pytest.fixture
def device(alice: Cli, grpc_bank: FakeBank) -> Cli:
    """Alice's wallet, ready for offline money."""
    grpc_bank.signers = Signers()
    alice.run("offline", "load", "20")
    return alice


def test_an_offline_request_is_shown_on_a_terminal_that_cannot_draw(device: Cli) -> None:
    code, error = typed(device, "PYTHONIOENCODING=ascii wallet offline request 5 > request.txt")
    assert (code, error) == (0, "")
    shown = (device.home / "request.txt").read_text(encoding="ascii")
    assert "cannot draw" in shown and "\\u" not in shown


def test_a_file_that_cannot_be_written_is_refused_before_money_leaves_the_device(
    device: Cli, stack: Path, tmp_path: Path
) -> None:
    payee = Cli(stack, tmp_path / "payee")
    payee.run("open", "--bank", "alpha", "--name", "Carol")
    made = payee.json("offline", "request", "5")["text"]
    said = device.json(
        "offline", "pay", made, "--amount", "5", "--out", "no/such/folder/file", code=2
    )
    assert "cannot be written" in said["message"]
    assert device.json("offline", "show")["offline_fen"] == 2_000


@pytest.mark.parametrize("name", ["https_proxy", "http_proxy", "grpc_proxy", "HTTPS_PROXY"])
def test_a_proxy_is_not_asked_for_this_very_machine(alice: Cli, name: str) -> None:
    code, error = typed(alice, f"{name}=http://127.0.0.1:9 wallet show")
    assert (code, error) == (0, "")
