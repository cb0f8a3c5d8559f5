"""What a key that was replaced can still do: nothing, whatever it signed and when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.bank.v1 import edge_pb2, orders_pb2, payments_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.api.edge import GrpcEdge
from operator_bank.keys.in_force import check_in_force
from operator_bank.keys.tables import key_replacements
from operator_bank.payments.payments import PaidAlone
from runtime.errors import Refusal
from runtime.metrics import CallMetrics
from settlement.core import Answers, Batch
from settlement.records import Kind, first_sequence
from tests.operator_bank.keys import IN_FORCE, WAIT_MS, approved, replaced, state
from tests.operator_bank.system import FOREIGN, GET_WALLET, Holder, System, made
from tests.refusals import refused_for


@pytest.fixture
def key() -> SigningKey:
    return SigningKey.generate()


def everything(system: System, old: Holder, payee: Holder) -> dict[str, Any]:
    """Each thing that a wallet's key is asked for, as a call."""
    bank = system.bank
    query = old.signed(orders_pb2.Query)
    watch = old.signed(orders_pb2.Query, method="dcep.bank.v1.PaymentService/WatchPayments")
    return {
        "pay": lambda: old.pay(payee.number, 1),
        "pay elsewhere": lambda: old.pay(FOREIGN, 1),
        "in bulk": lambda: made(bank.payments.pay_many([old.order(payee.number, 1)])[0]),
        "together": lambda: alone(bank.payments.pay_together([old.order(payee.number, 1)])[0]),
        "exchange": lambda: old.exchange(1),
        "close": lambda: bank.wallets.close(old.closing()),
        "certify": lambda: bank.offline.certifying.certify(old.certifying(b"k" * 32)),
        "deposit": lambda: bank.offline.deposits.deposit(old.depositing(b"d"), 0.0),
        "query": lambda: bank.wallets.asking(query, GET_WALLET),
        "watch": lambda: bank.wallets.asking(watch, "dcep.bank.v1.PaymentService/WatchPayments"),
    }


def alone(answer: PaidAlone | Refusal) -> PaidAlone:
    assert not isinstance(answer, Refusal), answer
    return answer


