"""Refunds: what was received goes back to whoever paid it, and never more than that."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from currency.contract_words import purpose_word
from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.payments.tables import refunds
from runtime.errors import Refusal
from settlement.core import Batch
from tests.operator_bank.refunding import Payment, came, lines, order, received, refund
from tests.operator_bank.system import FOREIGN, LIMITS, Holder, System
from tests.refusals import refused_for

SETTLED, PENDING = states_pb2.PAYMENT_STATE_SETTLED, states_pb2.PAYMENT_STATE_PENDING
REFUSED = states_pb2.PAYMENT_STATE_REFUSED


@pytest.fixture
def paid(system: System, alice: Holder, bob: Holder) -> Payment:
    """1,000 fen from Alice to Bob."""
    alice.pay(bob.number, 1_000)
    return received(system, bob)


def test_it_goes_back_in_parts_and_never_more_than_all(
    system: System, alice: Holder, bob: Holder, paid: Payment
) -> None:
    alice.pay(bob.number, 5_000)  # so that money is not what stops him
    assert refund(system, bob, paid, 300).state == SETTLED
    assert refund(system, bob, paid, 700).state == SETTLED
    with pytest.raises(Refusal) as refused:
        refund(system, bob, paid, 1)
    assert (refused.value.name, refused.value.metadata["left_fen"]) == ("REFUND_TOO_LARGE", "0")
    assert (alice.fen, bob.fen) == (95_000, 5_000)
    system.restart()
    assert refused_for(lambda: refund(system, bob, paid, 1)) == "REFUND_TOO_LARGE"


def test_after_many_parts_the_last_is_all_that_is_left(
    system: System, bob: Holder, paid: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part is summed up again in the transaction for which all payments wait."""
    monkeypatch.setattr("operator_bank.payments.refunds.MAX_REFUND_PARTS", 3)
    for _ in range(2):
        refund(system, bob, paid, 1)
    with pytest.raises(Refusal) as refused:
        refund(system, bob, paid, 997)
    assert (refused.value.name, refused.value.field) == ("AMOUNT_INVALID", "amount_fen")
    assert refused.value.metadata["left_fen"] == "998"
    assert refund(system, bob, paid, 998).state == SETTLED


def test_a_refusal_says_what_is_left(system: System, bob: Holder, paid: Payment) -> None:
    refund(system, bob, paid, 400)
    with pytest.raises(Refusal) as refused:
        refund(system, bob, paid, 601)
    assert refused.value.metadata["left_fen"] == "600"
    assert bob.fen == 600


def test_the_same_order_is_one_refund(system: System, bob: Holder, paid: Payment) -> None:
    signed = order(bob, paid, 1_000)
    first, _ = system.bank.refunds.refund(signed, 0.0)
    again, available_fen = system.bank.refunds.refund(signed, 0.0)
    assert (first.repeated, again.repeated, available_fen) == (False, True, 0)
    assert first.payment_id == again.payment_id == f"{bob.number}-1"
    system.restart()
    assert system.bank.refunds.refund(signed, 0.0)[0].repeated


def test_a_refused_order_stays_refused(
    system: System, alice: Holder, bob: Holder, paid: Payment
) -> None:
    refund(system, bob, paid, 1_000)
    too_much = order(bob, paid, 5)
    for _ in range(2):
        assert refused_for(lambda: system.bank.refunds.refund(too_much, 0.0)) == "REFUND_TOO_LARGE"
        system.restart()
    one_more = order(bob, paid, 6, sequence=bob.sequence)
    assert refused_for(lambda: system.bank.refunds.refund(one_more, 0.0)) == "ID_REUSED"


def test_both_statements_name_the_payment(
    system: System, alice: Holder, bob: Holder, paid: Payment
) -> None:
    refund(system, bob, paid, 300, memo="退鞋")
    gone, back = lines(system, bob)[0], lines(system, alice)[0]
    for line, change_fen in ((gone, -300), (back, 300)):
        assert (purpose_word(line.purpose), line.change_fen) == ("refund", change_fen)
        assert line.payment_id == f"{bob.number}-1"
        assert (line.refunds_payment_id, line.memo) == (paid.payment_id, "退鞋")
        assert (line.payer_number, line.payee_number) == (bob.number, alice.number)
    assert [line.refunded_fen for line in lines(system, bob)] == [0, 300]
    told = system.bank.history.get(bob.wallet, gone.payment_id)
    assert (told.refunds_payment_id, told.state) == (paid.payment_id, SETTLED)


def test_whoever_did_not_receive_it_learns_nothing(
    system: System, alice: Holder, bob: Holder, phone: Holder, paid: Payment
) -> None:
    """The payer, a stranger, and a payment that never was get the same words."""
    alice.pay(phone.number, 500)
    said = set()
    never = Payment(payment_id=f"{alice.number}-99", position=paid.position + 1_000)
    other = Payment(payment_id=paid.payment_id, position=paid.position - 1)
    wrong = Payment(payment_id=f"{alice.number}-99", position=paid.position)
    tries = ((phone, paid), (alice, paid), (phone, never), (bob, never), (bob, other), (bob, wrong))
    for who, what in tries:
        with pytest.raises(Refusal) as refused:
            refund(system, who, what, 1)
        said.add((refused.value.name, refused.value.message, tuple(refused.value.metadata)))
    assert len(said) == 1
    assert said.pop()[0] == "PAYMENT_UNKNOWN"


