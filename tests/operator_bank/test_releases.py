"""Orders that enough signers have released: who has prepared them sends them, each once."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from currency.days import DAY_MS
from dcep.bank.v1 import keys_pb2, orders_pb2, signers_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.wallets.released import KINDS
from operator_bank.wallets.signers import PLACES
from runtime.errors import Refusal
from settlement.core import Answers, Batch
from settlement.records import first_sequence
from tests.operator_bank.company import (
    CLOSE,
    EXCHANGE,
    PAYMENT,
    REFUND,
    Company,
    pay,
    released,
    releasing,
)
from tests.operator_bank.signers import PREPARE, SEE, Member, first, listed, listing
from tests.operator_bank.system import FOREIGN, Holder, System
from tests.refusals import refused, refused_for

SETTLED = states_pb2.PAYMENT_STATE_SETTLED


@pytest.fixture
def company(system: System, bob: Holder) -> Company:
    return Company(system, bob)


def again_by(company: Company, order: SignedEnvelope, by: Member) -> Any:
    """The same payment, signed and sent by somebody else."""
    content = orders_pb2.PaymentOrder.FromString(order.payload)
    fields = ("sequence", "payee_number", "amount_fen", "created_time_ms", "expires_time_ms")
    envelope = by.signed(orders_pb2.PaymentOrder, **{n: getattr(content, n) for n in fields})
    assert envelope.payload == order.payload
    return pay(company, envelope)


def test_a_payroll_is_released_by_two_and_sent_by_who_has_prepared_it(
    company: Company, alice: Holder
) -> None:
    before = alice.fen
    orders = [company.clerk.order(alice.number, fen) for fen in (10, 20, 30)]
    many = company.system.bank.payments.pay_many
    release = releasing(company.clerk, orders)
    assert [one.name for one in many(orders)] == ["SIGNER_MAY_NOT"] * 3  # type: ignore[union-attr]
    signed = company.sign_release(release)
    assert (signed.places, signed.threshold, signed.done) == ([], 2, False)
    for by in (None, company.ann, company.ann):
        company.sign_release(release, by)
        assert [one.name for one in many(orders)] == ["NOT_RELEASED"] * 3  # type: ignore[union-attr]
    [shown] = company.waiting
    assert (shown.is_release, shown.payload, list(shown.signed)) == (True, b"", [0, 3])
    wallet = company.system.bank.directory.get(company.number)
    assert company.system.bank.together.release(wallet, shown.order_digest) == release.payload
    done = company.sign_release(release, company.cat)
    assert (done.places, done.done) == ([0, 2], True)
    assert company.waiting == []
    for _ in range(2):
        assert [one.state for one in many(orders)] == [SETTLED] * 3  # type: ignore[union-attr]
        assert alice.fen == before + 60
    company.system.restart()
    assert [one.repeated for one in company.system.bank.payments.pay_many(orders)] == [True] * 3  # type: ignore[union-attr]
    assert company.sign_release(release, company.ben).done
    assert refused_for(company.withdraw, release, company.ann) == "REQUEST_UNKNOWN"


def test_who_may_release_and_prepares_counts(company: Company, alice: Holder) -> None:
    order = company.ann.order(alice.number, 5)
    release = releasing(company.ann, [order])
    assert company.sign_release(release).places == [0]
    assert company.sign_release(release, company.ben).done
    assert pay(company, order).state == SETTLED


def test_a_clerk_sends_what_one_who_releases_alone_has_released(
    system: System, bob: Holder, alice: Holder
) -> None:
    bob.exchange(100)
    ann = first(bob)
    clerk = Member(system, bob.number, 1, role=PREPARE)
    listed(ann, [ann, clerk])
    order = clerk.order(alice.number, 10)
    assert refused_for(system.bank.payments.pay, order, 0.0) == "SIGNER_MAY_NOT"
    release = releasing(clerk, [order])
    assert not system.bank.together.sign_release(release).done
    same = signers_pb2.ReleaseOrder.FromString(release.payload)
    by_ann = ann.signed(signers_pb2.ReleaseOrder, **{f.name: v for f, v in same.ListFields()})
    assert system.bank.together.sign_release(by_ann).done
    assert system.bank.payments.pay(order, 0.0)[0].state == SETTLED


def test_exchanges_and_refunds_are_released_too(company: Company, alice: Holder) -> None:
    alice.exchange(100)
    paid = alice.pay(company.number, 40)
    bank, clerk = company.system.bank, company.clerk
    position = bank.books.ledger.position()
    refund = clerk.signed(
        orders_pb2.RefundOrder,
        sequence=clerk.next(),
        refunds_payment_id=paid.payment_id,
        refunds_position=position,
        amount_fen=40,
    )
    released(company, [refund], REFUND)
    assert bank.refunds.refund(refund, 0.0)[0].state == SETTLED
    top_up, out = clerk.exchange_order(50), clerk.exchange_order(20, out=True)
    released(company, [top_up, out], EXCHANGE)
    assert not bank.exchange.exchange(top_up)[0].repeated
    assert bank.exchange.exchange_many([out, top_up])[1].repeated  # type: ignore[union-attr]
    assert company.fen == 1_000 + 50 - 20
    cash = clerk.exchange_order(5, cash=True)
    said = refused(company.sign_release, releasing(clerk, [cash], EXCHANGE))
    assert said == ("FIELD_INVALID", "items[0].medium")


def test_a_payment_with_a_top_up_and_the_closing_are_released_too(
    company: Company, alice: Holder
) -> None:
    bank, clerk = company.system.bank, company.clerk
    topped_up = clerk.order(alice.number, 1_200, top_up_fen=200)
    released(company, [topped_up])
    assert pay(company, topped_up).state == SETTLED
    assert company.fen == 0
    close = clerk.closing()
    assert refused_for(bank.wallets.close, close) == "SIGNER_MAY_NOT"
    released(company, [close], CLOSE)
    for _ in range(2):
        bank.wallets.close(close)
    assert refused_for(pay, company, clerk.order(alice.number, 1)) == "SIGNER_MAY_NOT"


def test_an_answer_to_a_request_is_released_too(company: Company, alice: Holder) -> None:
    bank, now_ms = company.system.bank, company.system.clock.now_ms()
    asked = alice.signed(
        orders_pb2.RequestToPay,
        nonce=bytes(16),
        payer_number=company.number,
        amount_fen=70,
        due_time_ms=now_ms + 50_000,
    )
    name, _ = bank.asks.ask(asked)
    digest = hashlib.sha256(asked.payload).digest()
    order = company.clerk.order(
        alice.number, 70, request_to_pay_id=name, request_to_pay_digest=digest
    )
    assert refused_for(bank.asked_payments.pay, order, 0.0) == "SIGNER_MAY_NOT"
    released(company, [order])
    before = alice.fen
    bank.asked_payments.pay(order, 0.0)
    bank.asked_payments.pay(order, 0.0)
    assert (alice.fen, company.fen) == (before + 70, 930)


def test_nobody_else_sends_it_and_nothing_else_is_sent(company: Company, alice: Holder) -> None:
    order = company.clerk.order(alice.number, 10)
    other = company.clerk.order(alice.number, 11)
    released(company, [order])
    assert refused_for(pay, company, other) == "SIGNER_MAY_NOT"
    for by in (company.ann, company.cat, company.looker):
        assert refused_for(again_by, company, order, by) == "SIGNER_MAY_NOT"
    # Not as another kind of order, whatever its bytes may mean there.
    refunds = company.system.bank.refunds.refund
    as_refund = company.clerk.signed(orders_pb2.RefundOrder)
    as_refund.payload = order.payload
    assert refused_for(refunds, as_refund, 0.0) in ("SIGNATURE_INVALID", "SIGNER_MAY_NOT")
    assert company.fen == 1_000


def test_bytes_that_were_shown_as_one_kind_are_not_sent_as_another(
    company: Company, alice: Holder
) -> None:
    """An exchange whose bytes are those of a payment would be shown as something else."""
    order = company.clerk.order(alice.number, 10)
    for kind in KINDS.keys() - {PAYMENT}:
        release = releasing(company.clerk, [order], kind)
        assert isinstance(_refusal(company, release), str), kind
    released(company, [company.clerk.exchange_order(5)], EXCHANGE)
    assert refused_for(pay, company, order) == "SIGNER_MAY_NOT"


def _refusal(company: Company, release: SignedEnvelope) -> str:
    return refused_for(company.sign_release, release)


def test_what_a_release_may_not_have(company: Company, alice: Holder) -> None:
    clerk, payee = company.clerk, alice.number
    mine = clerk.next()
    day_ms = DAY_MS + 120_000
    now_ms = company.system.clock.now_ms()
    for values, reason, field in (
        ({"wallet_number": alice.number}, "WRONG_WALLET", "items[1].wallet_number"),
        ({"sequence": mine + 13}, "FIELD_INVALID", "items[1].sequence"),  # of ann's
        ({"sequence": mine + 1}, "SIGNER_MAY_NOT", "items[1].key_id"),  # of who looks
        ({"sequence": mine - first_sequence(1)}, "KEY_REPLACED", "items[1].sequence"),
        ({"sequence": mine + PLACES * 2**20}, "SEQUENCE_INVALID", "items[1].sequence"),
        ({"expires_time_ms": now_ms - 1}, "FIELD_INVALID", "items[1].expires_time_ms"),
        (
            {"created_time_ms": now_ms - 2, "expires_time_ms": now_ms - 1},
            "EXPIRED",
            "items[1].expires_time_ms",
        ),
        ({"expires_time_ms": now_ms + day_ms}, "VALIDITY_TOO_LONG", "items[1].expires_time_ms"),
    ):
        orders = [clerk.order(payee, 1), clerk.order(payee, 1, **values)]  # type: ignore[arg-type]
        said = refused(company.sign_release, releasing(clerk, orders))
        assert said == (reason, field), values
    twice = clerk.order(payee, 1)
    content = orders_pb2.PaymentOrder.FromString(twice.payload)
    again = clerk.order(payee, 2, sequence=content.sequence)
    said = refused(company.sign_release, releasing(clerk, [twice, again]))
    assert said == ("FIELD_INVALID", "items")
    unread = releasing(clerk, [SignedEnvelope(payload=b"\xff")])
    assert refused_for(company.sign_release, unread) == "MESSAGE_UNREADABLE"
    good = [clerk.order(payee, 1)]
    changed: list[tuple[dict[str, Any], str]] = [
        ({"list_number": 2}, "KEY_REPLACED"),
        ({"place": 0}, "FIELD_INVALID"),
        ({"bank": "beta"}, "FIELD_INVALID"),
        ({"expires_time_ms": now_ms + day_ms}, "VALIDITY_TOO_LONG"),
        ({"items": ()}, "FIELD_MISSING"),
    ]
    for more, reason in changed:
        release = releasing(clerk, good, **more)
        assert refused_for(company.sign_release, release) == reason, more
    assert company.waiting == []


def test_it_is_first_signed_by_who_is_to_send_it_and_by_nobody_who_looks(
    company: Company, alice: Holder
) -> None:
    release = releasing(company.clerk, [company.clerk.order(alice.number, 1)])
    assert refused_for(company.sign_release, release, company.ann) == "REQUEST_UNKNOWN"
    assert refused_for(company.sign_release, release, company.looker) == "SIGNER_MAY_NOT"
    own = releasing(company.looker, [company.looker.order(alice.number, 1)])
    assert refused_for(company.sign_release, own) == "SIGNER_MAY_NOT"
    stranger = Member(company.system, company.number, 3)
    assert refused_for(company.sign_release, release, stranger) == "SIGNATURE_INVALID"
    of_alice = alice.signed(
        signers_pb2.ReleaseOrder,
        list_number=1,
        place=0,
        items=[signers_pb2.ReleaseItem(kind=PAYMENT, payload=alice.order(FOREIGN, 1).payload)],
        bank="alpha",
    )
    assert refused_for(company.sign_release, of_alice) == "SIGNER_MAY_NOT"  # it has one key


@pytest.mark.parametrize("kind", sorted({0, 5, 99} - KINDS.keys()))
def test_what_may_never_be_released(company: Company, kind: int) -> None:
    key = company.ann.signed(keys_pb2.RotateKeyOrder)
    release = releasing(company.ann, [key], kind)
    assert refused_for(company.sign_release, release) in ("FIELD_MISSING", "FIELD_INVALID")


def test_no_kind_lets_one_signer_order_alone_later() -> None:
    assert {kind.DESCRIPTOR.name for kind in KINDS.values()} == {
        "PaymentOrder",
        "RefundOrder",
        "ExchangeOrder",
        "CloseOrder",
    }


def test_what_was_withdrawn_is_never_released(company: Company, alice: Holder) -> None:
    order = company.clerk.order(alice.number, 10)
    release = releasing(company.clerk, [order])
    company.sign_release(release)
    company.sign_release(release, company.ann)
    company.withdraw(release, company.ben)
    company.withdraw(release, company.clerk)
    for by in (None, company.cat):
        assert refused_for(company.sign_release, release, by) == "ALREADY_DECIDED"
    assert refused_for(pay, company, order) == "SIGNER_MAY_NOT"
    company.system.clock.advance(60_001)
    assert refused_for(company.sign_release, release, company.cat) == "EXPIRED"
    # The same orders in another release take signatures of their own.
    order = company.clerk.order(alice.number, 10)
    assert not company.sign_release(releasing(company.clerk, [order])).done


def test_the_last_signature_and_a_withdrawal_at_once_have_one_end(
    company: Company, alice: Holder
) -> None:
    for _ in range(5):
        order = company.clerk.order(alice.number, 10)
        release = releasing(company.clerk, [order])
        company.sign_release(release)
        company.sign_release(release, company.ann)
        with ThreadPoolExecutor(2) as both:
            signed = both.submit(company.sign_release, release, company.cat)
            ended = both.submit(company.withdraw, release, company.ben)
            why, why_not = signed.exception(), ended.exception()
        assert (why is None) != (why_not is None)
        if isinstance(why, Refusal):
            assert why.name == "ALREADY_DECIDED"
            assert refused_for(pay, company, order) == "SIGNER_MAY_NOT"
        else:
            assert isinstance(why_not, Refusal) and why_not.name == "REQUEST_UNKNOWN"
            assert pay(company, order).state == SETTLED


def test_what_has_expired_is_over(company: Company, alice: Holder) -> None:
    order = company.clerk.order(alice.number, 10)
    release = releasing(company.clerk, [order])
    company.sign_release(release)
    company.sign_release(release, company.ann)
    company.system.clock.advance(60_001)
    assert refused_for(company.sign_release, release, company.cat) == "EXPIRED"
    assert refused_for(pay, company, order) == "SIGNER_MAY_NOT"
    assert company.waiting == []


def test_what_was_released_and_expired_is_refused_by_the_rule(
    company: Company, alice: Holder
) -> None:
    order = company.clerk.order(alice.number, 10)
    released(company, [order])
    company.system.clock.advance(60_001)
    assert refused_for(pay, company, order) == "EXPIRED"
    assert company.fen == 1_000


def test_another_list_ends_what_was_released_and_what_waits(
    company: Company, alice: Holder
) -> None:
    done, order, late = (company.clerk.order(alice.number, 10) for _ in range(3))
    release = released(company, [done, order])
    waits = releasing(company.clerk, [late])
    company.sign_release(waits)
    company.sign_release(waits, company.ann)
    assert pay(company, done).state == SETTLED
    without = listing(company.ann, [company.ann, company.ben, company.clerk], threshold=2)
    company.sign_list(without)
    assert company.sign_list(without, company.ben).done
    for by in (company.ben, company.clerk, company.ann):
        assert refused_for(company.sign_release, waits, by) == "KEY_REPLACED"
    for one in (order, late):
        assert refused_for(pay, company, one) == "KEY_REPLACED"
    # What was decided is repeated.
    assert pay(company, done).repeated
    assert company.fen == 990
    assert company.sign_release(release).done


@pytest.mark.parametrize("role", [SEE, PREPARE])
def test_what_was_decided_is_repeated_to_who_may_order_nothing_by_now(
    company: Company, alice: Holder, role: int
) -> None:
    """Whose answer was lost would hear that it may not be sent, and pay it again one day."""
    done, order = (company.clerk.order(alice.number, 10) for _ in range(2))
    released(company, [done, order])
    pay(company, done)
    before = alice.fen
    company.clerk.role = role
    other = listing(company.ann, [company.ann, company.ben, company.clerk], threshold=2)
    company.sign_list(other)
    assert company.sign_list(other, company.ben).done
    assert pay(company, done).repeated
    assert refused_for(pay, company, order) == "KEY_REPLACED"
    new = company.clerk.order(alice.number, 10)
    assert refused_for(pay, company, new) == "SIGNER_MAY_NOT"
    assert alice.fen == before


def test_a_list_that_changes_while_an_order_waits_for_the_writer_stops_it(
    company: Company, system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = company.clerk.order(alice.number, 100)
    released(company, [order])
    ledger, submit = system.bank.books.ledger, system.bank.books.ledger.submit
    without = listing(company.ann, [company.ann, company.ben, company.clerk], threshold=2)
    company.sign_list(without)

    def cut_off_first(batch: Batch) -> Answers:
        monkeypatch.undo()
        assert company.sign_list(without, company.ben).done
        return submit(batch)

    monkeypatch.setattr(ledger, "submit", cut_off_first)
    assert refused_for(pay, company, order) == "KEY_REPLACED"
    assert company.fen == 1_000
