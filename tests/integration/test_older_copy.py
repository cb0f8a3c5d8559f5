"""A bank whose database is put back to an older copy, over the real stack."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from auditor.audit import audit_stack
from console.clients import BankOfficerClient, by_two
from console.coming_back import next_act
from dcep.bank.v1 import payments_pb2, states_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK
from runtime.errors import Refusal
from sandbox.demo.environment import System, refused, wait_until
from tests.integration.commands import dcep
from tests.integration.older_copies import OlderCopy, copy_of
from tests.integration.raw_wallet import BankStubs, RawWallet
from tests.integration.systems import MakeSystem

pytestmark = [pytest.mark.xdist_group("older-copy"), pytest.mark.timeout(300)]


def copied(system: System, bank: str = "alpha") -> OlderCopy:
    """A copy of a bank's database, made while it is stopped for a moment."""
    system.wait_quiet()
    system.stack.stop(bank)
    older = copy_of(system, bank)
    system.stack.restart(bank)
    return older


def put_back(system: System, older: OlderCopy, bank: str = "alpha") -> None:
    system.stack.stop(bank)
    older.put_back()
    system.stack.start(bank)
    system.stack.await_healthy(bank)


def wait_acknowledged(system: System, bank: str, number: int) -> None:
    """Until the bank's receipt for an entry is at the central bank: it is sent every 5 s."""
    with BankOfficerClient(system.plan, bank) as office:
        wait_until(lambda: office.feed().number >= number, f"{bank} has heard entry {number}")
    # A service that stops sends no receipt, so the next one is waited for here.
    wait_until(lambda: _told(system, bank, "number") >= number, f"{bank} has acknowledged {number}")


def _told(system: System, bank: str, what: str) -> int:
    """What a bank's newest receipt says."""
    engine = create_engine(system.plan.database_url(CENTRAL_BANK))
    query = text(
        f"SELECT {what} FROM feed_receipts WHERE bank = (SELECT id FROM banks WHERE name = :name)"
    )
    try:
        with engine.connect() as connection:
            return int(connection.execute(query, {"name": bank}).scalar() or 0)
    finally:
        engine.dispose()


def test_an_older_copy_is_noticed_before_anybody_is_served(systems: MakeSystem) -> None:
    system = systems()
    alpha, beta = BankStubs(system.plan, "alpha"), BankStubs(system.plan, "beta")
    alice, carol, bob = RawWallet(alpha), RawWallet(alpha), RawWallet(beta)
    alice.top_up(10_000)
    older = copied(system)
    order = alice.payment(bob.number, 2_500)
    answer = alpha.payments.Pay(payments_pb2.PayRequest(order=order), timeout=20.0)
    assert answer.state == states_pb2.PAYMENT_STATE_SETTLED
    with BankOfficerClient(system.plan, "alpha") as office:
        heard = office.feed().number
    wait_acknowledged(system, "alpha", heard)
    put_back(system, older)

    within = alice.payment(carol.number, 1)
    calls = {
        "single": lambda: alpha.payments.Pay(payments_pb2.PayRequest(order=within), timeout=20.0),
        "bulk": lambda: alpha.payments.PayMany(
            payments_pb2.PayManyRequest(orders=[within]), timeout=20.0
        ),
        "balance": alice.show,
        "statement": alice.payments,
        "opening": lambda: RawWallet(alpha),
    }
    for name, call in calls.items():
        refusal = refused(call)
        assert isinstance(refusal, Refusal)
        assert refusal.name == "BANK_BEHIND", name
    with BankOfficerClient(system.plan, "alpha") as office:
        assert f"has acknowledged entry {heard}" in office.feed().stopped_cause
    system.close()


