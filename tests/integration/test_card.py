"""A card over the real services: its owner, a thief with a wallet of his own, and the audit."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from runtime.randomness import SystemRandomness
from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from tests.integration.cards import PIN, card
from tests.integration.shell import Shell, opened
from wallet.hard_wallet import messages
from wallet.hard_wallet.channel import MessageError, meet, met

pytestmark = [pytest.mark.xdist_group("shared-stack"), pytest.mark.any_database]


def no(shell: Shell, reason: str, *words: str) -> None:
    """A tap that is refused."""
    assert shell.answer("offline", "tap", *words, code=1)["reason"] == reason


def test_a_thief_of_a_card_has_the_free_sum_and_its_owner_the_rest(
    system: System, tmp_path: Path
) -> None:
    alice, _ = opened(system, tmp_path / "alice", "--bank", "alpha", "--name", "Alice")
    thief, _ = opened(system, tmp_path / "thief", "--bank", "beta", "--name", "Mallory")
    for shell in (alice, thief):
        shell.answer("topup", "200")
    thief.answer("offline", "load", "1")  # which has the thief's device certified
    with card(tmp_path / "card.sock", "--stack", str(system.plan.folder)) as at:
        loaded = alice.answer("offline", "tap", at, "--load", "100", "--card-pin", PIN)
        assert loaded["offline_fen"] == 10_000

        no(thief, "NOT_THE_OWNER", at, "--load", "50", "--card-pin", "1111")
        no(thief, "NOT_THE_OWNER", at, "--deposit", "--card-pin", "1111")
        no(thief, "NOT_THE_OWNER", at, "--take", "6", "--card-pin", "1111")
        for _ in range(5):
            took = thief.answer("offline", "tap", at, "--take", "5")
            assert (took["amount_fen"], took["card_fen"]) == (500, None)
        no(thief, "NOT_THE_OWNER", at, "--take", "1", "--card-pin", "1111")
        assert thief.answer("show")["available_fen"] == 19_900

        done = alice.answer("offline", "tap", at, "--deposit")
        assert (done["amount_fen"], done["offline_fen"]) == (7_500, 0)
        done = thief.answer("offline", "deposit")
        assert done["amount_fen"] == 2_600
    system.wait_quiet()
    assert alice.answer("show")["available_fen"] == 20_000 - 2_500
    assert thief.answer("show")["available_fen"] == 20_000 + 2_500
    assert audited(system).ok


class Middleman:
    """Stands where a wallet holds its card: a channel with each of the two, and all that passes."""

    def __init__(self, at: Path, card_at: str) -> None:
        self.seen: list[bytes] = []
        self._card_at = card_at
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(at))
        self._server.listen(1)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            near, _ = self._server.accept()
            with near, socket.socket(socket.AF_UNIX) as far, suppress(OSError, MessageError):
                far.connect(self._card_at)
                to_card = meet(far, messages.VERSION, SystemRandomness())
                to_wallet = met(near, messages.VERSION, SystemRandomness())
                assert to_wallet is not None
                while (asked := to_wallet.receive(messages.LARGEST)) is not None:
                    to_card.send(*asked)
                    answer = to_card.receive({messages.OK: 10**6, messages.NO: 10**6})
                    assert answer is not None
                    self.seen += [asked[1], answer[1]]
                    to_wallet.send(*answer)


def test_who_stands_between_a_wallet_and_a_card_gets_neither_money_nor_the_pin(
    system: System, tmp_path: Path
) -> None:
    alice, _ = opened(system, tmp_path / "alice", "--bank", "alpha", "--name", "Alice Between")
    alice.answer("topup", "100")
    alice.answer("offline", "load", "20")
    with card(tmp_path / "card.sock", "--stack", str(system.plan.folder)) as at:
        alice.answer("offline", "tap", at, "--load", "50", "--card-pin", PIN)
        middle = Middleman(tmp_path / "between.sock", at)
        between = str(tmp_path / "between.sock")
        no(alice, "NOT_THE_OWNER", between, "--load", "10", "--card-pin", PIN)
        no(alice, "NOT_THE_OWNER", between, "--deposit", "--card-pin", PIN)
        no(alice, "SIGNATURE_INVALID", between, "--take", "5")
        no_card = alice.answer("offline", "tap", between, "--give", "5", code=3)
        assert "not the card in reach" in str(no_card)
        assert not any(PIN.encode() in each for each in middle.seen)
        left = alice.answer("offline", "tap", at)
        assert (left["card_fen"], left["offline_fen"]) == (5_000, 2_000)
        alice.answer("offline", "tap", at, "--deposit")
    alice.answer("offline", "deposit")
    assert alice.answer("show")["available_fen"] == 10_000
    assert audited(system).ok


def test_a_card_of_another_country_takes_no_load_of_this_one(
    system: System, tmp_path: Path
) -> None:
    """Its root is another: nothing of what the bank brings is believed, and no money is lost."""
    alice, _ = opened(system, tmp_path / "home", "--bank", "alpha", "--name", "Alice Away")
    alice.answer("topup", "50")
    with card(tmp_path / "far.sock", "--root", "07" * 32) as at:
        words = ("offline", "tap", at, "--load", "20", "--card-pin", PIN)
        assert "root" in str(alice.answer(*words, code=1)["message"])
    assert alice.answer("show")["available_fen"] == 5_000
