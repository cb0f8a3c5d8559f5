"""What lies in suspense: each entry is listed with its source, and paid out once."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select, update

from auditor.suspense import suspense_problems
from currency.contract_words import purpose_word
from dcep.bank.v1 import officers_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from officers.effects import Act
from operator_bank.ledger.accounts import SUSPENSE
from operator_bank.ledger.tables import ledger
from operator_bank.suspense.tables import suspense
from runtime.errors import Refusal
from settlement.core import Batch
from settlement.records import RECORD, AccountFlag, Kind
from tests.operator_bank.system import FOREIGN, Holder, System
from tests.refusals import refused_for


def freeze(system: System, holder: Holder, *, frozen: bool = True) -> None:
    system.bank.directory.set_frozen(holder.number, frozen)


def deposited(system: System, holder: Holder, fen: int) -> str:
    """Offline money for a wallet; returns the payment's id."""
    event = system.depositing(holder, fen)
    system.hear(tokens_deposited=event)
    return f"deposit-{event.number}"


def entries(system: System) -> list[officers_pb2.SuspenseEntry]:
    return system.bank.suspense.page(50, 0)


def asked(position: int, number: str = "") -> office_pb2.PaySuspense:
    return office_pb2.PaySuspense(position=position, wallet_number=number)


def pay(system: System, position: int, number: str = "") -> Act:
    """Two officers pay an entry out."""
    return system.both(asked(position, number))


def suspended(system: System, holder: Holder, fen: int = 300) -> int:
    """Offline money for a frozen wallet; returns the entry's position."""
    freeze(system, holder)
    deposited(system, holder, fen)
    return int(entries(system)[-1].position)


def test_an_entry_says_what_it_was_whose_and_what_is_in_the_way(
    system: System, bob: Holder
) -> None:
    freeze(system, bob)
    payment_id = deposited(system, bob, 300)
    [entry] = entries(system)
    assert (purpose_word(entry.purpose), entry.payment_id) == ("offline-deposit", payment_id)
    assert (entry.wallet_number, entry.payer_number) == (bob.number, "")
    assert (entry.amount_fen, entry.time_ms) == (300, system.clock.now_ms())
    assert entry.reason == errors_pb2.REASON_PAYEE_FROZEN
    freeze(system, bob, frozen=False)
    assert entries(system)[0].reason == 0
    assert system.bank.suspense.page(50, entry.position) == []


def test_it_is_paid_once_and_stands_in_the_statement_as_what_it_was(
    system: System, bob: Holder
) -> None:
    position = suspended(system, bob)
    freeze(system, bob, frozen=False)
    act = system.propose(asked(position))
    assert (bob.fen, len(entries(system))) == (0, 1), "it takes another officer"
    for _ in range(2):
        assert system.approve(act).state == office_pb2.ACT_STATE_APPROVED
        system.restart()
    with pytest.raises(Refusal, match=bob.number) as caught:
        pay(system, position)
    assert caught.value.name == "ALREADY_DECIDED"
    assert (bob.fen, entries(system)) == (300, [])
    assert system.bank.vault.books().suspense_fen == 0
    page, _ = system.bank.history.page(bob.wallet, 1, "")
    assert [(purpose_word(p.purpose), p.payment_id, p.change_fen) for p in page] == [
        ("offline-deposit", "deposit-1", 300)
    ]
    seen, _ = system.bank.history.arrivals(bob.wallet, 0, 10)
    assert [p.amount_fen for p in seen] == [300]


def test_the_record_carries_the_acts_digest_and_the_act_its_position(
    system: System, bob: Holder
) -> None:
    position = suspended(system, bob)
    freeze(system, bob, frozen=False)
    act = pay(system, position)
    found = system.bank.books.history.find(SUSPENSE, position)
    assert found is not None
    assert (found.position, int(found.record["digest"])) == (act.position, act.record_digest)


def test_an_entry_that_two_acts_ask_for_is_paid_once(
    system: System, bob: Holder, phone: Holder
) -> None:
    position = suspended(system, bob)
    freeze(system, bob, frozen=False)
    first, second = (system.propose(asked(position, holder.number)) for holder in (bob, phone))
    system.approve(first)
    assert refused_for(system.approve, second) == "ALREADY_DECIDED"
    assert (bob.fen, phone.fen) == (300, 0)


def test_what_is_refused_can_be_tried_again(system: System, bob: Holder) -> None:
    position = suspended(system, bob)
    act = system.propose(asked(position))
    for _ in range(3):
        assert refused_for(system.approve, act) == "PAYEE_FROZEN"
        system.restart()
    system.check_books()
    freeze(system, bob, frozen=False)
    assert system.approve(act).state == office_pb2.ACT_STATE_APPROVED
    assert bob.fen == 300