def test_without_the_central_bank_no_number_is_used_and_its_return_shows_the_older_copy(
    systems: MakeSystem,
) -> None:
    system = systems()
    alpha, beta = BankStubs(system.plan, "alpha"), BankStubs(system.plan, "beta")
    alice, carol, bob = RawWallet(alpha), RawWallet(alpha), RawWallet(beta)
    alice.top_up(10_000)
    older = copied(system)
    order = alice.payment(bob.number, 2_500)
    answer = alpha.payments.Pay(payments_pb2.PayRequest(order=order), timeout=20.0)
    assert answer.state == states_pb2.PAYMENT_STATE_SETTLED
    with BankOfficerClient(system.plan, "alpha") as office:
        wait_acknowledged(system, "alpha", office.feed().number)
    system.stack.stop(CENTRAL_BANK)
    put_back(system, older)

    within = payments_pb2.PayRequest(order=alice.payment(carol.number, 1))
    assert alpha.payments.Pay(within, timeout=20.0).state == states_pb2.PAYMENT_STATE_SETTLED
    across = payments_pb2.PayRequest(order=alice.payment(bob.number, 1))
    assert refused(lambda: alpha.payments.Pay(across, timeout=20.0)).name == "PEER_UNAVAILABLE"

    system.stack.restart(CENTRAL_BANK)
    with BankOfficerClient(system.plan, "alpha") as office:
        wait_until(lambda: office.feed().stopped_cause != "", "alpha's feed has stopped")
    assert refused(lambda: alpha.payments.Pay(across, timeout=20.0)).name == "BANK_BEHIND"
    system.close()


def brought_back(system: System, bank: str = "alpha") -> None:
    """Two officers of the central bank, then two of the bank, have it go on."""
    for at in (CENTRAL_BANK, bank):
        with BankOfficerClient(system.plan, bank) as office:
            told = office.feed()
        assert told.behind
        with system.central(system.plan.central_officers[0]) as central:
            beyond = central.feed_of(bank, told.number)
        by_two(system.plan, at, next_act(bank, told, beyond))
    with BankOfficerClient(system.plan, bank) as office:
        wait_until(lambda: not office.feed().behind, f"{bank} serves again")


def said(system: System, *arguments: str) -> dict[str, Any]:
    """What a `dcep` command answers, as JSON."""
    done = dcep(*arguments, "--stack", str(system.plan.folder), "--json")
    assert done.code == 0, (arguments, done.out, done.err)
    return done.answer


def by_commands(system: System, *arguments: str, at: str, amount: str = "") -> None:
    """What an officer proposes by a command, and another one there approves."""
    act = said(system, *arguments)["act_id"]
    repeated = ("--amount", amount) if amount else ()
    said(system, "approve", act, *repeated, "--as", system.plan.officers(at)[1])


