"""The class of a wallet changes with more proofs, or downwards, and no money moves by it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select

from currency.number import make
from currency.proofs import Proof
from dcep.bank.v1 import orders_pb2
from operator_bank.customers.sandbox_checks import LikeReal, papers_number
from operator_bank.customers.tables import class_changes, customers
from operator_bank.limits import CLASS_CHANGES_PER_DAY
from operator_bank.payments.tables import outbound
from settlement.journal import Tip
from settlement.records import Kind
from tests.operator_bank.classes import asked, change
from tests.operator_bank.system import DEPOSIT_FEN, Holder, System
from tests.refusals import refused

NAME, PHONE = "Zhao Quexiang", "13900139000"
II, III, IV = 2, 3, 4


def papers(number: str = "E1234567") -> orders_pb2.Document:
    return orders_pb2.Document(kind=orders_pb2.DOCUMENT_KIND_ID_CARD, number=number)


def test_more_proofs_give_a_better_class_with_its_limits_and_accounts(system: System) -> None:
    holder = system.open(phone=PHONE)
    holder.exchange(1_000, cash=True)
    assert change(holder, III, name=NAME, document=papers()).wallet_class == III
    assert system.bank.wallets.state(holder.wallet).deposit_fen is None
    changed = change(holder, II, bank_account="CN1")
    assert changed.wallet_class == II
    state = system.bank.wallets.state(changed)
    assert (state.available_fen, state.deposit_fen) == (1_000, DEPOSIT_FEN)
    assert state.limits_fen == system.limits[II]
    holder.exchange(20_000)
    system.restart()
    again = system.bank.directory.get(holder.number)
    assert again == changed
    assert system.bank.wallets.state(again).available_fen == 21_000
    with system.engine.connect() as connection:
        rows = connection.execute(select(class_changes).order_by(class_changes.c.position)).all()
        now = connection.execute(select(customers.c.shown)).scalar_one()
    assert [(row.wallet_class, row.shown) for row in rows] == [
        (III, Proof.PHONE | Proof.DOCUMENT),
        (II, Proof.PHONE | Proof.DOCUMENT | Proof.ACCOUNT),
    ]
    assert now == rows[-1].shown
    kinds = {
        entry.first_position + at: int(record["kind"])
        for entry, _ in system.bank.books.journal.rows(Tip())
        for at, record in enumerate(entry.records)
    }
    assert [kinds[row.position] for row in rows] == [Kind.SET_LIMIT_SET] * 2


def test_who_has_not_shown_enough_stays_in_the_class(system: System) -> None:
    holder = system.open(phone=PHONE)
    no = ("IDENTITY_NOT_CONFIRMED", "wallet_class")
    assert refused(change, holder, II) == no
    assert refused(change, holder, II, name=NAME, document=papers()) == no
    assert refused(change, holder, 1, name=NAME) == no, "nobody was at a counter"
    assert refused(change, holder, III, bank_account="CN1")[0] == "IDENTITY_NOT_CONFIRMED"
    assert system.bank.directory.get(holder.number).wallet_class == IV
    with system.engine.connect() as connection:
        assert connection.execute(select(class_changes)).all() == []
        assert connection.execute(select(customers.c.shown)).scalar_one() == Proof.PHONE


def test_a_lower_class_takes_no_money_and_is_confirmed_when_there_is_too_much(
    system: System, alice: Holder, bob: Holder
) -> None:
    held = alice.pay(make("6202", 1), 700)
    assert held.state
    cap = system.limits[IV][0]
    assert refused(change, alice, IV) == ("OVER_BALANCE_CAP", "over_the_cap")
    assert change(alice, IV, over_the_cap=True).wallet_class == IV
    state = system.bank.wallets.state(alice.wallet)
    assert (state.available_fen, state.held_fen) == (99_300, 700)
    assert state.limits_fen[0] == cap
    assert refused(bob.pay, alice.number, 1)[0] == "INSUFFICIENT_FUNDS"
    bob.exchange(10)
    assert refused(bob.pay, alice.number, 1)[0] == "PAYEE_CANNOT_BE_PAID"
    alice.pay(bob.number, 1_000)
    # What was held still ends as it would have.
    with system.engine.connect() as connection:
        number = connection.execute(select(outbound.c.number)).scalar_one()
    system.turned_down(number)
    assert system.bank.wallets.state(alice.wallet).available_fen == 99_000
    # It was shown before, so the better class comes back without more.
    assert change(alice, II).wallet_class == II
    assert change(alice, II).wallet_class == II


def test_an_order_counts_once_and_not_after_a_later_one(system: System, alice: Holder) -> None:
    first = asked(alice, III)
    change_class = system.bank.class_changes.change
    assert change_class(first).wallet_class == III
    assert change_class(first).wallet_class == III
    kept_back = asked(alice, IV, over_the_cap=True)
    system.clock.advance(1_000)
    change(alice, II)
    assert change_class(first).wallet_class == II, "repeated, it changes nothing"
    assert refused(change_class, kept_back)[0] == "EXPIRED"
    reused = asked(alice, III, request_id=str(uuid.UUID(int=7)))
    system.clock.advance(1_000)
    change(alice, IV, over_the_cap=True, request_id=str(uuid.UUID(int=7)))
    system.clock.advance(1_000)
    assert refused(change_class, reused) == ("ID_REUSED", "request_id")
    system.restart()
    assert refused(system.bank.class_changes.change, reused) == ("ID_REUSED", "request_id")


def test_a_wallet_changes_its_class_so_often_a_day(system: System, alice: Holder) -> None:
    for number in range(CLASS_CHANGES_PER_DAY):
        change(alice, III - number % 2)
    assert refused(change, alice, III)[0] == "OVERLOADED"
    system.clock.advance(86_400_000)
    change(alice, III)


def test_nobody_changes_anybody_elses_class(system: System, alice: Holder, bob: Holder) -> None:
    forged = asked(bob, IV)
    forged.order.key_id = alice.number.encode()
    assert refused(system.bank.class_changes.change, forged)[0] == "SIGNATURE_INVALID"
    forged = asked(bob, IV, bank="beta")
    assert refused(system.bank.class_changes.change, forged) == ("FIELD_INVALID", "bank")
    exchanged = asked(alice, II, name="Alice")
    exchanged.holder = asked(alice, II, name="Mallory").holder
    assert refused(system.bank.class_changes.change, exchanged) == ("FIELD_INVALID", "holder")
    closed = system.open("Closed")
    system.bank.wallets.close(closed.closing())
    assert refused(change, closed, III)[0] == "WALLET_CLOSED"


def test_the_bounds_hold_for_who_comes_to_a_document_later(system: System) -> None:
    system.publish(wallets_per_document=1, wallets_per_phone=1)
    first = system.open(phone="13900000001")
    change(first, III, name=NAME, document=papers())
    second = system.open(phone="13900000002")
    no = ("IDENTITY_NOT_CONFIRMED", "")
    assert refused(change, second, III, name=NAME, document=papers()) == no
    assert refused(change, second, IV, phone="13900000001") == ("TOO_MANY_WALLETS", "phone")
    change(first, IV)
    change(first, III)


def test_papers_of_a_known_holder_are_not_exchanged(system: System) -> None:
    holder = system.open(NAME, PHONE, document=papers())
    no = ("IDENTITY_NOT_CONFIRMED", "")
    assert refused(change, holder, III, name="Mallory") == no
    assert refused(change, holder, III, document=papers("E7654321")) == no
    change(holder, III, name=NAME, document=papers("e1234567"))


def test_a_telephone_is_shown_by_a_code_here_too(system: System, tmp_path: Path) -> None:
    system.checks = LikeReal(tmp_path / "outbox", delay_ms=0)
    holder = system.open(phone=PHONE)
    system.restart()
    assert refused(change, holder, IV, phone="13900000002") == ("PHONE_NOT_CONFIRMED", "code")
    good = papers(papers_number(NAME, "E1"))
    assert change(holder, III, name=NAME, document=good).wallet_class == III
    bad = papers_number("Li Na", "62")
    assert refused(change, holder, II, bank_account=bad)[0] == "IDENTITY_NOT_CONFIRMED"
    assert change(holder, II, bank_account=papers_number(NAME, "62")).wallet_class == II


@pytest.mark.parametrize("wallet_class", [0, 5])
def test_there_is_no_other_class(system: System, alice: Holder, wallet_class: int) -> None:
    assert refused(change, alice, wallet_class)[1] == "wallet_class"
