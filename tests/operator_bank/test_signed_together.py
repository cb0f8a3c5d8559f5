"""Payments that take several signatures: the same bytes, by signers of now, each counted once."""

from __future__ import annotations

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.bank.v1 import orders_pb2, signers_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.limits import PENDING_EACH
from operator_bank.signers.tables import pending_orders, pending_signatures, signer_signatures
from operator_bank.wallets.orders import VerifiedOrder
from operator_bank.wallets.signers import PLACES
from runtime.envelope import key_id
from runtime.errors import Refusal
from settlement.core import Answers, Batch
from tests.operator_bank.company import Company
from tests.operator_bank.keys import approved, in_force, objection
from tests.operator_bank.signers import (
    PREPARE,
    Member,
    every_order,
    first,
    listed,
    listing,
    same,
)
from tests.operator_bank.system import FOREIGN, Holder, System
from tests.refusals import refused_for

SETTLED = states_pb2.PAYMENT_STATE_SETTLED


@pytest.fixture
def company(system: System, bob: Holder) -> Company:
    return Company(system, bob)


def test_a_payment_takes_two_of_three_and_is_made_once(company: Company, alice: Holder) -> None:
    before, order = alice.fen, company.clerk.order(alice.number, 100)
    signed = company.sign(order)
    assert (signed.places, signed.threshold, signed.done) == ([], 2, False)
    assert company.sign(order, company.ann).places == [0]
    assert [(one.place, list(one.signed)) for one in company.waiting] == [(3, [0, 3])]
    assert company.waiting[0].payload == order.payload
    done = company.sign(order, company.cat)
    assert (done.done, done.paid.state, done.available_fen) == (True, SETTLED, 900)
    assert alice.fen == before + 100
    assert company.waiting == []
    for one in (company.clerk, company.ann, company.ben):
        again = company.sign(order, one)
        assert (again.paid.payment_id, again.paid.repeated) == (done.paid.payment_id, True)
    assert alice.fen == before + 100
    with company.system.engine.connect() as connection:
        rows = connection.execute(select(signer_signatures)).all()
        assert connection.execute(select(pending_signatures)).all() == []
    assert [row.place for row in rows][-2:] == [0, 2]
    company.system.restart()
    assert company.sign(order, company.ben).paid.repeated


def test_who_prepares_and_may_release_is_one_of_the_two(company: Company, alice: Holder) -> None:
    order = company.ann.order(alice.number, 100)
    assert company.sign(order).places == [0]
    assert company.sign(order, company.ben).done


def test_no_one_signer_moves_anything_by_any_call(
    company: Company, system: System, alice: Holder
) -> None:
    position = system.bank.books.ledger.position()
    for one in company.all:
        for name, call in every_order(one, alice.number).items():
            assert refused_for(call) == "SIGNER_MAY_NOT", name
    assert system.bank.books.ledger.position() == position
    assert company.fen == 1_000


def test_one_signature_twice_is_one(company: Company, alice: Holder) -> None:
    order = company.ann.order(alice.number, 100)
    for _ in range(3):
        assert company.sign(order).places == [0]
        assert company.sign(order, company.clerk).places == [0]
    # Nor does another name for the same key make another signer of it.
    twice = same(order, company.ann)
    twice.key_id += b"-" + key_id(bytes(company.ann.key.verify_key))
    assert company.sign(twice).places == [0]
    assert company.fen == 1_000


def test_the_others_sign_the_very_same_bytes(company: Company, alice: Holder) -> None:
    order = company.ann.order(alice.number, 100)
    company.sign(order)
    for change in ({"amount_fen": 999}, {"payee_number": FOREIGN}, {"memo": "more"}):
        content = orders_pb2.PaymentOrder.FromString(order.payload)
        for name, value in change.items():
            setattr(content, name, value)
        other = SignedEnvelope(payload=content.SerializeToString())
        assert refused_for(company.sign, other, company.ben) == "REQUEST_UNKNOWN", change
    forged = same(order, company.ben)
    forged.signature = order.signature
    assert refused_for(company.sign, forged) == "SIGNATURE_INVALID"
    as_list = same(order, company.ben, signers_pb2.SignersOrder)
    assert refused_for(company.sign, as_list) == "SIGNATURE_INVALID"
    assert company.fen == 1_000


