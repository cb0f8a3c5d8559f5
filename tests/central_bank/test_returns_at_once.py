"""Who gives back a payment waits for nobody but whoever gives back the very same one."""

from __future__ import annotations

from threading import Event, Thread

from central_bank.context import Context
from central_bank.ledger.standing import Standing
from central_bank.registration.returns import Returns
from central_bank.registration.settlement import OutboundPayment
from runtime.database import Database
from tests.central_bank.returning import returned
from tests.central_bank.system import System


def test_only_returns_of_the_same_payment_wait_for_each_other(system: System) -> None:
    central = system.central
    database, standing = Database(system.engine), Standing()
    context = Context(database, central.books, central.registry, system.clock, standing)
    returns = Returns(context)
    banks = {found.prefix: found for found in system.central.registry.all()}
    system.issue(system.alpha, 1_000)
    paid, other = (system.payment(system.alpha, system.beta, 300) for _ in range(2))
    once, again = returned(system, paid, 1), returned(system, paid, 2)
    refund = system.payment(
        system.beta, system.alpha, 5, refunds_payment_id=paid.payment_id, refunds_number=paid.number
    )
    came_in = Event()

    def decide(payment: OutboundPayment) -> None:
        with returns.deciding(system.beta, [payment], [0], banks):
            came_in.set()

    waiting = Thread(target=decide, args=(again,))
    gamma = system.admit("other", "6203")
    with returns.deciding(gamma, [once], [0], banks):
        decide(once)  # whoever names a payment that is not theirs to return holds up nobody
        assert came_in.is_set()
        came_in.clear()
    with returns.deciding(system.beta, [once], [0], banks):
        for free in (returned(system, other, 3), refund):
            decide(free)  # or it waits for ever
            assert came_in.is_set()
            came_in.clear()
        waiting.start()
        assert not came_in.wait(0.2)
    waiting.join(10)
    assert came_in.is_set()
