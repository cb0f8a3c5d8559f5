"""A bank whose database is put back to an older copy, over the real stack."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from dcep.bank.v1 import bank_pb2
from runtime.errors import Refusal
from sandbox.offices import BankOffice
from sandbox.plan import CENTRAL_BANK
from sandbox.world import World, refused, wait_until
from tests.integration.conftest import MakeWorld
from tests.integration.older_copies import OlderCopy, copy_of
from tests.integration.raw_wallet import BankStubs, RawWallet

pytestmark = [pytest.mark.xdist_group("older-copy"), pytest.mark.timeout(300)]


def copied(world: World, bank: str = "alpha") -> OlderCopy:
    """A copy of a bank's database, made while it is stopped for a moment."""
    world.wait_quiet()
    world.stack.stop(bank)
    older = copy_of(world, bank)
    world.stack.restart(bank)
    return older


def put_back(world: World, older: OlderCopy, bank: str = "alpha") -> None:
    world.stack.stop(bank)
    older.put_back()
    world.stack.start(bank)
    world.stack.await_healthy(bank)


def wait_acknowledged(world: World, bank: str, number: int) -> None:
    """Until the bank's receipt for an entry is at the central bank: it is sent every 5 s."""
    with BankOffice(world.plan, bank) as office:
        wait_until(lambda: office.feed().number >= number, f"{bank} has heard entry {number}")
    # A service that stops sends no receipt, so the next one is waited for here.
    wait_until(lambda: _acknowledged(world, bank) >= number, f"{bank} has acknowledged {number}")


def _acknowledged(world: World, bank: str) -> int:
    engine = create_engine(world.plan.database_url(CENTRAL_BANK))
    query = text(
        "SELECT number FROM feed_receipts WHERE bank = (SELECT id FROM banks WHERE name = :name)"
    )
    try:
        with engine.connect() as connection:
            return int(connection.execute(query, {"name": bank}).scalar() or 0)
    finally:
        engine.dispose()


def test_an_older_copy_is_noticed_before_anybody_is_served(worlds: MakeWorld) -> None:
    world = worlds()
    alpha, beta = BankStubs(world.plan, "alpha"), BankStubs(world.plan, "beta")
    alice, carol, bob = RawWallet(alpha), RawWallet(alpha), RawWallet(beta)
    alice.top_up(10_000)
    older = copied(world)
    order = alice.payment(bob.number, 2_500)
    answer = alpha.payments.Pay(bank_pb2.PayRequest(order=order), timeout=20.0)
    assert answer.state == bank_pb2.PAYMENT_STATE_SETTLED
    with BankOffice(world.plan, "alpha") as office:
        heard = office.feed().number
    wait_acknowledged(world, "alpha", heard)
    put_back(world, older)

    within = alice.payment(carol.number, 1)
    calls = {
        "single": lambda: alpha.payments.Pay(bank_pb2.PayRequest(order=within), timeout=20.0),
        "bulk": lambda: alpha.payments.PayMany(
            bank_pb2.PayManyRequest(orders=[within]), timeout=20.0
        ),
        "balance": alice.show,
        "statement": alice.payments,
        "opening": lambda: RawWallet(alpha),
    }
    for name, call in calls.items():
        refusal = refused(call)
        assert isinstance(refusal, Refusal)
        assert refusal.name == "BANK_BEHIND", name
    with BankOffice(world.plan, "alpha") as office:
        assert f"has acknowledged entry {heard}" in office.feed().stopped_cause
    world.close()


def test_without_the_central_bank_no_number_is_used_and_its_return_shows_the_older_copy(
    worlds: MakeWorld,
) -> None:
    world = worlds()
    alpha, beta = BankStubs(world.plan, "alpha"), BankStubs(world.plan, "beta")
    alice, carol, bob = RawWallet(alpha), RawWallet(alpha), RawWallet(beta)
    alice.top_up(10_000)
    older = copied(world)
    order = alice.payment(bob.number, 2_500)
    answer = alpha.payments.Pay(bank_pb2.PayRequest(order=order), timeout=20.0)
    assert answer.state == bank_pb2.PAYMENT_STATE_SETTLED
    with BankOffice(world.plan, "alpha") as office:
        wait_acknowledged(world, "alpha", office.feed().number)
    world.stack.stop(CENTRAL_BANK)
    put_back(world, older)

    within = bank_pb2.PayRequest(order=alice.payment(carol.number, 1))
    assert alpha.payments.Pay(within, timeout=20.0).state == bank_pb2.PAYMENT_STATE_SETTLED
    across = bank_pb2.PayRequest(order=alice.payment(bob.number, 1))
    assert refused(lambda: alpha.payments.Pay(across, timeout=20.0)).name == "PEER_UNAVAILABLE"

    world.stack.restart(CENTRAL_BANK)
    with BankOffice(world.plan, "alpha") as office:
        wait_until(lambda: office.feed().stopped_cause != "", "alpha's feed has stopped")
    assert refused(lambda: alpha.payments.Pay(across, timeout=20.0)).name == "BANK_BEHIND"
    world.close()
