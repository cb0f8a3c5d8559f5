"""Services killed with -9 at random moments, under load across banks. SEED repeats the moments."""

from __future__ import annotations

import os
import random
import time

import pytest

from deployment.topology import CENTRAL_BANK
from sandbox.demo.environment import System
from tests.integration.paying import Paying
from tests.integration.service_report import Report
from tests.integration.systems import MakeSystem

SEED = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000)))
ROUNDS = int(os.environ.get("CRASHES", "4"))
PAYERS_PER_BANK = 3
PAYMENTS_EACH = 12
"""So many payments come through before each kill, and after the last one."""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database that the stacks use."""
    return "postgresql" if request.config.getoption("--postgresql") else "sqlite"


@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", [CENTRAL_BANK, "alpha", "beta"])
def test_a_service_killed_at_random_moments_loses_nothing(
    systems: MakeSystem, victim: str, database: str, service_report: Report
) -> None:
    print(f"SEED={SEED}")
    system = systems()
    paying = storm(system, [victim] * ROUNDS, random.Random(f"{SEED}-{victim}"))
    service_report.add(f"{victim}-killed", database, paying.check(), ROUNDS)
    system.close()


@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
def test_services_killed_in_any_order_and_together_lose_nothing(
    systems: MakeSystem, database: str, service_report: Report
) -> None:
    print(f"SEED={SEED}")
    system = systems()
    chance = random.Random(f"{SEED}-all")
    victims = [chance.choice(system.stack.names) for _ in range(ROUNDS)]
    paying = storm(system, [*victims, "all"], chance)
    service_report.add("all-killed", database, paying.check(), ROUNDS)
    system.close()


@pytest.mark.xdist_group("crashes")
@pytest.mark.timeout(600)
def test_payments_go_on_while_one_service_after_the_other_is_started_again(
    systems: MakeSystem, database: str, service_report: Report
) -> None:
    system = systems()
    with Paying(system, random.Random(SEED), PAYERS_PER_BANK) as paying:
        paying.more(PAYMENTS_EACH)
        for name in system.stack.names:
            system.stack.restart(name)
            paying.more(PAYMENTS_EACH)
    service_report.add("each-restarted", database, paying.check())
    system.close()


def storm(system: System, victims: list[str], chance: random.Random) -> Paying:
    """Load across banks while one victim after the other is killed and started again."""
    with Paying(system, chance, PAYERS_PER_BANK) as paying:
        for victim in victims:
            time.sleep(chance.uniform(0.2, 1.5))
            # However slow the machine is: a kill with no payments before it would show nothing.
            paying.more(PAYMENTS_EACH)
            names = system.stack.names if victim == "all" else [victim]
            for name in names:
                system.stack.kill(name)
            time.sleep(chance.uniform(0.0, 0.5))
            for name in names:
                system.stack.start(name)
            for name in names:
                system.stack.await_healthy(name)
        paying.more(PAYMENTS_EACH)
    return paying