def test_only_a_payment_from_another_wallet_is_refunded(
    system: System, alice: Holder, bob: Holder, paid: Payment
) -> None:
    [top_up] = [one for one in lines(system, alice) if purpose_word(one.purpose) == "top-up"]
    assert refused_for(lambda: refund(system, alice, top_up, 1)) == "NOT_REFUNDABLE"
    refund(system, bob, paid, 1_000)
    back = received(system, alice)
    with pytest.raises(Refusal, match="a refund is not refunded"):
        refund(system, alice, back, 1)
    system.hear(tokens_deposited=system.depositing(bob, 300))
    offline = received(system, bob)
    with pytest.raises(Refusal, match="offline money that was deposited is not refunded") as no:
        refund(system, bob, offline, 1)
    assert no.value.name == "NOT_REFUNDABLE"


def test_it_is_not_stopped_by_spending_limits_and_counts_against_none(
    system: System, bob: Holder, phone: Holder
) -> None:
    whole = came(system, phone, 9_000)  # its class pays 2,000 at once and 5,000 a day
    refund(system, phone, whole, 9_000)
    state = system.bank.wallets.state(phone.wallet)
    assert (state.available_fen, state.day_spent_fen) == (0, 0)


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "frozen"])
def test_what_its_payer_cannot_take_lies_in_suspense_for_officers(
    system: System, alice: Holder, bob: Holder, paid: Payment, closed: bool
) -> None:
    if closed:
        alice.exchange(alice.fen, out=True)
        alice_closes = alice.signed(orders_pb2.CloseOrder, sequence=alice.next())
        system.bank.wallets.close(alice_closes)
    else:
        system.bank.directory.set_frozen(alice.number, True)
    assert refund(system, bob, paid, 400).state == SETTLED
    [entry] = system.bank.suspense.page(10, 0)
    assert (purpose_word(entry.purpose), entry.amount_fen) == ("refund", 400)
    assert (entry.wallet_number, entry.payer_number) == (alice.number, bob.number)
    assert entry.payment_id == f"{bob.number}-1"
    assert system.bank.vault.books().suspense_fen == 400
    assert refused_for(lambda: refund(system, bob, paid, 601)) == "REFUND_TOO_LARGE"
    assert not system.bank.returns.step(), "it does not come back"


def test_who_is_frozen_is_told_so_and_refunds_nothing(
    system: System, bob: Holder, paid: Payment
) -> None:
    system.bank.directory.set_frozen(bob.number, True)
    assert refused_for(lambda: refund(system, bob, paid, 1)) == "WALLET_FROZEN"
    system.bank.directory.set_frozen(bob.number, False)
    assert refund(system, bob, paid, 1_000).state == SETTLED


def test_whoever_has_spent_it_cannot_refund(
    system: System, alice: Holder, bob: Holder, paid: Payment
) -> None:
    bob.pay(alice.number, 600)
    assert refused_for(lambda: refund(system, bob, paid, 500)) == "INSUFFICIENT_FUNDS"
    assert refund(system, bob, paid, 400).state == SETTLED


def test_an_expired_order_refunds_nothing(system: System, bob: Holder, paid: Payment) -> None:
    signed = order(bob, paid, 500)
    system.clock.advance(61_000)
    assert refused_for(lambda: system.bank.refunds.refund(signed, 0.0)) == "EXPIRED"
    assert refund(system, bob, paid, 1_000).state == SETTLED


def test_to_another_bank_it_is_sent_with_what_it_refunds(system: System, bob: Holder) -> None:
    payment = came(system, bob, 1_000)
    made = refund(system, bob, payment, 400, memo="back")
    assert made.state == PENDING
    assert lines(system, bob)[-1].refunded_fen == 400, "what is on its way counts"
    system.bank.send()
    [sent] = system.central.submitted
    assert (sent.refunds_payment_id, sent.refunds_number) == (payment.payment_id, 1)
    assert (sent.payer_number, sent.payee_number) == (bob.number, FOREIGN)
    assert (sent.amount_fen, sent.memo, sent.payment_id) == (400, "back", made.payment_id)
    system.hear(outgoing_settled=registration_pb2.OutgoingSettled(number=made.number))
    told = system.bank.history.get(bob.wallet, made.payment_id)
    assert (told.state, told.refunds_payment_id) == (SETTLED, payment.payment_id)
    assert refused_for(lambda: refund(system, bob, payment, 601)) == "REFUND_TOO_LARGE"


