"""Requests to pay at one bank: paid once, never more than was asked, and others told nothing."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import update

from currency.number import make
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.asking.tables import asked
from operator_bank.limits import (
    ASKED_KEPT_MS,
    ASKED_PER_DAY,
    MAX_DUE_MS,
    MAX_OPEN_OF_ONE,
    MAX_REMINDERS,
    REMINDER_MS,
)
from runtime.errors import Refusal
from tests.operator_bank.asking import (
    DECLINE,
    HOUR_MS,
    REMIND,
    SETTLED,
    WITHDRAW,
    ask,
    block,
    change,
    order,
    pay,
    request,
    seen,
)
from tests.operator_bank.system import FOREIGN, Holder, System
from tests.refusals import refused_for


def test_it_is_paid_once_and_both_statements_name_it(
    system: System, alice: Holder, bob: Holder
) -> None:
    name = ask(bob, alice.number, 1_000, text="面条", reference="table 4")
    assert seen(alice) == seen(bob) == {name: ("OPEN", 0)}
    assert pay(alice, name, 1_000).state == SETTLED
    assert seen(alice) == seen(bob) == {name: ("PAID", 1_000)}
    assert refused_for(lambda: pay(alice, name, 1_000)) == "REQUEST_TO_PAY_OVER"
    for holder in (alice, bob):
        line = system.bank.history.page(holder.wallet, 1, "")[0][0]
        assert (line.request_to_pay_id, line.amount_fen) == (name, 1_000)
    system.restart()
    assert refused_for(lambda: pay(alice, name, 1_000)) == "REQUEST_TO_PAY_OVER"
    assert (alice.fen, bob.fen) == (99_000, 1_000)


def test_parts_are_never_more_than_the_amount(system: System, alice: Holder, bob: Holder) -> None:
    whole = ask(bob, alice.number, 1_000)
    assert refused_for(lambda: pay(alice, whole, 999)) == "AMOUNT_NOT_ASKED"
    name = ask(bob, alice.number, 1_000, partial=True)
    assert pay(alice, name, 400).state == SETTLED
    with pytest.raises(Refusal) as refused:
        pay(alice, name, 601)
    assert refused.value.metadata["left_fen"] == "600"
    assert seen(alice)[name] == ("OPEN", 400)
    assert pay(alice, name, 600).state == SETTLED
    assert refused_for(lambda: pay(alice, name, 1)) == "REQUEST_TO_PAY_OVER"
    assert bob.fen == 1_000


def test_the_same_order_is_one_payment_and_a_refused_one_stays_so(
    system: System, alice: Holder, bob: Holder
) -> None:
    name = ask(bob, alice.number, 1_000)
    signed = order(alice, name, 1_000)
    payments = system.bank.asked_payments
    assert [payments.pay(signed, 0.0)[0].repeated for _ in range(2)] == [False, True]
    system.restart()
    assert system.bank.asked_payments.pay(signed, 0.0)[0].repeated
    late = order(alice, name, 1_000)
    for _ in range(2):
        refused = refused_for(lambda: system.bank.asked_payments.pay(late, 0.0))
        assert refused == "REQUEST_TO_PAY_OVER"
        system.restart()
    assert bob.fen == 1_000


def test_who_was_not_asked_cannot_pay_it_nor_see_it(
    system: System, alice: Holder, bob: Holder, phone: Holder
) -> None:
    name = ask(bob, alice.number, 100)
    assert seen(phone) == {}
    assert refused_for(lambda: pay(phone, name, 100)) == "REQUEST_TO_PAY_UNKNOWN"
    assert refused_for(lambda: pay(bob, name, 100)) == "REQUEST_TO_PAY_UNKNOWN"
    for how in (DECLINE, WITHDRAW, REMIND):
        assert refused_for(lambda how=how: change(phone, name, how)) == "REQUEST_TO_PAY_UNKNOWN"
    assert refused_for(lambda: change(alice, name, WITHDRAW)) == "REQUEST_TO_PAY_UNKNOWN"
    assert refused_for(lambda: change(bob, name, DECLINE)) == "REQUEST_TO_PAY_UNKNOWN"
    missing = f"{bob.number}-{'0' * 32}"
    assert refused_for(lambda: change(bob, missing, WITHDRAW)) == "REQUEST_TO_PAY_UNKNOWN"


def test_nobody_asks_in_anothers_name(system: System, alice: Holder, bob: Holder) -> None:
    forged = request(bob, alice.number, 5, wallet_number=alice.number)
    assert refused_for(lambda: system.bank.asks.ask(forged)) == "WRONG_WALLET"
    forged.key_id = alice.number.encode()
    assert refused_for(lambda: system.bank.asks.ask(forged)) == "SIGNATURE_INVALID"
    assert seen(alice) == {}


def test_only_what_was_looked_at_is_paid(system: System, alice: Holder, bob: Holder) -> None:
    name = ask(bob, alice.number, 100, partial=True)
    other = request(bob, alice.number, 100_000, nonce=bytes.fromhex(name[17:]))
    assert refused_for(lambda: system.bank.asks.ask(other)) == "ID_REUSED"
    signed = order(alice, name, 100)
    with system.engine.begin() as connection:  # whoever has the bank's database
        values = {"payload": other.payload, "amount_fen": 100_000}
        connection.execute(update(asked).where(asked.c.id == name).values(values))
    assert refused_for(lambda: system.bank.asked_payments.pay(signed, 0.0)) == "FIELD_INVALID"
    wrong = order(alice, name, 100, payee_number=FOREIGN)
    assert refused_for(lambda: system.bank.asked_payments.pay(wrong, 0.0)) == "FIELD_INVALID"
    assert bob.fen == 0


def test_a_payment_of_a_request_is_for_pay_asked_alone(
    system: System, alice: Holder, bob: Holder
) -> None:
    name = ask(bob, alice.number, 100)
    signed = order(alice, name, 100)
    assert refused_for(lambda: system.bank.payments.pay(signed, 0.0)) == "FIELD_INVALID"
    plain = alice.order(bob.number, 100)
    assert refused_for(lambda: system.bank.asked_payments.pay(plain, 0.0)) == "FIELD_INVALID"
    assert bob.fen == 0


@pytest.mark.parametrize("how", [DECLINE, WITHDRAW])
def test_what_was_declined_or_withdrawn_is_not_paid(
    system: System, alice: Holder, bob: Holder, how: int
) -> None:
    name = ask(bob, alice.number, 1_000, partial=True)
    pay(alice, name, 300)
    by = alice if how == DECLINE else bob
    word = "DECLINED" if how == DECLINE else "WITHDRAWN"
    assert [change(by, name, how) for _ in range(2)] == [word, word]
    assert refused_for(lambda: pay(alice, name, 1)) == "REQUEST_TO_PAY_OVER"
    assert seen(bob) == {name: (word, 300)}
    other = bob if how == DECLINE else alice
    against = WITHDRAW if how == DECLINE else DECLINE
    assert refused_for(lambda: change(other, name, against)) == "REQUEST_TO_PAY_OVER"


def test_nothing_is_paid_after_it_was_due(system: System, alice: Holder, bob: Holder) -> None:
    name = ask(bob, alice.number, 1_000)
    system.clock.advance(HOUR_MS + 1)
    assert seen(alice) == {name: ("EXPIRED", 0)}
    assert refused_for(lambda: pay(alice, name, 1_000)) == "REQUEST_TO_PAY_OVER"
    assert refused_for(lambda: change(bob, name, REMIND)) == "REQUEST_TO_PAY_OVER"
    now_ms = system.clock.now_ms()
    for due_ms in (now_ms - 1, now_ms + MAX_DUE_MS + 1):
        late = request(bob, alice.number, 1, due_time_ms=due_ms)
        assert refused_for(lambda late=late: system.bank.asks.ask(late)) == "FIELD_INVALID"


def test_two_payments_at_once_are_one(system: System, alice: Holder, bob: Holder) -> None:
    system.restart(threaded=True)
    try:
        name = ask(bob, alice.number, 1_000)
        signed = [order(alice, name, 1_000) for _ in range(4)]
        met = Barrier(len(signed))
        said: list[str] = []

        def run(one: SignedEnvelope) -> None:
            met.wait()
            try:
                said.append(str(system.bank.asked_payments.pay(one, 0.0)[0].state))
            except Refusal as refusal:
                said.append(refusal.name)

        threads = [Thread(target=run, args=[one]) for one in signed]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(said) == [str(SETTLED), *["REQUEST_TO_PAY_OVER"] * 3]
        assert (alice.fen, bob.fen) == (99_000, 1_000)
    finally:
        system.bank.books.stop()
        system.restart()


def test_a_withdrawal_between_look_and_decision_counts(
    system: System, alice: Holder, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look sees it open; by the time the payment is journaled it has been withdrawn."""
    name = ask(bob, alice.number, 1_000)
    signed = order(alice, name, 1_000)
    submit = system.bank.books.ledger.submit

    def withdrawn_first(batch: Any) -> Any:
        monkeypatch.undo()
        change(bob, name, WITHDRAW)
        return submit(batch)

    monkeypatch.setattr(system.bank.books.ledger, "submit", withdrawn_first)
    refused = refused_for(lambda: system.bank.asked_payments.pay(signed, 0.0))
    assert refused == "REQUEST_TO_PAY_OVER"
    assert (alice.fen, bob.fen, seen(bob)) == (100_000, 0, {name: ("WITHDRAWN", 0)})


