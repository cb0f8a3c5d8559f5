"""What the tests of running stacks share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from console.output import Output
from sandbox.demo.environment import System
from sandbox.stack.care import look_after
from sandbox.stack.supervisor import Stack

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
def looking_after(stack: Stack) -> Iterator[None]:
    """Starts services of a running stack again that end, as ``dcep up`` does.

    A stack is for one thread, so nobody else stops or starts anything of it meanwhile.
    """
    ended = threading.Event()
    looking = threading.Thread(target=look_after, args=(stack, ended, Output(False).plain))
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()


@contextmanager
def looked_after(system: System) -> Iterator[System]:
    """Starts a stack, fills its vaults, and looks after it."""
    with system:
        system.stack.up()
        fund(system)
        with looking_after(system.stack):
            yield system
