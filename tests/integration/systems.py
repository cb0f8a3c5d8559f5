"""What the tests of running stacks share."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.demo.environment import System

RESERVES_FEN = 10_000_000_00
ISSUED_FEN = 5_000_000_00

MakeSystem = Callable[..., System]


def fund(system: System) -> None:
    """Fill every bank's vault."""
    for bank in system.plan.banks:
        system.pay_in(bank.name, RESERVES_FEN)
        system.issue(bank.name, ISSUED_FEN)
        system.wait_vault(bank.name, ISSUED_FEN)
