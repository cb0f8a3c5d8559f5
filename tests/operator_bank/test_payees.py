"""What a payer learns of a payee: that it cannot be paid now, not why, and not often."""

from __future__ import annotations

import pytest

from currency.number import make
from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.limits import MAX_PAYEE_REFUSALS, PAYEE_REFUSALS_MS
from operator_bank.payments.probing import PayeeRefusals
from operator_bank.payments.rows import Paid
from runtime.errors import Refusal
from tests.operator_bank.system import FOREIGN, PREFIX, Holder, System
from tests.refusals import refusal

CAP_FEN = 500_000
"""Of class II."""

UNKNOWN = make(PREFIX, 99_999)


@pytest.fixture
def payees(system: System) -> dict[str, str]:
    """Numbers of payees that cannot be paid, each for a reason of its own."""
    closed, frozen, full = (system.open(name=name) for name in ("Closed", "Frozen", "Full"))
    system.bank.wallets.close(closed.signed(orders_pb2.CloseOrder, sequence=closed.next()))
    system.bank.directory.set_frozen(frozen.number, True)
    full.exchange(CAP_FEN)
    return {
        "closed": closed.number,
        "frozen": frozen.number,
        "full": full.number,
        "unknown": UNKNOWN,
    }


def test_all_payees_that_cannot_be_paid_are_answered_alike(
    system: System, alice: Holder, payees: dict[str, str]
) -> None:
    told = set()
    for number in payees.values():
        no = refusal(lambda number=number: alice.pay(number, 1))
        told.add((no.reason, no.message, no.field, tuple(no.metadata.items())))
        # Singly, in bulk, asked for again, and as the statement has it.
        order = alice.order(number, 1)
        for _ in range(2):
            [answer] = system.bank.payments.pay_many([order])
            assert isinstance(answer, Refusal)
            told.add((answer.reason, answer.message, answer.field, ()))
        payment = system.bank.history.get(alice.wallet, f"{alice.number}-{alice.sequence}")
        assert payment.state == states_pb2.PAYMENT_STATE_REFUSED
        assert payment.payee_number == number
        told.add((payment.reason, no.message, no.field, ()))
    [(reason, _, field, metadata)] = told
    assert (reason, field, metadata) == (
        errors_pb2.REASON_PAYEE_CANNOT_BE_PAID, "payee_number", (),
    )  # fmt: skip


def test_who_could_not_pay_learns_nothing_of_the_payee(
    system: System, alice: Holder, phone: Holder, payees: dict[str, str]
) -> None:
    """An empty wallet is told that it is empty, whomever it tries and whatever the amount."""
    everybody = [*payees.values(), alice.number, FOREIGN]
    for number in everybody:
        assert refusal(lambda number=number: phone.pay(number, 1)).name == "INSUFFICIENT_FUNDS"
        assert refusal(lambda number=number: phone.pay(number, 2_001)).name == "OVER_SINGLE_LIMIT"
    orders = [phone.order(number, 1) for number in everybody]
    answers = system.bank.payments.pay_many(orders)
    assert {a.name for a in answers if isinstance(a, Refusal)} == {"INSUFFICIENT_FUNDS"}
    assert not any(isinstance(answer, Paid) for answer in answers)


def test_an_empty_wallet_does_not_read_a_balance_from_refusals(system: System) -> None:
    victim = system.open(name="Victim")
    victim.exchange(123_457)
    spy = system.open(phone="13800138000")
    told = {refusal(lambda fen=fen: spy.pay(victim.number, fen)).name for fen in (1, 1_500, 2_000)}
    assert told == {"INSUFFICIENT_FUNDS"}


def test_payments_of_others_that_came_to_nothing_are_in_nobody_elses_statement(
    system: System, alice: Holder, bob: Holder
) -> None:
    """A payee does not learn that a payer has no money, and is not written to for free."""
    assert refusal(lambda: alice.pay(bob.number, 100_000 - 1 + 2)).name == "OVER_SINGLE_LIMIT"
    bob.exchange(10)
    assert refusal(lambda: bob.pay(alice.number, 11, memo="hello")).name == "INSUFFICIENT_FUNDS"
    shown, _ = system.bank.history.page(alice.wallet, 50, "")
    assert [payment.memo for payment in shown if payment.payer_number == bob.number] == []
    mine, _ = system.bank.history.page(bob.wallet, 50, "")
    assert [payment.memo for payment in mine] == ["hello", ""]