def test_who_asks_learns_nothing_of_who_is_asked(
    system: System, alice: Holder, bob: Holder, phone: Holder
) -> None:
    block(alice, bob.number)
    block(phone, "")
    missing = make("6201", 999_999)
    told = []
    for payer in (alice.number, phone.number, missing, FOREIGN):
        name = ask(bob, payer, 500)
        told.append((seen(bob)[name], change(bob, name, WITHDRAW) != "OPEN"))
    assert set(told) == {(("OPEN", 0), True)}
    assert seen(alice) == seen(phone) == {}
    block(alice, bob.number, blocked=False)  # of the same time as the order before
    ask(bob, alice.number, 1)
    assert seen(alice) == {}
    system.clock.advance(1)
    block(alice, bob.number, blocked=False)
    ask(bob, alice.number, 2)
    assert len(seen(alice)) == 1


def test_requests_are_few(system: System, alice: Holder, bob: Holder) -> None:
    for _ in range(MAX_OPEN_OF_ONE):
        name = ask(bob, alice.number, 1)
    assert refused_for(lambda: ask(bob, alice.number, 1)) == "TOO_MANY_REQUESTS"
    pay(alice, name, 1)
    name = ask(bob, alice.number, 1)  # what was paid does not count
    for _ in range(ASKED_PER_DAY - MAX_OPEN_OF_ONE - 1):
        change(bob, name, WITHDRAW)
        name = ask(bob, alice.number, 1)
    change(bob, name, WITHDRAW)
    assert refused_for(lambda: ask(bob, alice.number, 1)) == "TOO_MANY_REQUESTS"
    system.clock.advance(24 * HOUR_MS + 1)
    ask(bob, alice.number, 1)


