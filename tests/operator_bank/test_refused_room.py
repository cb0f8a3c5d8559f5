"""What is refused is kept for ever, so of each wallet only so much is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from currency.number import make
from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.limits import MAX_REFUSED_AT_ONCE, REFUSED_PAYMENT_BYTES
from operator_bank.payments.rows import Paid
from runtime.errors import Refusal
from tests.operator_bank.system import FOREIGN, PREFIX, Holder, System
from tests.refusals import refused_for

UNKNOWN = make(PREFIX, 99_999)
BYTES = 3_000
"""What a wallet may have kept of refused orders in these tests: some seven."""


@pytest.fixture
def tight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> System:
    monkeypatch.setattr("operator_bank.wallets.refused.REFUSED_BYTES", BYTES)
    return System(tmp_path)


def asked_until_it_has_to_wait(call: Callable[[], Any]) -> tuple[int, Refusal]:
    """How many orders were refused before one was not judged, and what was said of that one."""
    for count in range(200):
        with pytest.raises(Refusal) as caught:
            call()
        if caught.value.name == "TOO_MANY_REFUSALS":
            return count, caught.value
    pytest.fail("it never had to wait")


def by_one_s(tight: System, holder: Holder) -> dict[str, Callable[[], Any]]:
    close = lambda: tight.bank.wallets.close(  # noqa: E731
        holder.signed(orders_pb2.CloseOrder, sequence=holder.next())
    )
    deposit = lambda: tight.bank.offline.deposits.deposit(  # noqa: E731
        holder.signed(
            orders_pb2.DepositOrder,
            sequence=holder.next(),
            offline_payment=bytes(500),
            nonce=bytes(16),
        ),
        0,
    )
    return {
        "deposit": deposit,
        "payment": lambda: holder.pay(UNKNOWN, 1),
        "top-up": lambda: holder.exchange(10**9),
        "cash-out": lambda: holder.exchange(10**9, out=True),
        "closing": close,
    }


@pytest.mark.parametrize("kind", ["payment", "top-up", "cash-out", "closing", "deposit"])
def test_orders_that_are_refused_fill_no_disk(tight: System, kind: str) -> None:
    holder = tight.open(name="Alice")
    holder.exchange(1)
    call = by_one_s(tight, holder)[kind]
    count, no = asked_until_it_has_to_wait(call)
    assert 2 < count < 20
    position = tight.bank.books.ledger.position()
    for other in by_one_s(tight, holder).values():
        asked_until_it_has_to_wait(other)
    assert tight.bank.books.ledger.position() == position, "nothing more is kept of this wallet"
    bob = tight.open(name="Bob")
    bob.exchange(5)
    bob.pay(holder.number, 5)  # others go on, and it may still be paid
    tight.clock.advance(int(no.metadata["retry_time_ms"]) - tight.clock.now_ms())
    with pytest.raises(Refusal) as caught:
        call()
    assert caught.value.name != "TOO_MANY_REFUSALS"


@pytest.mark.parametrize("kind", ["payments", "exchanges"])
def test_of_many_orders_in_one_call_no_more_is_kept(tight: System, kind: str) -> None:
    holder = tight.open(name="Alice")
    position = tight.bank.books.ledger.position()
    if kind == "payments":
        orders = [holder.order(UNKNOWN, 1) for _ in range(4 * MAX_REFUSED_AT_ONCE)]
        answers: Any = tight.bank.payments.pay_many(orders)
    else:
        orders = [holder.exchange_order(10**9) for _ in range(4 * MAX_REFUSED_AT_ONCE)]
        answers = tight.bank.exchange.exchange_many(orders)
    judged = MAX_REFUSED_AT_ONCE
    assert [no.name == "TOO_MANY_REFUSALS" for no in answers] == [
        *[False] * judged,
        *[True] * 3 * judged,
    ]
    records = tight.bank.books.ledger.position() - position
    assert records in (judged, 2 * judged)


def test_the_same_order_asked_again_and_again_counts_once(tight: System) -> None:
    holder = tight.open(name="Alice")
    order = holder.order(UNKNOWN, 1)
    for _ in range(50):
        [no] = tight.bank.payments.pay_many([order])
        assert isinstance(no, Refusal) and no.name == "INSUFFICIENT_FUNDS"


@pytest.mark.parametrize(
    ("reason", "valid_ms", "waits"),
    [
        (errors_pb2.REASON_BANK_UNKNOWN, 60_000, True),
        (errors_pb2.REASON_EXPIRED, 1_000, True),
        (errors_pb2.REASON_EXPIRED, 60_000, False),
        (errors_pb2.REASON_CIRCULATION_SHORT, 60_000, False),
        (errors_pb2.REASON_BANK_SUSPENDED, 60_000, False),
    ],
)
def test_what_the_central_bank_has_to_refuse_counts_for_the_payer_whose_doing_it_is(
    tight: System, reason: int, valid_ms: int, waits: bool
) -> None:
    """Else one holder would use up what may be kept there for all of the bank's payments."""
    alice, bob = tight.open(name="Alice"), tight.open(name="Bob")
    for holder in (alice, bob):
        holder.exchange(1_000)
    expires_ms = tight.clock.now_ms() + valid_ms
    state = registration_pb2.OUTCOME_STATE_REFUSED
    if reason == errors_pb2.REASON_EXPIRED:
        state = registration_pb2.OUTCOME_STATE_EXPIRED
    for _ in range(BYTES // REFUSED_PAYMENT_BYTES + 1):
        order = alice.order(FOREIGN, 1, expires_time_ms=expires_ms)
        [paid] = tight.bank.payments.pay_many([order])
        assert isinstance(paid, Paid)
        tight.hear(outgoing_ended={"number": paid.number, "state": state, "reason": reason})
    if waits:
        assert refused_for(alice.pay, FOREIGN, 1) == "TOO_MANY_REFUSALS"
    else:
        alice.pay(FOREIGN, 1)
    bob.pay(FOREIGN, 1)


def test_what_another_bank_turns_down_uses_up_the_room_for_payments_to_it_alone(
    tight: System,
) -> None:
    alice, bob = tight.open(name="Alice"), tight.open(name="Bob")
    alice.exchange(1_000)
    for _ in range(3 * 60):  # one a minute: too few to be taken for somebody who tries payees out
        tight.clock.advance(60_000)
        try:
            paid = alice.pay(FOREIGN, 1)
        except Refusal as no:
            assert no.name == "TOO_MANY_REFUSALS"
            break
        tight.turned_down(paid.number)
    else:
        pytest.fail("she never had to wait for that bank")
    alice.pay(make("6299", 1), 1)
    alice.pay(bob.number, 1)
    alice.exchange(100, out=True)
