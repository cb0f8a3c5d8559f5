"""What lies in suspense: each entry is listed with its source, and paid out once."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import select, update

from auditor.suspense import suspense_problems
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
from tests.operator_bank.conftest import FOREIGN, Holder, World


def freeze(world: World, holder: Holder, *, frozen: bool = True) -> None:
    world.bank.directory.set_frozen(holder.number, frozen)


def deposited(world: World, holder: Holder, fen: int) -> str:
    """Offline money for a wallet; returns the payment's id."""
    event = world.depositing(holder, fen)
    world.hear(tokens_deposited=event)
    return f"deposit-{event.number}"


def entries(world: World) -> list[officers_pb2.SuspenseEntry]:
    return world.bank.suspense.page(50, 0)


def asked(position: int, number: str = "") -> office_pb2.PaySuspense:
    return office_pb2.PaySuspense(position=position, wallet_number=number)


def pay(world: World, position: int, number: str = "") -> Act:
    """Two officers pay an entry out."""
    return world.both(asked(position, number))


def refused(world: World, position: int, number: str = "") -> str:
    with pytest.raises(Refusal) as caught:
        pay(world, position, number)
    return caught.value.name


def lying(world: World, holder: Holder, fen: int = 300) -> int:
    """Offline money for a frozen wallet; returns the entry's position."""
    freeze(world, holder)
    deposited(world, holder, fen)
    return int(entries(world)[-1].position)


def test_an_entry_says_what_it_was_whose_and_what_is_in_the_way(world: World, bob: Holder) -> None:
    freeze(world, bob)
    payment_id = deposited(world, bob, 300)
    [entry] = entries(world)
    assert (entry.kind, entry.payment_id) == ("offline-deposit", payment_id)
    assert (entry.wallet_number, entry.payer_number) == (bob.number, "")
    assert (entry.amount_fen, entry.time_ms) == (300, world.clock.now_ms())
    assert entry.reason == errors_pb2.REASON_PAYEE_FROZEN
    freeze(world, bob, frozen=False)
    assert entries(world)[0].reason == 0
    assert world.bank.suspense.page(50, entry.position) == []


def test_it_is_paid_once_and_stands_in_the_statement_as_what_it_was(
    world: World, bob: Holder
) -> None:
    position = lying(world, bob)
    freeze(world, bob, frozen=False)
    act = world.propose(asked(position))
    assert (bob.fen, len(entries(world))) == (0, 1), "it takes another officer"
    for _ in range(2):
        assert world.approve(act).state == office_pb2.ACT_STATE_APPROVED
        world.restart()
    with pytest.raises(Refusal, match=bob.number) as caught:
        pay(world, position)
    assert caught.value.name == "ALREADY_DECIDED"
    assert (bob.fen, entries(world)) == (300, [])
    assert world.bank.vault.books().suspense_fen == 0
    page, _ = world.bank.history.page(bob.wallet, 1, "")
    assert [(p.kind, p.payment_id, p.change_fen) for p in page] == [
        ("offline-deposit", "deposit-1", 300)
    ]
    seen, _ = world.bank.history.arrivals(bob.wallet, 0, 10)
    assert [p.amount_fen for p in seen] == [300]


def test_the_record_carries_the_acts_digest_and_the_act_its_position(
    world: World, bob: Holder
) -> None:
    position = lying(world, bob)
    freeze(world, bob, frozen=False)
    act = pay(world, position)
    found = world.bank.books.history.find(SUSPENSE, position)
    assert found is not None
    assert (found.position, int(found.record["digest"])) == (act.position, act.record_digest)


def test_an_entry_that_two_acts_ask_for_is_paid_once(
    world: World, bob: Holder, phone: Holder
) -> None:
    position = lying(world, bob)
    freeze(world, bob, frozen=False)
    first, second = (world.propose(asked(position, holder.number)) for holder in (bob, phone))
    world.approve(first)
    with pytest.raises(Refusal) as caught:
        world.approve(second)
    assert caught.value.name == "ALREADY_DECIDED"
    assert (bob.fen, phone.fen) == (300, 0)


def test_what_is_refused_can_be_tried_again(world: World, bob: Holder) -> None:
    position = lying(world, bob)
    act = world.propose(asked(position))
    for _ in range(3):
        with pytest.raises(Refusal) as caught:
            world.approve(act)
        assert caught.value.name == "PAYEE_FROZEN"
        world.restart()
    world.check_books()
    freeze(world, bob, frozen=False)
    assert world.approve(act).state == office_pb2.ACT_STATE_APPROVED
    assert bob.fen == 300


