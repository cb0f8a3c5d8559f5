"""What a bank writes beside the core takes its turn with it, and shuts it out no more."""

from __future__ import annotations

from threading import Event, Thread

from tests.operator_bank import asking
from tests.operator_bank.system import FOREIGN, Holder, System


def test_rows_are_written_in_turn_with_the_core(system: System, alice: Holder, bob: Holder) -> None:
    """SQLite's lock goes to who asks at the right moment: who had requests to pay written one after
    the other, or anything else, kept payments from being made.
    """
    written = Event()

    def write() -> None:
        asking.ask(bob, FOREIGN, 1)
        written.set()

    writing = Thread(target=write)
    with system.bank.books.turns:
        writing.start()
        assert not written.wait(0.2)
    writing.join(10)
    assert written.is_set()
    alice.pay(bob.number, 1)