def test_who_looks_and_who_is_a_stranger_signs_nothing(
    company: Company, system: System, alice: Holder
) -> None:
    order = company.ann.order(alice.number, 100)
    company.sign(order)
    assert refused_for(company.sign, order, company.looker) == "SIGNER_MAY_NOT"
    stranger = Member(system, company.number, 1)
    assert refused_for(company.sign, order, stranger) == "SIGNATURE_INVALID"
    assert refused_for(company.sign, stranger.order(alice.number, 1)) == "SIGNATURE_INVALID"
    assert refused_for(company.sign, company.looker.order(alice.number, 1)) == "SIGNER_MAY_NOT"
    of_alice = alice.order(FOREIGN, 1)
    assert refused_for(company.sign, of_alice) == "SIGNER_MAY_NOT"  # it has one key
    assert refused_for(company.withdraw, order, company.looker) == "SIGNER_MAY_NOT"
    assert len(company.waiting) == 1


def test_a_list_of_what_waits_does_not_fill_for_others(company: Company, alice: Holder) -> None:
    for _ in range(PENDING_EACH):
        company.sign(company.clerk.order(alice.number, 1))
    assert refused_for(company.sign, company.clerk.order(alice.number, 1)) == "OVERLOADED"
    order = company.ann.order(alice.number, 100)
    company.sign(order)
    assert company.sign(order, company.ben).done
    company.system.clock.advance(60_001)
    assert company.waiting == []
    company.sign(company.clerk.order(alice.number, 1))
    with company.system.engine.connect() as connection:
        assert len(connection.execute(select(pending_orders)).all()) == 1


def test_who_prepares_and_withdraws_all_day_stops_nobody_else(
    company: Company, alice: Holder
) -> None:
    """Each withdrawal is kept for ever, at the cost of the whole wallet."""
    for _ in range(PENDING_EACH):
        order = company.clerk.order(alice.number, 1, memo="x" * 140)
        company.sign(order)
        company.withdraw(order, company.clerk)
    company.system.clock.advance(3_600_000)
    assert refused_for(company.sign, company.clerk.order(alice.number, 1)) == "OVERLOADED"
    order = company.ann.order(alice.number, 100)
    company.sign(order)
    assert company.sign(order, company.ben).done
    company.system.clock.advance(23 * 3_600_000 + 1)
    company.sign(company.clerk.order(alice.number, 1))


def test_a_signer_who_is_taken_out_between_two_signatures_is_none(
    company: Company, alice: Holder
) -> None:
    order = company.cat.order(alice.number, 100)
    company.sign(order)
    without = [company.ann, company.ben, company.clerk]
    order_of_list = listing(company.ann, without, threshold=2)
    assert company.sign_list(order_of_list).places == [0]
    assert company.sign_list(order_of_list, company.ben).done
    assert company.waiting == []
    for one in (company.ann, company.ben):
        assert refused_for(company.sign, order, one) == "KEY_REPLACED"
    assert refused_for(company.sign, order) == "SIGNATURE_INVALID"
    assert company.fen == 1_000


