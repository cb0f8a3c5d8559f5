"""A payee's bank that hangs, or is slow, keeps nobody waiting but the payments to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nacl.signing import SigningKey

from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import MAX_CHECKS_AT_ONCE, MAX_CHECKS_FOR_ONE
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from runtime.envelope import possession
from runtime.patience import FIRST_PAUSE_MS, QUICK_ANSWERS
from tests.central_bank.admitting import particulars
from tests.central_bank.system import NOW_MS, System
from tests.feeds import told

SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
PENDING = registration_pb2.OUTCOME_STATE_PENDING


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("central_bank.registration.settlement.FIRST_LOOK_S", 0.01)
    monkeypatch.setattr("central_bank.registration.settlement.PATIENCE_S", 0.01)
    yield


@pytest.fixture
def hanging(system: System) -> System:
    """Alpha has 1,000 fen in circulation, and beta answers no question."""
    system.issue(system.alpha, 1_000)
    system.banks.hanging.add("beta")
    return system


@pytest.fixture
def gamma(hanging: System) -> AdmittedBank:
    """A third bank."""
    return hanging.central.registry.admit(particulars("gamma", "6203"))


def outgoing(system: System) -> list[int]:
    """Numbers that alpha's feed says to have settled."""
    entries = told(system.central, system.alpha)
    return [e.outgoing_settled.number for e in entries if e.HasField("outgoing_settled")]


def settle_late(system: System) -> None:
    while system.central.settlement.settle_late():
        pass


def test_what_a_bank_says_too_late_is_settled_all_the_same(
    hanging: System, gamma: AdmittedBank
) -> None:
    slow = hanging.payment(hanging.alpha, hanging.beta, 1)
    quick = hanging.payment(hanging.alpha, gamma, 2)
    assert [o.state for o in hanging.submit(hanging.alpha, slow, quick)] == [PENDING, SETTLED]
    assert outgoing(hanging) == [quick.number]
    hanging.banks.answer_now()
    settle_late(hanging)
    assert outgoing(hanging) == [quick.number, slow.number]
    assert hanging.books() == {"alpha": (0, 997), "beta": (0, 1), "gamma": (0, 2)}
    hanging.banks.hanging.clear()
    assert [o.state for o in hanging.submit(hanging.alpha, slow)] == [SETTLED]
    assert hanging.books()["beta"] == (0, 1)


def test_a_late_answer_settles_nothing_twice(hanging: System) -> None:
    payment = hanging.payment(hanging.alpha, hanging.beta, 5)
    for _ in range(3):
        assert [o.state for o in hanging.submit(hanging.alpha, payment)] == [PENDING]
    hanging.banks.answer_now()
    settle_late(hanging)
    assert hanging.books()["beta"] == (0, 5)


def test_a_late_answer_settles_nothing_for_a_bank_that_was_suspended_meanwhile(
    hanging: System,
) -> None:
    hanging.submit(hanging.alpha, hanging.payment(hanging.alpha, hanging.beta, 5))
    hanging.central.registry.set_suspended("alpha", True)
    hanging.banks.answer_now()
    settle_late(hanging)
    assert hanging.books()["beta"] == (0, 0)


def test_a_late_answer_of_a_bank_that_was_suspended_meanwhile_settles_nothing(
    hanging: System,
) -> None:
    payment = hanging.payment(hanging.alpha, hanging.beta, 5)
    hanging.submit(hanging.alpha, payment)
    hanging.central.registry.set_suspended("beta", True)
    hanging.banks.answer_now()
    settle_late(hanging)
    assert hanging.books()["beta"] == (0, 0)
    [outcome] = hanging.submit(hanging.alpha, payment)
    assert outcome.reason == errors_pb2.REASON_BANK_SUSPENDED