def test_a_bank_without_a_newer_copy_comes_back_and_every_fen_is_accounted_for(
    systems: MakeSystem,
) -> None:
    system = systems()
    alpha, beta = BankStubs(system.plan, "alpha"), BankStubs(system.plan, "beta")
    alice, carol, bob = RawWallet(alpha), RawWallet(alpha), RawWallet(beta)
    for wallet in (alice, bob):
        wallet.top_up(10_000)
    older = copied(system)

    # The time that is lost: out, in, within, a new holder who is paid, and a redemption.
    out = payments_pb2.PayRequest(order=alice.payment(bob.number, 2_500))
    first = alpha.payments.Pay(out, timeout=20.0)
    assert first.state == states_pb2.PAYMENT_STATE_SETTLED
    assert bob.pay(alice.number, 700).state == states_pb2.PAYMENT_STATE_SETTLED
    assert alice.pay(carol.number, 1_000).state == states_pb2.PAYMENT_STATE_SETTLED
    dora = RawWallet(alpha)
    assert bob.pay(dora.number, 300).state == states_pb2.PAYMENT_STATE_SETTLED
    with BankOfficerClient(system.plan, "alpha") as office:
        vault_fen = office.books().vault_fen
        wait_until(lambda: dora.show().available_fen == 300, "dora has been paid")
    system.redeem("alpha", 50_000)
    system.wait_vault("alpha", vault_fen - 50_000)
    with BankOfficerClient(system.plan, "alpha") as office:
        heard = office.feed().number
    wait_acknowledged(system, "alpha", heard)
    put_back(system, older)
    assert audit_stack(system.plan).problems

    # As docs/how-to/feed-stopped.md says.
    act = str(uuid.uuid4())
    shown = dcep("come-back", "alpha", "--request-id", act, "--stack", str(system.plan.folder))
    assert "it has acknowledged" in shown.out and "1 redeemed: 500.00 yuan" in shown.out, shown
    said(system, "approve", act, "--as", system.plan.central_officers[1])
    by_commands(system, "come-back", "alpha", at="alpha")
    with BankOfficerClient(system.plan, "alpha") as office:
        wait_until(lambda: not office.feed().behind, "alpha serves again")
        books, suspended = office.books(), office.suspense()
    assert books.lost_fen == -52_500
    entries = said(system, "lost", "--bank", "alpha")["entries"]
    assert [(one["kind"], one["open_fen"], one["payer_number"]) for one in entries] == [
        ("payment", 2_500, alice.number),
        ("redemption", 50_000, ""),
    ]
    assert [(one.wallet_number, one.amount_fen) for one in suspended] == [(dora.number, 300)]
    # What came in came in again; what was paid within the bank only its holders know.
    assert (alice.show().available_fen, carol.show().available_fen) == (10_700, 0)
    again = alpha.payments.Pay(out, timeout=20.0)
    assert (again.state, again.repeated) == (states_pb2.PAYMENT_STATE_SETTLED, True)
    assert bob.show().available_fen == 11_500

    # New payments both ways have numbers of their own, and nobody is paid twice.
    alice.sequence = 100
    assert alice.pay(bob.number, 40).state == states_pb2.PAYMENT_STATE_SETTLED
    assert bob.pay(alice.number, 30).state == states_pb2.PAYMENT_STATE_SETTLED
    assert bob.show().available_fen == 11_510
    fresh = RawWallet(alpha)
    assert fresh.number != dora.number

    payment, redemption = (str(one["entry"]) for one in entries)
    by_commands(
        system, "lost", "settle", "alpha", payment, "25", "--payer", at="alpha", amount="25"
    )
    by_commands(system, "lost", "settle", "alpha", redemption, "500", at="alpha", amount="500")
    paid = office_pb2.PaySuspense(position=suspended[0].position, wallet_number=fresh.number)
    system.by_two(paid, at="alpha")
    assert (alice.show().available_fen, fresh.show().available_fen) == (8_190, 300)
    with BankOfficerClient(system.plan, "alpha") as office:
        assert office.books().lost_fen == 0
        wait_acknowledged(system, "alpha", office.feed().number)
    system.wait_quiet()
    system.stack.stop("alpha")
    system.stack.restart("alpha")
    assert alice.pay(bob.number, 1).state == states_pb2.PAYMENT_STATE_SETTLED
    system.wait_quiet()
    found = audit_stack(system.plan)
    assert found.problems == []
    sums = {bank.bank: bank for bank in found.banks}["alpha"]
    assert (sums.lost_window_fen, sums.open_lost_fen) == (52_500, 0)
    system.close()


def test_a_bank_that_lost_only_what_the_central_bank_never_heard_of_is_noticed_too(
    systems: MakeSystem,
) -> None:
    system = systems()
    alpha = BankStubs(system.plan, "alpha")
    alice, carol = RawWallet(alpha), RawWallet(alpha)
    alice.top_up(10_000)
    older = copied(system)
    assert alice.pay(carol.number, 1_000).state == states_pb2.PAYMENT_STATE_SETTLED
    with BankOfficerClient(system.plan, "alpha") as office:
        told = office.feed()
    wait_until(
        lambda: _told(system, "alpha", "journal_position") >= told.journal_position,
        "alpha has told where its journal ends",
    )
    put_back(system, older)
    assert refused(alice.show).name == "BANK_BEHIND"
    brought_back(system)
    assert alice.show().available_fen == 10_000
    assert alice.pay(carol.number, 1_000, sequence=50).state == states_pb2.PAYMENT_STATE_SETTLED
    system.wait_quiet()
    assert audit_stack(system.plan).problems == []
    system.close()
