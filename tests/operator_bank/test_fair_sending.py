"""What goes out is fair: no bank, load or deposit that hangs holds up another; nor does a clock."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import insert

from currency.number import make
from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.limits import ISOLATED_MS, RESENT_LOADS
from operator_bank.offline.tables import token_deposits
from runtime.errors import NoAnswer, Refusal
from tests.device_keys import made_key
from tests.operator_bank.system import FOREIGN, Holder, System

HUNG, HEALTHY = make("6202", 1), make("6203", 1)
DAY_MS = 24 * 3_600_000
SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
PENDING = registration_pb2.OUTCOME_STATE_PENDING


class Centre:
    """Settles everything, but for payments to a bank that hangs: these cost time and stay pending.

    Attributes:
        submitted: payments by bank.
        batches: sizes of the submissions, by bank.
    """

    def __init__(self, system: System, hung: set[str]) -> None:
        self._world = system
        self.hung = hung
        self.submitted: Counter[str] = Counter()
        self.batches: list[Counter[str]] = []
        system.central.submit = self.submit  # type: ignore[method-assign]

    def submit(self, batch: registration_pb2.OutboundBatch) -> list[registration_pb2.Outcome]:
        banks = Counter(payment.payee_number[:4] for payment in batch.payments)
        self.batches.append(banks)
        self.submitted += banks
        if banks.keys() & self.hung:
            self._world.clock.advance(500)
        return [
            registration_pb2.Outcome(
                number=payment.number,
                state=PENDING if payment.payee_number[:4] in self.hung else SETTLED,
            )
            for payment in batch.payments
        ]


@pytest.fixture
def mallory(system: System) -> Holder:
    holder = system.open(name="Mallory")
    holder.exchange(100_000)
    return holder


def pay_many(system: System, holder: Holder, payee: str, count: int) -> None:
    expires = system.clock.now_ms() + DAY_MS
    orders = [holder.order(payee, 1, expires_time_ms=expires) for _ in range(count)]
    system.bank.payments.pay_many(orders)


def run_for(system: System, ms: int) -> None:
    end_ms = system.clock.monotonic_ms() + ms
    while system.clock.monotonic_ms() < end_ms:
        if not system.bank.outgoing.step():
            system.clock.advance(500)


def test_payments_to_a_bank_that_hangs_hold_up_none_to_another(
    system: System, alice: Holder, mallory: Holder
) -> None:
    centre = Centre(system, {"6202"})
    pay_many(system, mallory, HUNG, 1_000)
    alice.pay(HEALTHY, 500, expires_time_ms=system.clock.now_ms() + DAY_MS)
    system.bank.outgoing.step()
    assert centre.submitted["6203"] == 1, "in the very first submission"
    run_for(system, 600_000)
    alice.pay(HEALTHY, 500, expires_time_ms=system.clock.now_ms() + DAY_MS)
    system.bank.outgoing.step()
    assert centre.submitted["6203"] > 1, "in the next one"


def test_each_bank_has_its_share_of_a_submission(
    system: System, alice: Holder, mallory: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_bank.payments.outbound.SUBMIT_ITEMS", 20)
    centre = Centre(system, set())
    pay_many(system, mallory, HUNG, 45)
    pay_many(system, alice, HEALTHY, 10)
    while system.bank.outgoing.step():
        pass
    assert centre.batches[0] == {"6202": 10, "6203": 10}
    assert centre.submitted == {"6202": 45, "6203": 10}


def test_what_is_silent_is_submitted_less_and_less_but_all_of_it(
    system: System, mallory: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_bank.payments.outbound.SUBMIT_ITEMS", 10)
    centre = Centre(system, {"6202"})
    pay_many(system, mallory, HUNG, 25)
    run_for(system, 3_600_000)
    assert centre.submitted["6202"] < 3_600_000 / 16_000 * 5 + 25 + 50
    again: Counter[int] = Counter()
    submit = centre.submit

    def count(batch: registration_pb2.OutboundBatch) -> Any:
        again.update(payment.number for payment in batch.payments)
        return submit(batch)

    system.central.submit = count  # type: ignore[method-assign]
    run_for(system, 600_000)
    assert len(again) == 25, "each of them can still expire or settle"


def test_a_bank_that_is_back_gets_all_that_waited(system: System, mallory: Holder) -> None:
    centre = Centre(system, {"6202"})
    pay_many(system, mallory, HUNG, 50)
    run_for(system, 600_000)
    centre.hung.clear()
    centre.submitted.clear()
    mallory.pay(HUNG, 1, expires_time_ms=system.clock.now_ms() + DAY_MS)
    system.bank.outgoing.step()
    system.bank.outgoing.step()
    assert centre.submitted["6202"] >= 51, "one that goes through brings the others along"


def test_nobody_waits_for_a_payment_to_a_bank_whose_payments_do_not_end(
    system: System, mallory: Holder
) -> None:
    Centre(system, {"6202"})
    paid = mallory.pay(HUNG, 1)
    waited = threading.Event()

    def wait() -> None:
        assert system.bank.outgoing.wait(paid.number, 60.0)[0] == states_pb2.PAYMENT_STATE_PENDING
        waited.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    run_for(system, 5_000)
    assert waited.wait(20.0)
    waiting.join()
    started = time.monotonic()
    later = mallory.pay(HUNG, 1)
    assert system.bank.outgoing.wait(later.number, 60.0)[0] == states_pb2.PAYMENT_STATE_PENDING
    assert time.monotonic() - started < 30.0


def test_a_clock_that_is_set_back_stops_nothing_that_goes_out(
    system: System, alice: Holder
) -> None:
    alice.pay(FOREIGN, 5, expires_time_ms=system.clock.now_ms() + 10_000_000)
    system.bank.outgoing.step()
    sent = len(system.central.submitted)
    system.clock.set_back(3_600_000)
    system.clock.advance(1_000)
    system.bank.outgoing.step()
    assert len(system.central.submitted) == 2 * sent


def test_a_payment_that_the_centre_refuses_as_a_call_is_left_out_of_the_others(
    system: System, alice: Holder
) -> None:
    bad = alice.pay(FOREIGN, 1, expires_time_ms=system.clock.now_ms() + DAY_MS).number
    good = [alice.pay(FOREIGN, fen).number for fen in (2, 3)]
    taken: list[int] = []

    def submit(batch: registration_pb2.OutboundBatch) -> Sequence[Any]:
        for place, payment in enumerate(batch.payments):
            if payment.number == bad:
                field = f"payments[{place}].memo"
                raise Refusal(errors_pb2.REASON_FIELD_INVALID, "is odd", field=field)
        taken.extend(payment.number for payment in batch.payments)
        return []

    system.central.submit = submit  # type: ignore[method-assign]
    while system.bank.outgoing.step():
        pass
    assert taken == good
    system.clock.advance(ISOLATED_MS)
    system.bank.outgoing.step()

    def take(batch: registration_pb2.OutboundBatch) -> list[registration_pb2.Outcome]:
        taken.extend(payment.number for payment in batch.payments)
        return []

    system.central.submit = take  # type: ignore[method-assign]
    system.clock.advance(ISOLATED_MS)
    system.bank.outgoing.step()
    assert bad in taken, "it is tried again"


def test_a_refusal_of_the_call_that_names_no_payment_is_one_of_the_bank(
    system: System, alice: Holder
) -> None:
    alice.pay(FOREIGN, 1)

    def suspended(_: Any) -> Sequence[Any]:
        raise Refusal(errors_pb2.REASON_BANK_SUSPENDED, "suspended")

    system.central.submit = suspended  # type: ignore[method-assign, assignment]
    with pytest.raises(Refusal):
        system.bank.outgoing.step()


# Loads and deposits


def certified(system: System, holder: Holder) -> bytes:
    key = made_key()
    order = holder.certifying(key)
    system.bank.offline.certifying.certify(order)
    return key


def load(system: System, holder: Holder, fen: int) -> None:
    """A load that gets no answer."""
    key = certified(system, holder)
    order = holder.signed(
        orders_pb2.LoadOrder, sequence=holder.next(), device_key=key, amount_fen=fen
    )
    before = system.bank.vault.books().pending_outbound
    assert system.bank.offline.loads.load(order)[0] == states_pb2.PAYMENT_STATE_PENDING
    assert system.bank.vault.books().pending_outbound == before + 1


def test_a_load_that_the_centre_refuses_as_a_call_holds_up_no_other(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def register(number: int, amount_fen: int, *_: bytes) -> Any:
        asked.append(amount_fen)
        if amount_fen == 666:
            raise Refusal(errors_pb2.REASON_AMOUNT_INVALID, "no", field="amount_fen")
        return registration_pb2.RegisterTokensResponse()

    monkeypatch.setattr(system.central, "register", register)
    for fen in (666, 5, 6):
        load(system, alice, fen)
    asked.clear()
    system.bank.offline.resending.step_loads()
    assert asked == [666, 5, 6]
    alice.pay(FOREIGN, 1)
    system.bank.send()
    assert len(system.central.submitted) == 1
    for _ in range(20):
        system.clock.advance(1_000)
        system.bank.offline.resending.step_loads()
    assert asked.count(666) == 1
    assert asked.count(5) > 2
    system.clock.advance(ISOLATED_MS)
    system.bank.offline.resending.step_loads()
    assert asked.count(666) == 2


def test_a_load_without_an_answer_is_not_the_first_one_again(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def register(number: int, amount_fen: int, *_: bytes) -> Any:
        asked.append(amount_fen)
        raise NoAnswer("silence")

    monkeypatch.setattr(system.central, "register", register)
    count = 5
    for fen in range(1, count + 1):
        load(system, alice, fen)
        system.clock.advance(10_000)
    asked.clear()
    for _ in range(count):
        with pytest.raises(NoAnswer):
            system.bank.offline.resending.step_loads()
    assert sorted(asked) == list(range(1, count + 1))
    assert count < RESENT_LOADS


def deposit_rows(system: System, holder: Holder, count: int) -> list[int]:
    rows = []
    with system.engine.begin() as connection:
        for _ in range(count):
            row = {
                "wallet": holder.wallet.row_id,
                "sequence": holder.next(),
                "digest": bytes(32),
                "order_payload": b"",
                "order_signature": bytes(64),
                "own_keys": b"",
                "state": states_pb2.PAYMENT_STATE_PENDING,
                "reason": 0,
                "verdict": 0,
                "amount_fen": 0,
            }
            key = connection.execute(insert(token_deposits), row).inserted_primary_key
            assert key is not None
            rows.append(key[0])
    return rows


def test_a_deposit_that_the_centre_refuses_as_a_call_is_left_out_of_the_others(
    system: System, alice: Holder
) -> None:
    numbers = deposit_rows(system, alice, 9)
    bad, taken = numbers[3], Counter[int]()

    def deposit(items: Sequence[registration_pb2.TokenDepositItem]) -> Any:
        if any(item.number == bad for item in items):
            raise Refusal(errors_pb2.REASON_FIELD_INVALID, "no", field="items")
        taken.update(item.number for item in items)
        return [registration_pb2.DepositOutcome(number=i.number, state=PENDING) for i in items]

    system.central.deposit = deposit  # type: ignore[method-assign]
    system.bank.offline.resending.step_deposits()
    assert set(taken) == set(numbers) - {bad}
    for _ in range(200):
        system.clock.advance(1_000)
        system.bank.offline.resending.step_deposits()
    assert 2 < taken[numbers[0]] < 20, "less and less often"


def test_deposits_that_wait_for_reserves_hold_up_none_that_came_later(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_bank.offline.resending.RESENT_DEPOSITS", 10)
    waiting = deposit_rows(system, alice, 30)
    [late] = deposit_rows(system, alice, 1)
    sent: list[int] = []

    def deposit(items: Sequence[registration_pb2.TokenDepositItem]) -> Any:
        sent.extend(item.number for item in items)
        return [registration_pb2.DepositOutcome(number=i.number, state=PENDING) for i in items]

    system.central.deposit = deposit  # type: ignore[method-assign]
    for _ in range(4):
        system.bank.offline.resending.step_deposits()
    assert sent == [*waiting, late]