@pytest.mark.parametrize("until_ms", [0, NOW_MS + 1_000])
def test_a_late_answer_settles_nothing_that_a_key_signed_which_has_ended_meanwhile(
    hanging: System, until_ms: int
) -> None:
    payment = hanging.payment(hanging.alpha, hanging.beta, 5)
    hanging.submit(hanging.alpha, payment)
    new = SigningKey(b"\x1a" * 32)
    kind = office_pb2.RenewBank(
        name="alpha",
        business_key=bytes(new.verify_key),
        proof=possession(new, "alpha"),
        old_until_time_ms=until_ms,
    )
    hanging.both(kind)
    hanging.clock.advance(1_000)
    hanging.banks.answer_now()
    settle_late(hanging)
    assert hanging.books()["beta"] == (0, 0)


def test_a_late_answer_settles_nothing_that_has_expired(hanging: System) -> None:
    payment = hanging.payment(hanging.alpha, hanging.beta, 5)
    hanging.submit(hanging.alpha, payment)
    hanging.clock.advance(60_001)
    hanging.banks.answer_now()
    settle_late(hanging)
    assert hanging.books()["beta"] == (0, 0)
    entries = told(hanging.central, hanging.alpha)
    assert entries[-1].outgoing_ended.state == registration_pb2.OUTCOME_STATE_EXPIRED


def test_a_bank_that_hangs_is_asked_a_bounded_number_of_times_at_once(
    hanging: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.peers.asking.MAX_CHECKS_FOR_ONE", MAX_CHECKS_AT_ONCE + 5)
    for _ in range(MAX_CHECKS_AT_ONCE + 5):
        hanging.submit(hanging.alpha, hanging.payment(hanging.alpha, hanging.beta, 1))
    assert len(hanging.banks.asked) == MAX_CHECKS_AT_ONCE


def test_who_has_a_bank_asked_without_end_leaves_the_questions_of_others_their_places(
    hanging: System, gamma: AdmittedBank
) -> None:
    """The same payment again and again: each time its payee's bank would be asked, for nothing."""
    hanging.banks.hanging = {"gamma"}
    hanging.issue(hanging.beta, 100)
    again = hanging.payment(hanging.alpha, gamma, 1)
    for _ in range(2 * MAX_CHECKS_AT_ONCE):
        hanging.submit(hanging.alpha, again)
    assert len(hanging.banks.asked) == MAX_CHECKS_FOR_ONE
    payment = hanging.payment(hanging.beta, gamma, 5)
    hanging.submit(hanging.beta, payment)
    assert len(hanging.banks.asked) == MAX_CHECKS_FOR_ONE + 1
    hanging.banks.answer_now()
    settle_late(hanging)
    assert hanging.books()["gamma"] == (0, 1 + 5)
    hanging.submit(hanging.alpha, again)
    assert len(hanging.banks.asked) == MAX_CHECKS_FOR_ONE + 2, "once it was answered it asks again"


def test_after_a_silence_a_bank_is_asked_once_a_pause_and_not_waited_for(
    hanging: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging.submit(hanging.alpha, hanging.payment(hanging.alpha, hanging.beta, 1))
    hanging.banks.silent.add("beta")
    hanging.banks.answer_now()
    monkeypatch.setattr(
        "central_bank.registration.settlement.wait", lambda *_: pytest.fail("somebody waits")
    )
    payments = [hanging.payment(hanging.alpha, hanging.beta, 1) for _ in range(5)]
    for payment in payments:
        assert [o.state for o in hanging.submit(hanging.alpha, payment)] == [PENDING]
    assert len(hanging.banks.asked) == 1
    hanging.clock.advance(FIRST_PAUSE_MS)
    for payment in payments:
        assert [o.state for o in hanging.submit(hanging.alpha, payment)] == [PENDING]
    assert len(hanging.banks.asked) == 2
    hanging.banks.silent.clear()
    hanging.banks.hanging.clear()
    hanging.banks.answer_now()
    for payment in payments[: QUICK_ANSWERS - 1]:
        assert [o.state for o in hanging.submit(hanging.alpha, payment)] == [SETTLED]