def test_a_closed_wallets_money_goes_to_another_one(
    world: World, bob: Holder, phone: Holder
) -> None:
    world.bank.wallets.close(bob.signed(orders_pb2.CloseOrder, sequence=bob.next()))
    deposited(world, bob, 300)
    position = entries(world)[0].position
    assert refused(world, position) == "PAYEE_CLOSED"
    assert refused(world, position, FOREIGN) == "WALLET_UNKNOWN"
    pay(world, position, phone.number)
    assert phone.fen == 300


def test_the_cap_of_the_wallet_holds(world: World, phone: Holder) -> None:
    deposited(world, phone, 9_000)
    deposited(world, phone, 1_001)
    [entry] = entries(world)
    assert entry.reason == errors_pb2.REASON_OVER_BALANCE_CAP
    assert refused(world, entry.position) == "OVER_BALANCE_CAP"
    phone.exchange(1_000, out=True, cash=True)
    pay(world, entry.position)
    assert phone.fen == 9_001


def test_a_number_that_is_no_entry_is_unknown(world: World, bob: Holder) -> None:
    assert refused(world, 0) == "FIELD_MISSING"
    for position in (1, 999_999):
        assert refused(world, position) == "PAYMENT_UNKNOWN"
    assert refused(world, 2**64 - 1) == "FIELD_INVALID"


def test_a_return_that_cannot_be_delivered_lies_there(world: World, bob: Holder) -> None:
    incoming = world.arriving(bob.number, 40)
    incoming.returns_payment_id = f"{bob.number}-1"
    freeze(world, bob)
    world.hear(incoming=incoming)
    assert not world.bank.returns.step()
    [entry] = entries(world)
    assert (entry.kind, entry.payment_id) == ("return", incoming.payment_id)
    assert (entry.wallet_number, entry.payer_number) == (bob.number, FOREIGN)


def test_a_payment_whose_return_nobody_takes_lies_there(world: World, bob: Holder) -> None:
    freeze(world, bob)
    incoming = world.arriving(bob.number, 40)
    world.hear(incoming=incoming)
    assert entries(world) == [], "it is on its way back"
    assert world.bank.returns.step()
    world.bank.outgoing.step()
    sent = world.central.submitted[-1]
    ended = registration_pb2.OutgoingEnded(
        number=sent.number,
        state=registration_pb2.OUTCOME_STATE_REFUSED,
        reason=errors_pb2.REASON_BANK_SUSPENDED,
    )
    world.hear(outgoing_ended=ended)
    [found] = entries(world)
    assert (found.kind, found.payment_id) == ("payment", incoming.payment_id)
    assert (found.wallet_number, found.payer_number) == (bob.number, FOREIGN)
    freeze(world, bob, frozen=False)
    pay(world, found.position)
    assert bob.fen == 40


def test_a_return_that_the_ledger_refuses_lies_there(world: World, bob: Holder) -> None:
    freeze(world, bob)
    world.hear(incoming=world.arriving(bob.number, 40))
    for flags in (AccountFlag.FROZEN, 0):
        stopped = np.zeros(1, RECORD)
        stopped["kind"], stopped["credit"], stopped["ref"] = Kind.SET_FLAGS, SUSPENSE, flags
        world.bank.books.ledger.submit(Batch(stopped))
        assert world.bank.returns.step() == bool(flags)
    [found] = entries(world)
    assert (found.kind, found.amount_fen) == ("payment", 40)
    freeze(world, bob, frozen=False)
    pay(world, found.position)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"paid": 1}, "it is 300 fen paid out, the journal says 300 fen in suspense"),
        ({"amount_fen": 301}, "it is 301 fen in suspense, the journal says 300 fen in suspense"),
        ({"position": 1}, "it is 300 fen in suspense, the journal says nothing"),
    ],
)
def test_a_row_that_was_changed_is_named_by_the_audit(
    world: World, bob: Holder, values: dict[str, int], named: str
) -> None:
    position = lying(world, bob)
    with world.engine.begin() as connection:
        connection.execute(update(suspense).values(**values))
    problems = suspense_problems(world.engine, ledger)
    assert any(problem.endswith(named) for problem in problems)
    with world.engine.begin() as connection:
        connection.execute(update(suspense).values(paid=0, amount_fen=300, position=position))


def test_a_row_that_is_missing_or_was_reopened_is_named_by_the_audit(
    world: World, bob: Holder
) -> None:
    position = lying(world, bob)
    freeze(world, bob, frozen=False)
    pay(world, position)
    with world.engine.begin() as connection:
        connection.execute(update(suspense).values(paid=0))
    [problem] = suspense_problems(world.engine, ledger)
    assert "it is 300 fen in suspense, the journal says 300 fen paid out" in problem
    with world.engine.begin() as connection:
        row = connection.execute(select(suspense)).one()._asdict()
        connection.execute(suspense.delete())
    [problem] = suspense_problems(world.engine, ledger)
    assert "it is missing" in problem
    with world.engine.begin() as connection:
        connection.execute(suspense.insert().values(**row | {"paid": 1}))
