"""What the tests of running stacks share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from console.output import Output
from sandbox.demo.environment import System
from sandbox.stack.care import look_after

RESERVES_FEN = 10_000_000_00
ISSUED_FEN = 5_000_000_00

MakeSystem = Callable[..., System]


def fund(system: System) -> None:
    """Fill every bank's vault."""
    for bank in system.plan.banks:
        system.pay_in(bank.name, RESERVES_FEN)
        system.issue(bank.name, ISSUED_FEN)
        system.wait_vault(bank.name, ISSUED_FEN)


@contextmanager
def looked_after(system: System) -> Iterator[System]:
    """Starts a stack, fills its vaults, and starts services again that end, as ``dcep up`` does."""
    with system:
        system.stack.up()
        fund(system)
        ended = threading.Event()
        arguments = system.stack, ended, Output(False).plain
        looking = threading.Thread(target=look_after, args=arguments)
        looking.start()
        try:
            yield system
        finally:
            ended.set()
            looking.join()