def test_a_list_that_changes_while_the_last_signature_waits_for_the_writer_stops_it(
    company: Company, system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds no lock of the bank's is stopped by the journal."""
    order = company.cat.order(alice.number, 100)
    company.sign(order)
    ledger, submit = system.bank.books.ledger, system.bank.books.ledger.submit
    without = listing(company.ann, [company.ann, company.ben])
    lists, directory = system.bank.signers, system.bank.directory
    content = signers_pb2.SignersOrder.FromString(without.payload)
    wallet = directory.get(company.number)
    opened = VerifiedOrder(wallet, content, 0, without.payload, without.signature)

    def cut_off_first(batch: Batch) -> Answers:
        monkeypatch.undo()
        lists.put(opened, {0: without.signature, 1: b""})
        return submit(batch)

    monkeypatch.setattr(ledger, "submit", cut_off_first)
    assert refused_for(company.sign, order, company.ann) == "KEY_REPLACED"
    assert directory.get(company.number).key_number == 2
    assert company.fen == 1_000


def test_what_is_withdrawn_never_comes_back(company: Company, alice: Holder) -> None:
    order = company.clerk.order(alice.number, 100)
    company.sign(order)
    company.sign(order, company.ann)
    company.withdraw(order, company.ben)
    company.withdraw(order, company.clerk)  # repeats
    assert company.waiting == []
    for one in (company.ben, company.clerk, company.cat):
        assert refused_for(company.sign, order, one) == "ORDER_WITHDRAWN"
    company.system.restart()
    for one in (company.clerk, company.ann, company.ben):
        assert refused_for(company.sign, order, one) == "ORDER_WITHDRAWN"
    assert refused_for(company.withdraw, order, company.ben) == "REQUEST_UNKNOWN"
    assert company.fen == 1_000
    # Another one's cannot be withdrawn by who only prepares.
    other = company.ann.order(alice.number, 100)
    company.sign(other)
    assert refused_for(company.withdraw, other, company.clerk) == "SIGNER_MAY_NOT"


def test_a_list_that_is_withdrawn_never_comes_back(company: Company) -> None:
    order = listing(company.ann, [company.ann])
    company.sign_list(order)
    company.withdraw(order, company.ben)
    for one in (company.ann, company.ben, company.cat):
        assert refused_for(company.sign_list, order, one) == "ALREADY_DECIDED"
    company.system.clock.advance(60_001)
    assert refused_for(company.sign_list, order, company.ben) == "EXPIRED"
    assert company.system.bank.directory.get(company.number).key_number == 1


def test_what_the_rule_refuses_is_refused_for_good(company: Company, alice: Holder) -> None:
    order = company.ann.order(alice.number, 2_000)
    company.sign(order)
    assert refused_for(company.sign, order, company.ben) == "INSUFFICIENT_FUNDS"
    assert company.waiting == []
    alice.exchange(5_000)
    alice.pay(company.number, 5_000)
    for one in (company.ann, company.ben, company.cat):
        assert refused_for(company.sign, order, one) == "INSUFFICIENT_FUNDS"


def test_what_has_expired_is_over(company: Company, alice: Holder) -> None:
    order = company.ann.order(alice.number, 100)
    company.sign(order)
    company.system.clock.advance(60_001)
    assert company.waiting == []
    assert refused_for(company.sign, order, company.ben) == "EXPIRED"


def test_a_payment_to_another_bank_goes_the_same_way(company: Company) -> None:
    order = company.ann.order(FOREIGN, 100)
    company.sign(order)
    done = company.sign(order, company.ben)
    assert done.paid.state == states_pb2.PAYMENT_STATE_PENDING
    assert done.available_fen == 900
    company.system.turned_down(done.paid.number)
    again = company.sign(order, company.cat)
    assert again.paid.state == states_pb2.PAYMENT_STATE_REFUSED
    assert again.paid.reason == errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
    assert company.fen == 1_000


def test_a_sequence_is_of_who_prepares_it(company: Company, alice: Holder) -> None:
    mine = company.ann.next()
    for sequence, reason in (
        (mine + 1, "REQUEST_UNKNOWN"),  # ben's
        (mine + 4, "SIGNER_MAY_NOT"),  # of who looks
        (mine + 5, "SIGNER_MAY_NOT"),  # nobody's
        (mine - PLACES * 2**20, "KEY_REPLACED"),
        (mine + PLACES * 2**20, "SEQUENCE_INVALID"),
    ):
        order = company.ann.order(alice.number, 1, sequence=sequence)
        assert refused_for(company.sign, order) == reason, sequence


def test_who_may_release_alone_releases_what_a_clerk_prepares(
    system: System, bob: Holder, alice: Holder
) -> None:
    bob.exchange(100)
    ann = first(bob)
    clerk = Member(system, bob.number, 1, role=PREPARE)
    listed(ann, [ann, clerk])
    order = clerk.order(alice.number, 10)
    assert refused_for(system.bank.payments.pay, order, 0.0) == "SIGNER_MAY_NOT"
    assert not system.bank.together.sign_payment(order, 0.0).done
    assert system.bank.together.sign_payment(same(order, ann), 0.0).done


def test_any_of_those_who_release_objects_to_a_key_by_officers(
    company: Company, system: System, bob: Holder
) -> None:
    key = SigningKey.generate()
    approved(system, bob, key)
    system.bank.keys.replacements.object(objection(system, company.cat, key))
    other = SigningKey.generate()
    approved(system, bob, other)
    assert in_force(system, bob, other).wallet.signers is None
    assert company.waiting == []


def test_it_takes_as_many_to_take_fewer(company: Company) -> None:
    """One of three makes no list by which one is enough."""
    change = company.system.bank.signers.change
    alone = listing(company.ann, [company.ann])
    assert refused_for(change, alone) == "SIGNER_MAY_NOT"
    assert refused_for(company.sign_list, alone, company.clerk) == "SIGNER_MAY_NOT"
    assert not company.sign_list(alone).done
    assert not company.sign_list(alone).done
    assert company.sign_list(alone, company.ben).done
    assert company.system.bank.directory.get(company.number).signers.threshold == 1  # type: ignore[union-attr]


def test_a_payment_of_a_request_is_refused_with_why(company: Company, alice: Holder) -> None:
    order = company.ann.order(
        alice.number,
        1,
        request_to_pay_id=f"{alice.number}-{'0' * 32}",
        request_to_pay_digest=bytes(32),
    )
    assert refused_for(company.sign, order) == "FIELD_INVALID"
    assert isinstance(company.system.bank.payments.pay_many([order])[0], Refusal)
