"""What a bank has the centre write down for good though it moves nothing is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import KEPT_FOR_NOTHING_BYTES_PER_HOUR, MAX_AHEAD_MS
from central_bank.registration.tables import bank_batches
from currency.number import make
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.errors import RETRY_AFTER_MS, Refusal
from settlement.records import RECORD
from tests.central_bank.system import System
from tests.offline.centre import Centre

PENDING = registration_pb2.OUTCOME_STATE_PENDING
SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
EXPIRED = registration_pb2.OUTCOME_STATE_EXPIRED
BYTES = 20_000
"""What a bank may have kept for nothing in these tests."""


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "central_bank.registration.kept_for_nothing"
    monkeypatch.setattr(f"{module}.KEPT_FOR_NOTHING_BYTES", BYTES)
    monkeypatch.setattr(f"{module}.KEPT_FOR_NOTHING_MOST_BYTES", 4 * BYTES)


@pytest.fixture
def funded(system: System) -> System:
    for bank in (system.alpha, system.beta):
        system.issue(bank, 1_000_000)
    return system


def kept_bytes(system: System) -> int:
    of = bank_batches.c
    query = select(func.sum(func.length(of.head) + func.length(of.others)))
    with system.engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def one_that_settles(system: System, bank: AdmittedBank, to: AdmittedBank, beside: int) -> None:
    """A payment of a fen, and so many that are dated ahead."""
    ahead_ms = system.clock.now_ms() + MAX_AHEAD_MS + 60_000
    later = [
        system.payment(bank, to, 1, created_time_ms=ahead_ms, expires_time_ms=ahead_ms + 1)
        for _ in range(beside)
    ]
    ends = system.submit(bank, system.payment(bank, to, 1), *later)
    assert [end.state for end in ends[1:]] == [PENDING] * beside


def until_it_has_to_wait(system: System, bank: AdmittedBank, to: AdmittedBank, beside: int) -> int:
    """After how many calls it does, and that it is told for how long."""
    for calls in range(100):
        try:
            one_that_settles(system, bank, to, beside)
        except Refusal as refusal:
            assert refusal.name == "OVERLOADED"
            assert int(refusal.metadata[RETRY_AFTER_MS]) > 0
            return calls
    pytest.fail("it never had to wait")


def test_what_stays_undecided_beside_a_payment_fills_no_disk(funded: System) -> None:
    until_it_has_to_wait(funded, funded.alpha, funded.beta, beside=50)
    assert kept_bytes(funded) < BYTES + 50 * 200, "one call may go beyond"
    one_that_settles(funded, funded.beta, funded.alpha, beside=1)  # another bank goes on


def test_payments_that_are_refused_fill_no_disk(funded: System) -> None:
    with pytest.raises(Refusal) as caught:
        for _ in range(20):
            unknown = [
                funded.payment(funded.alpha, funded.beta, 1, payee_number=make("6299", 1))
                for _ in range(20)
            ]
            funded.submit(funded.alpha, *unknown)
    assert caught.value.name == "OVERLOADED"
    records = funded.central.books.ledger.position()
    assert records < 300


def test_a_bank_that_had_to_wait_goes_on_when_its_time_has_come(funded: System) -> None:
    until_it_has_to_wait(funded, funded.alpha, funded.beta, beside=50)
    funded.clock.advance(3_600_000 * BYTES // KEPT_FOR_NOTHING_BYTES_PER_HOUR)
    one_that_settles(funded, funded.alpha, funded.beta, beside=1)


def test_a_bank_of_which_some_payments_are_always_refused_never_waits(funded: System) -> None:
    refused = 0
    for _ in range(60):
        good = [funded.payment(funded.alpha, funded.beta, 1) for _ in range(12)]
        bad = [
            funded.payment(funded.alpha, funded.beta, 1, payee_number=make("6299", 1))
            for _ in range(3)
        ]
        ends = funded.submit(funded.alpha, *good, *bad)
        refused += sum(end.state == registration_pb2.OUTCOME_STATE_REFUSED for end in ends)
    assert refused * RECORD.itemsize > BYTES // 2, "more than it would have by itself"


def test_a_payment_that_is_asked_again_and_again_counts_once(funded: System) -> None:
    refused = funded.payment(funded.alpha, funded.beta, 1, payee_number=make("6299", 1))
    for _ in range(200):
        funded.submit(funded.alpha, refused)


def test_loads_that_are_refused_fill_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    centre = Centre(tmp_path)
    position = centre.central.books.ledger.position()
    with pytest.raises(Refusal) as caught:
        for _ in range(100):
            outcome, _ = centre.register(centre.alice, 10**12, next(centre.numbers))
            assert outcome.reason == errors_pb2.REASON_OVER_BALANCE_CAP
    assert caught.value.name == "OVERLOADED"
    assert centre.central.books.ledger.position() - position < 100


def expired_by_silence(system: System, count: int) -> list[int]:
    """The states of so many payments to beta, which was silent for as long as they were valid."""
    expires_ms = system.clock.now_ms() + 31_000
    sent = [
        system.payment(system.alpha, system.beta, 1, expires_time_ms=expires_ms)
        for _ in range(count)
    ]
    assert {end.state for end in system.submit(system.alpha, *sent)} == {PENDING}
    system.clock.advance(32_000)
    return [end.state for end in system.submit(system.alpha, *sent)]


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardly anything more is kept while a payment expires."""
    module = "central_bank.registration.kept_for_nothing"
    monkeypatch.setattr(f"{module}.KEPT_FOR_NOTHING_BYTES_PER_HOUR", 3_600)