def test_a_part_that_the_other_side_refused_is_free_again(system: System, bob: Holder) -> None:
    payment = came(system, bob, 1_000)
    signed = order(bob, payment, 1_000)
    first, _ = system.bank.refunds.refund(signed, 0.0)
    assert refused_for(lambda: refund(system, bob, payment, 1)) == "REFUND_TOO_LARGE"
    system.turned_down(first.number)
    assert (bob.fen, bob.held_fen, lines(system, bob)[-1].refunded_fen) == (1_000, 0, 0)
    again, _ = system.bank.refunds.refund(signed, 0.0)
    assert (again.state, again.repeated) == (REFUSED, True)
    system.restart()
    assert refund(system, bob, payment, 1_000).state == PENDING
    assert refused_for(lambda: refund(system, bob, payment, 1)) == "REFUND_TOO_LARGE"


def test_a_refund_arrives_and_says_what_it_refunds(system: System, alice: Holder) -> None:
    sent = alice.pay(FOREIGN, 700)
    system.hear(outgoing_settled=registration_pb2.OutgoingSettled(number=sent.number))
    back = system.arriving(alice.number, 300)
    back.refunds_payment_id, back.refunds_number = sent.payment_id, sent.number
    system.hear(incoming=back)
    line = lines(system, alice)[0]
    assert (purpose_word(line.purpose), line.change_fen) == ("refund", 300)
    assert line.refunds_payment_id == sent.payment_id
    assert refused_for(lambda: refund(system, alice, line, 1)) == "NOT_REFUNDABLE"


def test_a_refund_that_cannot_be_delivered_stays_for_officers(
    system: System, alice: Holder
) -> None:
    sent = alice.pay(FOREIGN, 700)
    system.hear(outgoing_settled=registration_pb2.OutgoingSettled(number=sent.number))
    system.bank.directory.set_frozen(alice.number, True)
    back = system.arriving(alice.number, 300)
    back.refunds_payment_id, back.refunds_number = sent.payment_id, sent.number
    system.hear(incoming=back)
    [entry] = system.bank.suspense.page(10, 0)
    assert (purpose_word(entry.purpose), entry.wallet_number) == ("refund", alice.number)
    assert not system.bank.returns.step()


def test_a_wallet_with_new_limits_still_refunds(system: System, phone: Holder) -> None:
    payment = came(system, phone, 3_000)
    system.limits = {of: (cap, 1, 1, 1) for of, (cap, *_) in LIMITS.items()}
    system.publish()
    assert refund(system, phone, payment, 3_000).state == PENDING


def test_at_once_they_are_no_more_than_all(system: System, alice: Holder, bob: Holder) -> None:
    """Every look finds enough left; the transaction decides."""
    alice.pay(bob.number, 1_000)
    payment = received(system, bob)
    alice.pay(bob.number, 9_000)
    system.restart(threaded=True)
    orders = [order(bob, payment, 400) for _ in range(6)]
    together, said = Barrier(len(orders)), list[str]()
    submit = system.bank.books.ledger.submit

    def meeting(batch: Batch) -> object:
        if batch.in_transaction is not None and said.count("looked") < len(orders):
            said.append("looked")
            together.wait(10)
        return submit(batch)

    system.bank.books.ledger.submit = meeting  # type: ignore[method-assign,assignment]
    answers: list[str] = []

    def refunding(signed: SignedEnvelope) -> None:
        try:
            system.bank.refunds.refund(signed, 0.0)
            answers.append("done")
        except Refusal as refusal:
            answers.append(refusal.name)

    threads = [Thread(target=refunding, args=(signed,)) for signed in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    system.bank.books.stop()
    assert sorted(answers) == ["REFUND_TOO_LARGE"] * 4 + ["done"] * 2
    system.restart()
    assert bob.fen == 10_000 - 800
    with system.engine.connect() as connection:
        rows = connection.execute(select(refunds.c.amount_fen)).scalars().all()
    assert rows == [400, 400]


def test_a_crash_leaves_both_or_none(
    system: System, bob: Holder, paid: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise SystemExit

    signed = order(bob, paid, 600)
    module = "operator_bank.payments.refunds.put_outbound"
    with monkeypatch.context() as patched, pytest.raises(BaseException):  # noqa: B017, PT011
        patched.setattr(module, broken)
        system.bank.refunds.refund(signed, 0.0)
    system.restart()
    assert bob.fen == 1_000
    assert not system.bank.refunds.refund(signed, 0.0)[0].repeated
    assert refused_for(lambda: refund(system, bob, paid, 401)) == "REFUND_TOO_LARGE"


def test_a_part_that_expired_is_free_again(system: System, bob: Holder) -> None:
    payment = came(system, bob, 1_000)
    made = refund(system, bob, payment, 1_000)
    expired, reason = registration_pb2.OUTCOME_STATE_EXPIRED, errors_pb2.REASON_EXPIRED
    system.hear(outgoing_ended={"number": made.number, "state": expired, "reason": reason})
    assert refund(system, bob, payment, 1_000).state == PENDING
