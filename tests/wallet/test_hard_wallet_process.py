"""A hard wallet in a process of its own, tapped by the commands of a wallet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.offline.signers import Signers
from tests.wallet.fake_bank import FakeBank
from tests.wallet.hard_wallets import wait_for
from tests.wallet.held_cards import PIN
from tests.wallet.shell import Cli
from wallet.offline.outcomes import LinkError


class Process:
    """A hard wallet in a process of its own."""

    def __init__(self, path: Path, signers: Signers) -> None:
        self.path = path
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
            "DCEP_CARD_PIN": PIN,
        }
        words = ["-m", "wallet.hard_wallet", "--socket", str(path), "--free", "5"]
        words += ["--root", signers.root_public.hex()]
        self.process = subprocess.Popen([sys.executable, *words], env=environment)
        wait_for(path)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def hard(tmp_path: Path, signers: Signers) -> Iterator[Process]:
    process = Process(tmp_path / "card.sock", signers)
    yield process
    if process.process.poll() is None:
        process.stop(signal.SIGKILL)


def test_a_wallet_taps_it(
    hard: Process, stack: Path, tmp_path: Path, grpc_bank: FakeBank, signers: Signers
) -> None:
    grpc_bank.signers = signers
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    alice.run("topup", "100")
    at = str(hard.path)
    wrong = alice.json("offline", "tap", at, "--load", "60", "--card-pin", "1111", code=1)
    assert wrong["reason"] == "NOT_THE_OWNER"
    loaded = alice.json("offline", "tap", at, "--load", "60", "--card-pin", PIN)
    assert loaded["offline_fen"] == 6_000
    assert alice.json("show")["available_fen"] == 4_000
    took = alice.json("offline", "tap", at, "--take", "5")
    assert (took["amount_fen"], took["card_fen"], took["offline_fen"]) == (500, None, 500)
    assert alice.json("offline", "tap", at)["card_fen"] == 5_500, "it knows the wallet"
    wrong = alice.json("offline", "tap", at, "--take", "5.01", "--card-pin", "1111", code=1)
    assert wrong["reason"] == "NOT_THE_OWNER"
    took = alice.json("offline", "tap", at, "--take", "20", "--card-pin", PIN)
    assert (took["card_fen"], took["offline_fen"]) == (3_500, 2_500)
    gave = alice.json("offline", "tap", at, "--give", "1")
    assert (gave["card_fen"], gave["offline_fen"]) == (None, 2_400)
    assert hard.stop() == 0
    alice.json("offline", "tap", at, code=3)
    again = Process(hard.path, signers)
    assert "36.00 yuan" in alice.run("offline", "tap", at)
    done = alice.json("offline", "tap", at, "--deposit")
    assert (done["amount_fen"], done["offline_fen"]) == (3_600, 0)
    assert alice.json("show")["available_fen"] == 7_600
    assert alice.json("offline", "deposit")["amount_fen"] == 2_400
    alice.run("offline", "tap", at, "--take", "1", "--give", "1", code=2)
    assert again.stop() == 0


def test_a_tap_without_a_pin_spends_none_of_the_ten_tries(
    hard: Process, stack: Path, tmp_path: Path, grpc_bank: FakeBank, signers: Signers
) -> None:
    grpc_bank.signers = signers
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    for words in (("--load", "60"), ("--load", "60", "--card-pin", ""), ("--take", "20"), ()):
        told = alice.json("offline", "tap", str(hard.path), *words, code=2)
        assert "the card wants its PIN" in told["message"]
    wrong = ("--load", "60", "--card-pin", "1111")
    told = alice.json("offline", "tap", str(hard.path), *wrong, code=1)
    assert "9 tries are left" in told["message"]


def test_a_tap_says_which_side_is_short_and_how_to_fill_it(
    hard: Process, stack: Path, tmp_path: Path, grpc_bank: FakeBank, signers: Signers
) -> None:
    grpc_bank.signers = signers
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    alice.run("topup", "100")
    alice.run("offline", "load", "20")
    at = str(hard.path)
    alice.run("offline", "tap", at, "--load", "6", "--card-pin", PIN)
    told = alice.json("offline", "tap", at, "--take", "7", "--card-pin", PIN, code=1)
    assert told["reason"] == "INSUFFICIENT_FUNDS"
    assert told["next"].startswith("Take less, or load the card")
    told = alice.json("offline", "tap", at, "--give", "21", code=1)
    assert told["reason"] == "INSUFFICIENT_FUNDS"
    assert "wallet offline load AMOUNT" in told["next"]


def test_a_card_that_is_taken_away_after_the_tap_is_no_reason_to_repeat_it(
    hard: Process,
    stack: Path,
    tmp_path: Path,
    grpc_bank: FakeBank,
    signers: Signers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was done is told; whoever repeated it would load or be paid a second time."""
    grpc_bank.signers = signers
    alice = Cli(stack, tmp_path / "alice")
    alice.run("open", "--bank", "alpha", "--name", "Alice")
    alice.run("topup", "100")
    at, pin = str(hard.path), ("--card-pin", PIN)

    def gone(holdings: object) -> None:
        raise LinkError("the card was taken away")

    monkeypatch.setattr("wallet.hard_wallet.card_parts.CardHoldings.balances", gone)
    loaded = alice.json("offline", "tap", at, "--load", "60", *pin)
    assert (loaded["state"], loaded["offline_fen"]) == ("SETTLED", None)
    took = alice.json("offline", "tap", at, "--take", "20", *pin)
    assert (took["amount_fen"], took["card_fen"]) == (2_000, None)
    done = alice.json("offline", "tap", at, "--deposit")
    assert (done["amount_fen"], done["offline_fen"]) == (4_000, None)
    assert "10.00 yuan loaded; the card has gone" in alice.run(
        "offline", "tap", at, "--load", "10", *pin
    )
    alice.json("offline", "tap", at, code=3)