@pytest.mark.usefixtures("slowly")
def test_what_expires_by_a_banks_silence_holds_up_no_other_payment_of_who_sent_it(
    system: System,
) -> None:
    """A holder with a few yuan, and a bank that is away: the payer's bank goes on."""
    for bank in (system.alpha, system.beta):
        system.issue(bank, 1_000_000)
    system.banks.silent.add("beta")
    states: list[int] = []
    while PENDING not in states:
        assert len(states) < BYTES // RECORD.itemsize, "what is written down is bounded"
        states += expired_by_silence(system, 60)
    assert EXPIRED in states
    system.banks.silent.clear()
    system.clock.advance(60_000)
    for payer, payee in ((system.alpha, system.beta), (system.beta, system.alpha)):
        # Nor is the bank kept waiting that was silent: it may have been down.
        (end,) = system.submit(payer, system.payment(payer, payee, 1))
        assert end.state == SETTLED


@pytest.mark.usefixtures("slowly")
def test_what_expired_by_a_banks_silence_is_written_down_by_and_by(system: System) -> None:
    system.issue(system.alpha, 1_000_000)
    system.banks.silent.add("beta")
    while PENDING not in expired_by_silence(system, 60):
        pass
    sent_ms, number = system.clock.now_ms() - 32_000, system.last_number
    last = system.payment(system.alpha, system.beta, 1, number=number, created_time_ms=sent_ms)
    last.payment_id = f"{last.payer_number}-{number}"
    last.expires_time_ms = sent_ms + 31_000
    assert [end.state for end in system.submit(system.alpha, last)] == [PENDING]
    system.clock.advance(24 * 3_600_000)
    assert [end.state for end in system.submit(system.alpha, last)] == [EXPIRED]


@pytest.mark.usefixtures("slowly")
def test_what_had_expired_when_it_came_counts_for_who_sent_it(funded: System) -> None:
    past_ms = funded.clock.now_ms() - 1_000
    with pytest.raises(Refusal) as caught:
        for _ in range(1_000):
            late = [
                funded.payment(
                    funded.alpha, funded.beta, 1, created_time_ms=past_ms, expires_time_ms=past_ms
                )
                for _ in range(60)
            ]
            funded.submit(funded.alpha, *late)
    assert caught.value.reason == errors_pb2.REASON_OVERLOADED


@pytest.mark.usefixtures("slowly")
def test_what_one_bank_sent_to_a_silent_one_holds_up_nothing_that_another_sent(
    system: System,
) -> None:
    other = system.admit("other", "6203")
    for bank in (system.alpha, other):
        system.issue(bank, 1_000_000)
    system.banks.silent.add("beta")
    while PENDING not in expired_by_silence(system, 60):
        pass
    expires_ms = system.clock.now_ms() + 31_000
    one = system.payment(other, system.beta, 1, expires_time_ms=expires_ms)
    assert [end.state for end in system.submit(other, one)] == [PENDING]
    system.clock.advance(32_000)
    assert [end.state for end in system.submit(other, one)] == [EXPIRED]