def test_a_closed_wallets_money_goes_to_another_one(
    system: System, bob: Holder, phone: Holder
) -> None:
    system.bank.wallets.close(bob.signed(orders_pb2.CloseOrder, sequence=bob.next()))
    deposited(system, bob, 300)
    position = entries(system)[0].position
    assert refused_for(pay, system, position) == "PAYEE_CLOSED"
    assert refused_for(pay, system, position, FOREIGN) == "WALLET_UNKNOWN"
    pay(system, position, phone.number)
    assert phone.fen == 300


def test_the_cap_of_the_wallet_holds(system: System, phone: Holder) -> None:
    deposited(system, phone, 9_000)
    deposited(system, phone, 1_001)
    [entry] = entries(system)
    assert entry.reason == errors_pb2.REASON_OVER_BALANCE_CAP
    assert refused_for(pay, system, entry.position) == "OVER_BALANCE_CAP"
    phone.exchange(1_000, out=True, cash=True)
    pay(system, entry.position)
    assert phone.fen == 9_001


def test_a_number_that_is_no_entry_is_unknown(system: System, bob: Holder) -> None:
    assert refused_for(pay, system, 0) == "FIELD_MISSING"
    for position in (1, 999_999):
        assert refused_for(pay, system, position) == "PAYMENT_UNKNOWN"
    assert refused_for(pay, system, 2**64 - 1) == "FIELD_INVALID"


def test_a_return_that_cannot_be_delivered_lies_there(system: System, bob: Holder) -> None:
    incoming = system.arriving(bob.number, 40)
    incoming.returns_payment_id = f"{bob.number}-1"
    freeze(system, bob)
    system.hear(incoming=incoming)
    assert not system.bank.returns.step()
    [entry] = entries(system)
    assert (purpose_word(entry.purpose), entry.payment_id) == ("return", incoming.payment_id)
    assert (entry.wallet_number, entry.payer_number) == (bob.number, FOREIGN)


def test_a_payment_whose_return_nobody_takes_lies_there(system: System, bob: Holder) -> None:
    freeze(system, bob)
    incoming = system.arriving(bob.number, 40)
    system.hear(incoming=incoming)
    assert entries(system) == [], "it is on its way back"
    assert system.bank.returns.step()
    system.bank.outgoing.step()
    sent = system.central.submitted[-1]
    ended = registration_pb2.OutgoingEnded(
        number=sent.number,
        state=registration_pb2.OUTCOME_STATE_REFUSED,
        reason=errors_pb2.REASON_BANK_SUSPENDED,
    )
    system.hear(outgoing_ended=ended)
    [found] = entries(system)
    assert (purpose_word(found.purpose), found.payment_id) == ("payment", incoming.payment_id)
    assert (found.wallet_number, found.payer_number) == (bob.number, FOREIGN)
    freeze(system, bob, frozen=False)
    pay(system, found.position)
    assert bob.fen == 40


def test_a_return_that_the_ledger_refuses_lies_there(system: System, bob: Holder) -> None:
    freeze(system, bob)
    system.hear(incoming=system.arriving(bob.number, 40))
    for flags in (AccountFlag.FROZEN, 0):
        stopped = np.zeros(1, RECORD)
        stopped["kind"], stopped["credit"], stopped["ref"] = Kind.SET_FLAGS, SUSPENSE, flags
        system.bank.books.ledger.submit(Batch(stopped))
        assert system.bank.returns.step() == bool(flags)
    [found] = entries(system)
    assert (purpose_word(found.purpose), found.amount_fen) == ("payment", 40)
    freeze(system, bob, frozen=False)
    pay(system, found.position)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"paid": 1}, "it is 300 fen paid out, the journal says 300 fen in suspense"),
        ({"amount_fen": 301}, "it is 301 fen in suspense, the journal says 300 fen in suspense"),
        ({"position": 1}, "it is 300 fen in suspense, the journal says nothing"),
    ],
)
def test_a_row_that_was_changed_is_named_by_the_audit(
    system: System, bob: Holder, values: dict[str, int], named: str
) -> None:
    position = suspended(system, bob)
    with system.engine.begin() as connection:
        connection.execute(update(suspense).values(**values))
    problems = suspense_problems(system.engine, ledger)
    assert any(problem.endswith(named) for problem in problems)
    with system.engine.begin() as connection:
        connection.execute(update(suspense).values(paid=0, amount_fen=300, position=position))


def test_a_row_that_is_missing_or_was_reopened_is_named_by_the_audit(
    system: System, bob: Holder
) -> None:
    position = suspended(system, bob)
    freeze(system, bob, frozen=False)
    pay(system, position)
    with system.engine.begin() as connection:
        connection.execute(update(suspense).values(paid=0))
    [problem] = suspense_problems(system.engine, ledger)
    assert "it is 300 fen in suspense, the journal says 300 fen paid out" in problem
    with system.engine.begin() as connection:
        row = connection.execute(select(suspense)).one()._asdict()
        connection.execute(suspense.delete())
    [problem] = suspense_problems(system.engine, ledger)
    assert "it is missing" in problem
    with system.engine.begin() as connection:
        connection.execute(suspense.insert().values(**row | {"paid": 1}))
