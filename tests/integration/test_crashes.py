"""Services killed with -9 at random moments, under load across banks. SEED repeats the moments."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from dcep.bank.v1 import payments_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.purposes.v1 import purposes_pb2
from deployment.topology import CENTRAL_BANK
from runtime.errors import NoAnswer, Refusal
from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from sandbox.replay.peers import PASSING
from tests.integration.raw_wallet import BankStubs, RawWallet, now_ms
from tests.integration.systems import MakeSystem

SEED = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000)))
ROUNDS = int(os.environ.get("CRASHES", "4"))
PATIENCE_S = 60.0
PAYERS_PER_BANK = 3
START_FEN = 100_000
HOUR_MS = 3_600_000
ENDED = (
    states_pb2.PAYMENT_STATE_SETTLED,
    states_pb2.PAYMENT_STATE_REFUSED,
    states_pb2.PAYMENT_STATE_EXPIRED,
    states_pb2.PAYMENT_STATE_RETURNED,
)


@dataclass
class Payer:
    """Pays on and on to wallets of every bank, each order repeated until it has ended."""

    wallet: RawWallet
    payees: list[str]
    chance: random.Random
    stop: threading.Event
    settled: dict[int, tuple[str, int]] = field(default_factory=dict)
    """Acknowledged payments by sequence: to whom, how many fen."""

    refused: Counter[int] = field(default_factory=Counter)
    repeated: int = 0
    failure: Exception | None = None

    def run(self) -> None:
        """Until told to stop; the last order is still brought to its end."""
        try:
            while not self.stop.is_set():
                payee = self.chance.choice([n for n in self.payees if n != self.wallet.number])
                amount_fen = self.chance.randint(1, 40)
                order = self.wallet.payment(
                    payee, amount_fen, expires_time_ms=now_ms() + HOUR_MS, memo="under load"
                )
                self._end(order, self.wallet.sequence, payee, amount_fen)
        except Exception as failure:  # noqa: BLE001 - told to the test's own thread
            self.failure = failure

    def _end(self, order: SignedEnvelope, sequence: int, payee: str, amount_fen: int) -> None:
        request = payments_pb2.PayRequest(order=order)
        while True:
            try:
                answer = self.wallet.stubs.payments.Pay(request, timeout=20.0)
            except NoAnswer:
                self.repeated += 1
            except Refusal as refusal:
                if refusal.reason not in PASSING:
                    self.refused[refusal.reason] += 1
                    return
            else:
                if answer.state == states_pb2.PAYMENT_STATE_SETTLED:
                    self.settled[sequence] = (payee, amount_fen)
                    return
                if answer.state in ENDED:
                    self.refused[answer.reason] += 1
                    return
            time.sleep(0.05)


@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", [CENTRAL_BANK, "alpha", "beta"])
def test_a_service_killed_at_random_moments_loses_nothing(systems: MakeSystem, victim: str) -> None:
    print(f"SEED={SEED}")
    system = systems()
    payers = storm(system, [victim] * ROUNDS, random.Random(f"{SEED}-{victim}"))
    nothing_lost_and_nothing_twice(system, payers)
    system.close()


@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
def test_services_killed_in_any_order_and_together_lose_nothing(systems: MakeSystem) -> None:
    print(f"SEED={SEED}")
    system = systems()
    chance = random.Random(f"{SEED}-all")
    victims = [chance.choice(system.stack.names) for _ in range(ROUNDS)]
    payers = storm(system, [*victims, "all"], chance)
    nothing_lost_and_nothing_twice(system, payers)
    system.close()


def storm(system: System, victims: list[str], chance: random.Random) -> list[Payer]:
    """Load across banks while one victim after the other is killed and started again."""
    stubs = [BankStubs(system.plan, bank.name) for bank in system.plan.banks]
    wallets = [RawWallet(peer, name=f"payer {i}") for peer in stubs for i in range(PAYERS_PER_BANK)]
    for wallet in wallets:
        wallet.top_up(START_FEN)
    stop = threading.Event()
    numbers = [wallet.number for wallet in wallets]
    payers = [Payer(wallet, numbers, random.Random(chance.random()), stop) for wallet in wallets]
    threads = [threading.Thread(target=payer.run, daemon=True) for payer in payers]
    for thread in threads:
        thread.start()
    try:
        for kills, victim in enumerate(victims, 1):
            time.sleep(chance.uniform(0.2, 1.5))
            # However slow the machine is: a kill with no payments before it would show nothing.
            patience = time.monotonic() + PATIENCE_S
            while settled(payers) * len(victims) < enough(payers) * kills:
                if time.monotonic() > patience:
                    break
                time.sleep(0.05)
            names = system.stack.names if victim == "all" else [victim]
            for name in names:
                system.stack.kill(name)
            time.sleep(chance.uniform(0.0, 0.5))
            for name in names:
                system.stack.start(name)
            for name in names:
                system.stack.await_healthy(name)
        time.sleep(0.5)
    finally:
        stop.set()
    for thread in threads:
        thread.join(120.0)
        assert not thread.is_alive(), "a payment found no end"
    return payers


def settled(payers: list[Payer]) -> int:
    """Payments that were acknowledged so far."""
    return sum(len(payer.settled) for payer in payers)


def enough(payers: list[Payer]) -> int:
    """So many that the kills have met payments."""
    return 10 * len(payers) + 1


def nothing_lost_and_nothing_twice(system: System, payers: list[Payer]) -> None:
    """Each acknowledged payment is there once, balances follow from them, the audit holds."""
    for payer in payers:
        assert payer.failure is None, payer.failure
    assert settled(payers) >= enough(payers), "too little load"
    audit = audited(system)
    assert audit.ok, audit.problems
    for payer in payers:
        number = payer.wallet.number
        out = {sequence: fen for sequence, (_, fen) in payer.settled.items()}
        received = [
            fen for other in payers for payee, fen in other.settled.values() if payee == number
        ]
        shown = payer.wallet.show()
        assert shown.held_fen == 0
        assert shown.available_fen == START_FEN - sum(out.values()) + sum(received)
        listed = payer.wallet.payments()
        paid = Counter(
            item.payment_id
            for item in listed
            if item.state == states_pb2.PAYMENT_STATE_SETTLED and item.change_fen < 0
        )
        assert paid == Counter({f"{number}-{sequence}": 1 for sequence in out})
        arrived = [
            item.change_fen
            for item in listed
            if item.purpose == purposes_pb2.PURPOSE_PAYMENT and item.change_fen > 0
        ]
        assert sorted(arrived) == sorted(received)