def test_a_wallet_whose_payments_fail_for_their_payees_has_to_wait_for_their_bank(
    system: System, alice: Holder, bob: Holder
) -> None:
    for _ in range(MAX_PAYEE_REFUSALS):
        assert refusal(lambda: alice.pay(UNKNOWN, 1)).name == "PAYEE_CANNOT_BE_PAID"
    system.clock.advance(PAYEE_REFUSALS_MS - 1)
    assert alice.pay(FOREIGN, 1).state == states_pb2.PAYMENT_STATE_PENDING
    for payee in (UNKNOWN, bob.number):
        no = refusal(lambda payee=payee: alice.pay(payee, 1))
        assert (no.name, no.metadata["retry_time_ms"]) == (
            "TOO_MANY_REFUSALS", str(system.clock.now_ms() + 1),
        )  # fmt: skip
    assert system.bank.probing() == [alice.number]
    # It may still be paid, and others go on.
    bob.exchange(10)
    bob.pay(alice.number, 10)
    system.clock.advance(1)
    assert alice.pay(bob.number, 1).state == states_pb2.PAYMENT_STATE_SETTLED
    assert system.bank.probing() == []


def test_one_bulk_call_tells_no_more_than_many_single_ones(
    system: System, alice: Holder, bob: Holder
) -> None:
    orders = [alice.order(make(PREFIX, 1_000 + i), 1) for i in range(3 * MAX_PAYEE_REFUSALS)]
    orders.append(bob.order(alice.number, 1))
    names = [a.name for a in system.bank.payments.pay_many(orders) if isinstance(a, Refusal)]
    assert names == [
        *["PAYEE_CANNOT_BE_PAID"] * MAX_PAYEE_REFUSALS,
        *["TOO_MANY_REFUSALS"] * 2 * MAX_PAYEE_REFUSALS,
        "INSUFFICIENT_FUNDS",
    ]


def test_a_repeat_and_the_payers_own_reasons_are_not_counted(
    system: System, alice: Holder, bob: Holder
) -> None:
    order = alice.order(UNKNOWN, 1)
    for _ in range(MAX_PAYEE_REFUSALS + 1):
        assert refusal(lambda: system.bank.payments.pay(order, 0.0)).name == "PAYEE_CANNOT_BE_PAID"
        assert refusal(lambda: bob.pay(UNKNOWN, 1)).name == "INSUFFICIENT_FUNDS"
    assert system.bank.probing() == []


def test_what_fails_at_another_bank_counts_too(system: System, alice: Holder) -> None:
    """Refused beforehand, or settled, not taken, and returned."""
    for turn in range(MAX_PAYEE_REFUSALS):
        paid = alice.pay(FOREIGN, 1)
        if turn % 2:
            ended = registration_pb2.OutgoingEnded(
                number=paid.number,
                state=registration_pb2.OUTCOME_STATE_REFUSED,
                reason=errors_pb2.REASON_PAYEE_CANNOT_BE_PAID,
            )
            system.hear(outgoing_ended=ended)
            assert system.bank.outgoing.state(paid.number)[1] == ended.reason
        else:
            system.hear(outgoing_settled={"number": paid.number})
            back = system.arriving(alice.number, 1)
            back.returns_payment_id, back.returns_number = paid.payment_id, paid.number
            system.hear(incoming=back)
    assert refusal(lambda: alice.pay(FOREIGN, 1)).name == "TOO_MANY_REFUSALS"


def test_a_bank_that_takes_no_payment_holds_up_none_to_another(
    system: System, alice: Holder, bob: Holder
) -> None:
    for _ in range(MAX_PAYEE_REFUSALS):
        system.turned_down(alice.pay(FOREIGN, 1).number)
    assert refusal(lambda: alice.pay(FOREIGN, 1)).name == "TOO_MANY_REFUSALS"
    assert alice.pay(make("6299", 1), 1).state == states_pb2.PAYMENT_STATE_PENDING
    assert alice.pay(bob.number, 1).state == states_pb2.PAYMENT_STATE_SETTLED


def test_the_newest_payers_are_counted_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operator_bank.payments.probing.MAX_PROBING", 2)
    refusals = PayeeRefusals(str)
    for account in (1_000, 1_002, 1_004):
        for _ in range(MAX_PAYEE_REFUSALS):
            refusals.count(account, UNKNOWN, 0)
    refusals.check(1_000, UNKNOWN, 1)  # forgotten
    assert refusals.waiting(1) == ["1002", "1004"]


def test_portions_are_in_order_and_whole() -> None:
    items = [(i % 2, i) for i in range(5 * MAX_PAYEE_REFUSALS)]
    found = list(PayeeRefusals(str).portions(items, lambda item: item[0]))
    assert [item for portion in found for item in portion] == items
    assert max(sum(who for who, _ in portion) for portion in found) == MAX_PAYEE_REFUSALS