def test_what_ended_unpaid_is_forgotten_after_a_month(
    system: System, alice: Holder, bob: Holder
) -> None:
    paid, late, withdrawn = (ask(bob, alice.number, fen) for fen in (1, 2, 3))
    far_ms = system.clock.now_ms() + 100 * 24 * HOUR_MS
    still = ask(bob, alice.number, 4, due_time_ms=far_ms)
    pay(alice, paid, 1)
    change(bob, withdrawn, WITHDRAW)
    assert set(seen(alice)) == {paid, late, withdrawn, still}
    system.clock.advance(ASKED_KEPT_MS + 2 * HOUR_MS)
    new = ask(bob, alice.number, 5)
    assert set(seen(alice)) == {paid, still, new}


def test_reminders_are_fewer(system: System, alice: Holder, bob: Holder) -> None:
    due_ms = system.clock.now_ms() + 30 * REMINDER_MS
    name = ask(bob, alice.number, 1, due_time_ms=due_ms)
    for _ in range(MAX_REMINDERS):
        assert refused_for(lambda: change(bob, name, REMIND)) == "TOO_MANY_REQUESTS"
        system.clock.advance(REMINDER_MS)
        assert change(bob, name, REMIND) == "OPEN"
    system.clock.advance(REMINDER_MS)
    assert refused_for(lambda: change(bob, name, REMIND)) == "TOO_MANY_REQUESTS"


def test_text_that_a_terminal_would_obey_is_not_taken(
    system: System, alice: Holder, bob: Holder
) -> None:
    for words in ("a\x1b[2Jb", "a\nb", "a‮b", "a​b", "x" * 141):
        for field in ("text", "reference"):
            bad = request(bob, alice.number, 1, **{field: words})
            assert refused_for(lambda bad=bad: system.bank.asks.ask(bad)) == "FIELD_INVALID"
    assert seen(alice) == {}
