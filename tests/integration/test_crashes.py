"""Services killed with -9 at random moments, under load across banks. SEED repeats the moments."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass

import pytest

from dcep.bank.v1 import states_pb2
from dcep.purposes.v1 import purposes_pb2
from deployment.topology import CENTRAL_BANK
from sandbox.demo.environment import System
from sandbox.demo.scenario import audited
from tests.integration.histories import Calls, Payer, contradictions, kept
from tests.integration.raw_wallet import BankStubs, RawWallet
from tests.integration.systems import MakeSystem

SEED = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000)))
ROUNDS = int(os.environ.get("CRASHES", "4"))
PATIENCE_S = 60.0
PAYERS_PER_BANK = 3
START_FEN = 100_000


@dataclass(frozen=True)
class Storm:
    """Payers that paid while services were killed, and what they were told."""

    payers: list[Payer]
    calls: Calls

    def enough(self) -> int:
        """So many payments that the kills have met some."""
        return 10 * len(self.payers) + 1


@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", [CENTRAL_BANK, "alpha", "beta"])
def test_a_service_killed_at_random_moments_loses_nothing(systems: MakeSystem, victim: str) -> None:
    print(f"SEED={SEED}")
    system = systems()
    paid = storm(system, [victim] * ROUNDS, random.Random(f"{SEED}-{victim}"))
    nothing_lost_and_nothing_twice(system, paid)
    system.close()


@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
def test_services_killed_in_any_order_and_together_lose_nothing(systems: MakeSystem) -> None:
    print(f"SEED={SEED}")
    system = systems()
    chance = random.Random(f"{SEED}-all")
    victims = [chance.choice(system.stack.names) for _ in range(ROUNDS)]
    paid = storm(system, [*victims, "all"], chance)
    nothing_lost_and_nothing_twice(system, paid)
    system.close()


def storm(system: System, victims: list[str], chance: random.Random) -> Storm:
    """Load across banks while one victim after the other is killed and started again."""
    stubs = [BankStubs(system.plan, bank.name) for bank in system.plan.banks]
    wallets = [RawWallet(peer, name=f"payer {i}") for peer in stubs for i in range(PAYERS_PER_BANK)]
    for wallet in wallets:
        wallet.top_up(START_FEN)
    calls = Calls()
    numbers = [wallet.number for wallet in wallets]
    found = Storm(
        [Payer(wallet, numbers, calls, random.Random(chance.random())) for wallet in wallets], calls
    )
    for payer in found.payers:
        payer.start()
    try:
        for kills, victim in enumerate(victims, 1):
            time.sleep(chance.uniform(0.2, 1.5))
            # However slow the machine is: a kill with no payments before it would show nothing.
            patience = time.monotonic() + PATIENCE_S
            while len(calls.settled()) * len(victims) < found.enough() * kills:
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
        for payer in found.payers:
            payer.stop()
    for payer in found.payers:
        payer.join(120.0)
    return found


def nothing_lost_and_nothing_twice(system: System, paid: Storm) -> None:
    """What was told is what the databases and the statements have; the audit holds."""
    settled = paid.calls.settled()
    assert len(settled) >= paid.enough(), "too little load"
    audit = audited(system)
    assert audit.ok, audit.problems
    assert contradictions(paid.calls.all(), kept(system.plan)) == []
    for payer in paid.payers:
        number = payer.wallet.number
        out = [payment for payment in settled if payment.payer == number]
        received = [payment.amount_fen for payment in settled if payment.payee == number]
        shown = payer.wallet.show()
        assert shown.held_fen == 0
        spent = sum(payment.amount_fen for payment in out)
        assert shown.available_fen == START_FEN - spent + sum(received)
        listed = payer.wallet.payments()
        told = Counter(
            item.payment_id
            for item in listed
            if item.state == states_pb2.PAYMENT_STATE_SETTLED and item.change_fen < 0
        )
        assert told == Counter({f"{number}-{payment.sequence}": 1 for payment in out})
        arrived = [
            item.change_fen
            for item in listed
            if item.purpose == purposes_pb2.PURPOSE_PAYMENT and item.change_fen > 0
        ]
        assert sorted(arrived) == sorted(received)