def test_nothing_that_the_old_key_signs_counts_any_more(
    system: System, bob: Holder, alice: Holder
) -> None:
    bob.exchange(500)
    before = bob.order(alice.number, 50)
    many = [bob.order(alice.number, 1) for _ in range(3)]
    new = replaced(system, bob)
    for what, call in everything(system, bob, alice).items():
        try:
            answer = call()
        except (Refusal, AssertionError) as error:
            assert "SIGNATURE_INVALID" in repr(error) or "key_id" in str(error), what
        else:
            pytest.fail(f"{what}: {answer}")
    assert refused_for(system.bank.payments.pay, before, 0.0) == "SIGNATURE_INVALID"
    for answer in system.bank.payments.pay_many(many):
        assert isinstance(answer, Refusal) and answer.name == "SIGNATURE_INVALID"
    assert new.fen == 500
    system.restart()
    assert refused_for(system.bank.payments.pay, before, 0.0) == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    "what", ["pay", "pay elsewhere", "in bulk", "together", "exchange", "close"]
)
def test_an_order_verified_just_before_is_refused_by_the_journal(
    system: System, bob: Holder, alice: Holder, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the writer while the key is replaced: the record decides."""
    if what != "close":
        bob.exchange(500)
    ledger, replacements = system.bank.books.ledger, system.bank.keys.replacements
    key = SigningKey.generate()
    approved(system, bob, key)
    system.clock.advance(WAIT_MS)
    submit, call = ledger.submit, everything(system, bob, alice)[what]
    before = (bob.fen, alice.fen)

    def replaced_first(batch: Batch) -> Answers:
        monkeypatch.undo()
        replacements.step()
        return submit(batch)

    monkeypatch.setattr(ledger, "submit", replaced_first)
    with pytest.raises((Refusal, AssertionError)) as refused:
        call()
    assert "KEY_REPLACED" in repr(refused.value) or "key was replaced" in str(refused.value)
    assert (bob.fen, alice.fen) == before
    assert system.bank.wallets.state(bob.wallet).status == wallets_pb2.WALLET_STATUS_OPEN
    assert state(system, bob.number, key).state == IN_FORCE


def test_what_the_journal_does_not_decide_about_is_checked_where_it_is_written(
    system: System, bob: Holder
) -> None:
    key = SigningKey.generate()
    approved(system, bob, key)
    system.clock.advance(WAIT_MS)
    wallet = bob.wallet
    system.bank.keys.replacements.step()
    with system.engine.begin() as connection:
        assert refused_for(check_in_force, connection, wallet) == "KEY_REPLACED"
        check_in_force(connection, system.bank.directory.get(bob.number))


def test_each_key_has_its_own_sequences(system: System, bob: Holder, alice: Holder) -> None:
    """A new key uses none of an old one's; an old one prepares none for the time of another."""
    bob.exchange(10)
    ahead = first_sequence(1)
    assert refused_for(bob.pay, alice.number, 1, sequence=ahead) == "SEQUENCE_INVALID"
    answers = system.bank.payments.pay_many([bob.order(alice.number, 1, sequence=ahead)])
    assert isinstance(answers[0], Refusal) and answers[0].name == "SEQUENCE_INVALID"
    new = replaced(system, bob)
    for sequence in (1, bob.sequence + 1, first_sequence(1) - 1, first_sequence(2)):
        assert refused_for(new.pay, alice.number, 1, sequence=sequence) == "SEQUENCE_INVALID"
    new.pay(alice.number, 1, sequence=first_sequence(1))
    new.pay(alice.number, 2)


def test_a_payment_on_its_way_goes_on(system: System, bob: Holder) -> None:
    bob.exchange(500)
    paid = bob.pay(FOREIGN, 200)
    kept = bob.pay(FOREIGN, 100)
    new = replaced(system, bob)
    assert (new.fen, new.held_fen) == (200, 300)
    system.hear(outgoing_settled={"number": paid.number})
    system.turned_down(kept.number)
    assert (new.fen, new.held_fen) == (300, 0)
    payment = system.bank.history.get(new.wallet, paid.payment_id)
    assert payment.payment_id == paid.payment_id


def test_the_watch_of_an_old_key_ends(system: System, bob: Holder, alice: Holder) -> None:
    edge = GrpcEdge(system.bank, CallMetrics(None))  # type: ignore[arg-type]
    query = bob.signed(orders_pb2.Query, method="dcep.bank.v1.PaymentService/WatchPayments")
    request = payments_pb2.WatchPaymentsRequest(query=query).SerializeToString()
    begun = edge.BeginWatch(edge_pb2.BeginWatchRequest(request=request), None)  # type: ignore[arg-type]
    position = system.bank.books.ledger.position()
    asked_now = edge_pb2.ArrivalsRequest(
        wallet_number=bob.number, after_position=begun.position, ticket=begun.ticket
    )
    edge.Arrivals(asked_now, None)  # type: ignore[arg-type]
    replaced(system, bob)
    accounts, _ = system.bank.history.credited(position)
    assert bob.wallet.account in accounts  # so the edge asks, and is told
    assert refused_for(edge.Arrivals, asked_now, None) == "KEY_REPLACED"


def test_a_crash_between_any_two_steps_leaves_one_key(
    system: System, bob: Holder, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(system, bob, key)
    system.restart()  # after the approval: it is waited for
    system.clock.advance(WAIT_MS)

    def cut(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:  # after the commit, before memory knows
        patched.setattr(system.bank.directory, "replace_key", cut)
        with pytest.raises(SystemExit):
            system.bank.keys.replacements.step()
    system.restart()
    system.bank.keys.replacements.step()
    found = [
        row.first_position + at
        for row in system.bank.books.journal.read(0)
        for at in (row.records["kind"] == Kind.REPLACE_KEY).nonzero()[0].tolist()
    ]
    assert system.bank.directory.get(bob.number).public_key == bytes(key.verify_key)
    assert state(system, bob.number, key).state == IN_FORCE
    with system.engine.connect() as connection:
        [row] = connection.execute(select(key_replacements)).all()
    assert (row.state, row.key_number, [row.position]) == (IN_FORCE, 1, found)


def test_payments_and_a_replacement_at_once(system: System, bob: Holder, alice: Holder) -> None:
    """Whatever the order in which they come, all before it count and none after it."""
    bob.exchange(1_000)
    key = SigningKey.generate()
    approved(system, bob, key)
    system.clock.advance(WAIT_MS)
    bank = system.restart(threaded=True)
    orders = [bob.order(alice.number, 1) for _ in range(200)]

    def pay(order: SignedEnvelope) -> str:
        try:
            bank.payments.pay(order, 0.0)
        except Refusal as refusal:
            return refusal.name
        return "PAID"

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(pay, order) for order in orders[:100]]
        changing = pool.submit(bank.keys.replacements.step)
        answers += [pool.submit(pay, order) for order in orders[100:]]
        said_ = [answer.result() for answer in answers]
        changing.result()
    assert set(said_) <= {"PAID", "SIGNATURE_INVALID", "KEY_REPLACED"}
    assert pay(orders[-1]) in ("SIGNATURE_INVALID", "KEY_REPLACED")
    new = Holder(system, bank.directory.get(bob.number), key)
    assert new.fen == 1_000 - said_.count("PAID")
    bank.books.stop()
    system.restart()


@contextmanager
def put_back_to(system: System) -> Iterator[None]:
    """After what is done here the bank goes on from a copy that was made before."""
    with closing(sqlite3.connect(":memory:")) as copy:
        with closing(system.engine.raw_connection()) as raw:
            raw.driver_connection.backup(copy)  # type: ignore[union-attr]
        yield
        with closing(system.engine.raw_connection()) as raw:
            copy.backup(raw.driver_connection)  # type: ignore[arg-type]
    system.restart()


def test_an_older_copy_of_after_the_approval_replaces_the_key_again(
    system: System, bob: Holder, alice: Holder, key: SigningKey
) -> None:
    bob.exchange(10)
    approved(system, bob, key)
    with put_back_to(system):
        system.clock.advance(WAIT_MS)
        system.bank.keys.replacements.step()
        assert state(system, bob.number, key).state == IN_FORCE
    system.bank.keys.replacements.step()
    assert state(system, bob.number, key).state == IN_FORCE
    assert refused_for(bob.pay, alice.number, 1) == "SIGNATURE_INVALID"


def test_an_older_copy_of_before_the_approval_knows_the_old_key_alone(
    system: System, bob: Holder, key: SigningKey
) -> None:
    """That is what is left. While the bank knows that it is one, it gives out no other key."""
    with put_back_to(system):
        approved(system, bob, key)
        system.clock.advance(WAIT_MS)
        system.bank.keys.replacements.step()
    assert state(system, bob.number, bob.key).state == IN_FORCE
    assert refused_for(state, system, bob.number, key) == "REQUEST_UNKNOWN"
    system.bank.standing.fall_behind()
    assert refused_for(approved, system, bob, key) == "BANK_BEHIND"
    system.bank.standing.confirm()
    replaced(system, bob)
