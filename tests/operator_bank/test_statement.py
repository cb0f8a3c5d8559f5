"""A wallet's statement: pages join, balances run, and only its own payments are in it."""

from __future__ import annotations

import pytest

from currency.contract_words import purpose_word
from dcep.bank.v1 import payments_pb2, states_pb2
from dcep.registration.v1 import registration_pb2
from runtime.errors import Refusal, reason_name
from runtime.limits import MAX_POSITION
from runtime.pagination import encode_token
from settlement.records import Result
from tests.operator_bank.system import FOREIGN, Holder, System
from tests.refusals import refused, refused_for

Payment = payments_pb2.Payment


def statement(system: System, holder: Holder, size: int) -> list[Payment]:
    """All pages, newest first."""
    found: list[Payment] = []
    token, more = "", True
    while more:
        page, token = system.bank.history.page(holder.wallet, size, token)
        assert len(page) <= size
        found += page
        more = bool(token)
    return found


@pytest.fixture
def busy(system: System, alice: Holder, bob: Holder) -> Holder:
    """Alice after a bit of everything."""
    alice.pay(bob.number, 1_000, memo="午饭")
    bob.pay(alice.number, 400)
    with pytest.raises(Refusal):
        alice.pay(bob.number, 99_999_999)
    alice.pay(FOREIGN, 2_000)
    ended = alice.pay(FOREIGN, 3_000)
    alice.pay(FOREIGN, 4_000)
    system.bank.send()
    number = system.central.submitted[0].number
    system.hear(outgoing_settled=registration_pb2.OutgoingSettled(number=number))
    system.hear(outgoing_ended={"number": ended.number, "state": 2, "reason": 40})
    system.hear(incoming=system.arriving(alice.number, 50))
    alice.exchange(500, out=True)
    return alice


def test_it_tells_what_happened_newest_first(system: System, busy: Holder, bob: Holder) -> None:
    told = [(purpose_word(p.purpose), p.state, p.change_fen) for p in statement(system, busy, 50)]
    settled, refused = states_pb2.PAYMENT_STATE_SETTLED, states_pb2.PAYMENT_STATE_REFUSED
    assert told == [
        ("cash-out", settled, -500),
        ("payment", settled, 50),
        ("payment", states_pb2.PAYMENT_STATE_PENDING, -4_000),
        ("payment", refused, 0),
        ("payment", settled, -2_000),
        ("payment", refused, 0),
        ("payment", settled, 400),
        ("payment", settled, -1_000),
        ("top-up", settled, 100_000),
    ]
    oldest = statement(system, busy, 50)[-2]
    assert (oldest.memo, oldest.payer_number, oldest.payee_number) == (
        "午饭", busy.number, bob.number,
    )  # fmt: skip


@pytest.mark.parametrize(("cash", "reason"), [(True, "BANK_CANNOT_NOW"), (False, "LINKED_FAILED")])
def test_a_top_up_that_was_refused_is_not_laid_to_the_wallet(
    system: System, busy: Holder, cash: bool, reason: str
) -> None:
    with pytest.raises(Refusal):
        busy.exchange(10**10, cash=cash)
    newest = statement(system, busy, 1)[0]
    assert (purpose_word(newest.purpose), newest.state) == (
        "top-up",
        states_pb2.PAYMENT_STATE_REFUSED,
    )
    assert reason_name(newest.reason) == reason


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages_of_any_size_join_to_the_same_statement(
    system: System, busy: Holder, size: int
) -> None:
    assert statement(system, busy, size) == statement(system, busy, 500)


def test_each_balance_follows_from_the_one_before(system: System, busy: Holder) -> None:
    balance = 0
    for payment in reversed(statement(system, busy, 2)):
        balance += payment.change_fen
        assert payment.balance_after_fen == balance
    assert balance == busy.fen


def test_what_happens_meanwhile_does_not_move_the_pages(
    system: System, busy: Holder, bob: Holder
) -> None:
    whole = statement(system, busy, 50)
    first, token = system.bank.history.page(busy.wallet, 4, "")
    busy.pay(bob.number, 1)
    bob.pay(busy.number, 1)
    rest, _ = system.bank.history.page(busy.wallet, 50, token)
    assert first + rest == whole


FAR = (1 << 63) - 1


@pytest.mark.parametrize(
    "token",
    ["x", "AAAA", encode_token(1), encode_token(1, 2, 3)]
    + [encode_token(FAR, FAR), encode_token(FAR, -FAR - 1)],
)
def test_a_token_of_somebody_else_is_refused(system: System, busy: Holder, token: str) -> None:
    assert refused_for(system.bank.history.page, busy.wallet, 5, token) == "PAGE_TOKEN_INVALID"


def test_a_payment_is_found_by_who_made_it_and_by_nobody_else(
    system: System, busy: Holder, bob: Holder
) -> None:
    made = busy.pay(bob.number, 7)
    history = system.bank.history
    assert history.get(busy.wallet, made.payment_id).amount_fen == 7
    for holder, payment_id, reason in (
        (bob, made.payment_id, "PAYMENT_UNKNOWN"),
        (busy, f"{busy.number}-99999", "PAYMENT_UNKNOWN"),
        (busy, f"{busy.number}-0", "PAYMENT_UNKNOWN"),
        (busy, f"{busy.number}-000", "PAYMENT_UNKNOWN"),
        (busy, "1-1", "FIELD_INVALID"),
        (busy, f"{busy.number}-", "FIELD_INVALID"),
        (busy, f"{busy.number}-１", "FIELD_INVALID"),
    ):
        assert refused_for(history.get, holder.wallet, payment_id) == reason


def test_who_cannot_pay_fills_nobody_elses_past(system: System, alice: Holder, bob: Holder) -> None:
    """However many such payments there are, a look at a statement does not meet them."""
    alice.pay(bob.number, 1)
    for _ in range(30):
        with pytest.raises(Refusal):
            alice.pay(bob.number, 99_999_999)
    rows = system.bank.books.history.statement(bob.wallet.account, None, 100)
    assert all(Result(row.result).accepted for row in rows)
    assert [p.change_fen for p in statement(system, bob, 50)][:1] == [1]
    assert len(system.bank.books.history.statement(alice.wallet.account, None, 100)) > 30


def test_arrivals_come_oldest_first_and_go_on_where_they_ended(
    system: System, alice: Holder, bob: Holder
) -> None:
    _, start = system.bank.history.arrivals(bob.wallet, 0, 50)
    for fen in (1, 2, 3):
        alice.pay(bob.number, fen)
    system.hear(incoming=system.arriving(bob.number, 4))
    first, seen = system.bank.history.arrivals(bob.wallet, start, 3)
    rest, end = system.bank.history.arrivals(bob.wallet, seen, 3)
    assert [p.amount_fen for p in first] == [1, 2, 3]
    assert [p.amount_fen for p in rest] == [4]
    assert system.bank.history.arrivals(bob.wallet, MAX_POSITION, 3)[0] == []
    assert refused(system.bank.history.arrivals, bob.wallet, MAX_POSITION + 1, 3) == (
        "FIELD_INVALID",
        "after_position",
    )
    assert system.bank.history.arrivals(bob.wallet, end, 3) == ([], end)
