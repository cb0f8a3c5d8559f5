"""What the central bank writes beside the core takes its turn with it, and shuts it out no more."""

from __future__ import annotations

from threading import Event, Thread

from tests.central_bank.aliases import REGISTER, change
from tests.central_bank.system import System


def test_rows_are_written_in_turn_with_the_core(system: System) -> None:
    """SQLite's lock goes to who asks at the right moment: a bank that had labels registered one
    call after the other, or anything else written, kept payments from being settled.
    """
    written = Event()

    def write() -> None:
        change(system, system.alpha, REGISTER)
        written.set()

    writing = Thread(target=write)
    with system.central.books.turns:
        writing.start()
        assert not written.wait(0.2)
    writing.join(10)
    assert written.is_set()
    system.issue(system.alpha, 100)
