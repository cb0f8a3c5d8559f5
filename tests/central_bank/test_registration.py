"""The registration centre: circulation moves once, and the feed tells each bank in order."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import pytest

from central_bank.api.authentication import GrpcAnalysis
from central_bank.authentication.banks import AdmittedBank
from central_bank.registration import settlement
from central_bank.registration.settlement import OutboundPayment
from currency.number import make
from dcep.analysis.v1 import analysis_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from runtime.errors import Refusal
from runtime.one_call_each import OneCallEach
from runtime.patience import FIRST_PAUSE_MS
from settlement.core import Batch
from tests.central_bank.admitting import particulars
from tests.central_bank.system import System
from tests.feeds import payment_in, told
from tests.refusals import refused, refused_because, refused_for

SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
REFUSED = registration_pb2.OUTCOME_STATE_REFUSED
EXPIRED = registration_pb2.OUTCOME_STATE_EXPIRED
PENDING = registration_pb2.OUTCOME_STATE_PENDING


@pytest.fixture
def funded(system: System) -> System:
    """Alpha has 1,000 fen in circulation."""
    system.issue(system.alpha, 1_000)
    return system


def feed(system: System, bank: AdmittedBank, after: int = 0) -> list[tuple[int, str]]:
    """(position, event) of a bank's feed after a number."""
    entries = told(system.central, bank, after)
    return [(entry.position, entry.WhichOneof("event")) for entry in entries]


def events(system: System, bank: AdmittedBank) -> list[str]:
    return [event for _, event in feed(system, bank)]


def test_a_payment_moves_circulation_once_by_its_number(funded: System) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 300)
    for _ in range(2):
        assert [o.state for o in funded.submit(funded.alpha, payment)] == [SETTLED]
    funded.restart()
    assert [o.state for o in funded.submit(funded.alpha, payment)] == [SETTLED]
    assert funded.books() == {"alpha": (0, 700), "beta": (0, 300)}


def test_a_number_that_was_used_for_another_payment_is_refused(funded: System) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 300)
    funded.submit(funded.alpha, payment)
    payment.amount_fen = 301
    [outcome] = funded.submit(funded.alpha, payment)
    assert (outcome.state, outcome.reason) == (REFUSED, errors_pb2.REASON_ID_REUSED)
    assert funded.books()["beta"] == (0, 300)


def test_payments_that_fail_for_their_payees_are_counted_for_the_bank_that_sent_them(
    funded: System,
) -> None:
    payees = [make(funded.beta.prefix, holder) for holder in (1, 2, 3)]
    funded.banks.reasons[payees[1]] = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
    counted: list[tuple[str, int]] = []
    funded.central.settlement.on_payees_refused = lambda bank, count: counted.append((bank, count))
    sent = [funded.payment(funded.alpha, funded.beta, 1, payee_number=payee) for payee in payees]
    assert [o.state for o in funded.submit(funded.alpha, *sent)] == [SETTLED, REFUSED, SETTLED]
    assert counted == [("alpha", 1)]


def test_what_the_payees_bank_says_ends_the_payment_for_good(funded: System) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 300)
    cannot = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
    funded.banks.reasons[payment.payee_number] = cannot
    for _ in range(2):
        [outcome] = funded.submit(funded.alpha, payment)
        assert (outcome.state, outcome.reason) == (REFUSED, cannot)
        funded.banks.reasons.clear()  # thawed meanwhile: the answer stays
    assert funded.books() == {"alpha": (0, 1_000), "beta": (0, 0)}


def test_a_silent_bank_leaves_its_payments_pending_and_no_others(funded: System) -> None:
    gamma = funded.central.registry.admit(particulars("gamma", "6203"))
    to_beta = funded.payment(funded.alpha, funded.beta, 1)
    to_gamma = funded.payment(funded.alpha, gamma, 2)
    funded.banks.silent.add("beta")
    assert [o.state for o in funded.submit(funded.alpha, to_beta, to_gamma)] == [PENDING, SETTLED]
    funded.banks.silent.clear()
    assert [o.state for o in funded.submit(funded.alpha, to_beta)] == [PENDING], "a pause"
    funded.clock.advance(FIRST_PAUSE_MS)
    assert [o.state for o in funded.submit(funded.alpha, to_beta)] == [SETTLED]
    assert funded.books()["alpha"] == (0, 997)


def test_more_than_is_in_circulation_is_refused(funded: System) -> None:
    [outcome] = funded.submit(funded.alpha, funded.payment(funded.alpha, funded.beta, 1_001))
    assert (outcome.state, outcome.reason) == (REFUSED, errors_pb2.REASON_CIRCULATION_SHORT)


def test_a_payment_that_comes_too_late_expires(funded: System) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 1)
    funded.clock.advance(60_001)
    assert [o.state for o in funded.submit(funded.alpha, payment)] == [EXPIRED]
    assert funded.books()["beta"] == (0, 0)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"created_time_ms": 0}, "FIELD_MISSING", "created_time_ms"),
        ({"expires_time_ms": 0}, "FIELD_MISSING", "expires_time_ms"),
        ({"expires_time_ms": -1}, "FIELD_INVALID", "expires_time_ms"),
        ({"expires_time_ms": 1}, "FIELD_INVALID", "expires_time_ms"),
    ],
)
def test_a_payment_has_two_times_and_is_not_settled_without(
    funded: System, changes: dict, reason: str, field: str
) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 1, **changes)
    funded.banks.reasons[payment.payee_number] = errors_pb2.REASON_PAYEE_CANNOT_BE_PAID
    assert refused(funded.submit, funded.alpha, payment) == (reason, f"payments[0].{field}")
    assert funded.books()["beta"] == (0, 0)


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"number": 0}, ("FIELD_MISSING", "number")),
        ({"number": 1 << 53}, ("FIELD_INVALID", "number")),
        ({"returns_payment_id": "x" * 49}, ("FIELD_INVALID", "returns_payment_id")),
        ({"payment_id": ""}, ("FIELD_MISSING", "payment_id")),
        ({"amount_fen": 0}, ("AMOUNT_INVALID", "amount_fen")),
        ({"memo": "nul\0"}, ("FIELD_INVALID", "memo")),
        ({"payer_number": "6201"}, ("FIELD_INVALID", "payer_number")),
        ({"payee_number": "6202000000000010"}, ("FIELD_INVALID", "payee_number")),
    ],
)
def test_a_refusal_names_the_payment_and_its_field(
    funded: System, changes: dict, refused: tuple[str, str]
) -> None:
    good = funded.payment(funded.alpha, funded.beta, 1)
    bad = funded.payment(funded.alpha, funded.beta, 1, **changes)
    with pytest.raises(Refusal) as caught:
        funded.submit(funded.alpha, good, bad)
    name, field = refused
    assert (caught.value.name, caught.value.field) == (name, f"payments[1].{field}")
    assert caught.value.message.startswith(f"payments[1].{field} ")
    assert funded.books()["beta"] == (0, 0)


def test_unknown_own_and_suspended_banks_cannot_be_paid(funded: System) -> None:
    stranger = replace(funded.beta, prefix="9999")
    funded.central.registry.set_suspended("beta", True)
    reasons = [
        funded.submit(funded.alpha, funded.payment(funded.alpha, payee, 1))[0].reason
        for payee in (stranger, funded.alpha, funded.beta)
    ]
    assert reasons == [
        errors_pb2.REASON_BANK_UNKNOWN,
        errors_pb2.REASON_SAME_ACCOUNT,
        errors_pb2.REASON_BANK_SUSPENDED,
    ]


def test_a_batch_is_the_banks_own_fresh_and_without_a_number_twice(funded: System) -> None:
    payment = funded.payment(funded.alpha, funded.beta, 1)
    now = funded.clock.now_ms()
    good: dict[str, Any] = {
        "bank": "alpha",
        "created_time_ms": now,
        "expires_time_ms": now + 1,
        "payments": [],
    }

    def refused_batch(**changes: object) -> tuple[str, str]:
        batch = registration_pb2.OutboundBatch(**{**good, "payments": [payment], **changes})
        envelope = funded.signed(funded.alpha, batch)
        return refused(funded.central.settlement.submit, funded.alpha, envelope)

    assert refused_batch(bank="beta") == ("FIELD_INVALID", "bank")
    assert refused_batch(expires_time_ms=now - 1) == ("EXPIRED", "expires_time_ms")
    assert refused_batch(created_time_ms=now + 3_600_000) == ("NOT_YET_VALID", "created_time_ms")
    assert refused_batch(expires_time_ms=now + 86_400_000) == (
        "VALIDITY_TOO_LONG",
        "expires_time_ms",
    )
    assert refused_batch(payments=[payment, payment]) == ("FIELD_INVALID", "payments")
    assert refused_batch(payments=[]) == ("FIELD_MISSING", "payments")

    envelope = funded.signed(funded.beta, registration_pb2.OutboundBatch(**good))
    envelope.key_id = b"alpha"
    assert (
        refused_for(funded.central.settlement.submit, funded.alpha, envelope) == "SIGNATURE_INVALID"
    )


def test_each_bank_hears_its_own_events_in_the_order_of_the_journal(funded: System) -> None:
    alpha, beta = funded.alpha, funded.beta
    first, second = (funded.payment(alpha, beta, fen) for fen in (10, 20))
    too_much = funded.payment(alpha, beta, 5_000)
    funded.submit(alpha, first, too_much, second)
    funded.pay_in("alpha", 77)  # reserves are no feed's matter
    funded.submit(beta, funded.payment(beta, alpha, 5))

    assert events(funded, alpha) == [
        "issued", "outgoing_settled", "outgoing_ended", "outgoing_settled", "incoming",
    ]  # fmt: skip
    assert events(funded, beta) == ["incoming", "incoming", "outgoing_settled"]
    positions = [position for position, _ in feed(funded, alpha)]
    assert positions == sorted(set(positions))

    entries = told(funded.central, beta)
    assert [payment_in(e.incoming).payment_id for e in entries[:2]] == [
        first.payment_id,
        second.payment_id,
    ]
    assert entries[0].incoming.from_bank == "alpha"


def test_a_feed_goes_on_from_any_entry_also_within_a_batch(
    funded: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fen in (1, 2, 3):
        payments = [funded.payment(funded.alpha, funded.beta, fen) for _ in range(3)]
        funded.submit(funded.alpha, *payments)
    whole = feed(funded, funded.beta)
    assert len(whole) == 9
    feeds, beta, places = funded.central.feed, funded.beta, []
    link = feeds.start(beta, registration_pb2.FeedPlace())
    monkeypatch.setattr("central_bank.registration.feed.MAX_FEED_ENTRIES", 1)
    for _ in whole:
        message, link = feeds.after(beta, link)
        assert message is not None
        places.append(registration_pb2.FeedTip.FromString(message.tip.payload).place)
    monkeypatch.undo()
    funded.restart()
    for number, place in enumerate(places, 1):
        at = funded.central.feed.start(beta, place)
        assert (at.number, at.hash) == (number, place.hash)
        message, _ = funded.central.feed.after(beta, at)
        assert len(message.entries if message is not None else ()) == len(whole) - number
    assert feed(funded, beta) == whole


def test_a_long_feed_comes_in_pieces_that_join(
    funded: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments = [funded.payment(funded.alpha, funded.beta, 1) for _ in range(5)]
    funded.submit(funded.alpha, *payments)
    whole = feed(funded, funded.beta)
    monkeypatch.setattr("central_bank.registration.feed.MAX_FEED_ENTRIES", 2)
    joined: list[int] = []
    link = funded.central.feed.start(funded.beta, registration_pb2.FeedPlace())
    while True:
        message, link = funded.central.feed.after(funded.beta, link)
        if message is None:
            break
        assert len(message.entries) <= 2
        joined += [registration_pb2.FeedEntry.FromString(data).position for data in message.entries]
    assert joined == [place for place, _ in whole]


def test_flows_are_sums_between_banks(funded: System) -> None:
    for fen in (10, 20):
        funded.submit(funded.alpha, funded.payment(funded.alpha, funded.beta, fen))
    funded.submit(funded.beta, funded.payment(funded.beta, funded.alpha, 5))
    now = funded.clock.now_ms()
    flows = funded.central.flows
    whole = flows.between(0, 0)
    assert [one[:4] for one in whole] == [("alpha", "beta", 2, 30), ("beta", "alpha", 1, 5)]
    assert flows.between(now, now + 1) == whole
    assert flows.between(now + 1, 0) == flows.between(0, now) == []
    with pytest.raises(Refusal):
        flows.between(2, 1)


def test_flows_are_told_page_by_page_and_none_is_left_out(funded: System) -> None:
    """However many pairs of banks there are, an answer has a bound, and says whether it is all."""
    for payer, payee in ((funded.alpha, funded.beta), (funded.beta, funded.alpha)):
        funded.submit(payer, funded.payment(payer, payee, 7))
    analysis = GrpcAnalysis(funded.central.flows)
    pages, token = [], ""
    for _ in range(3):
        asked = analysis_pb2.GetFlowsRequest(page_size=1, page_token=token)
        page = analysis.GetFlows(asked, None)
        pages.append([(flow.from_bank, flow.to_bank, flow.amount_fen) for flow in page.flows])
        token = page.next_page_token
        if not token:
            break
    assert pages == [[("alpha", "beta", 7)], [("beta", "alpha", 7)]]
    refused_because(
        errors_pb2.REASON_PAGE_TOKEN_INVALID,
        analysis.GetFlows,
        analysis_pb2.GetFlowsRequest(page_token="made up"),
        None,
    )


def test_a_message_of_a_feed_is_bounded_in_bytes(
    funded: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central_bank.registration.feed.MAX_FEED_BYTES", 2_000)
    payments = [funded.payment(funded.alpha, funded.beta, 1, memo="m" * 140) for _ in range(40)]
    funded.submit(funded.alpha, *payments)
    link, seen = funded.central.feed.start(funded.beta, registration_pb2.FeedPlace()), 0
    while True:
        message, link = funded.central.feed.after(funded.beta, link)
        if message is None:
            break
        seen += len(message.entries)
        assert message.ByteSize() < 2_000 + 700
    assert seen == len(payments)


def test_payments_that_are_brought_again_get_their_first_answers_without_the_writer(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8,000 of them took it, whom all banks wait for, two seconds, as often as they were sent."""
    system.issue(system.alpha, 100)
    payments = [system.payment(system.alpha, system.beta, fen) for fen in (10, 20, 500)]
    payments.append(system.payment(system.alpha, system.beta, 5, payee_number=make("6299", 1)))
    first = system.submit(system.alpha, *payments)
    assert [o.state for o in first] == [SETTLED, SETTLED, REFUSED, REFUSED]
    other = system.payment(system.alpha, system.beta, 11)
    other.number, other.payment_id = payments[0].number, payments[0].payment_id
    submit = system.central.books.ledger.submit
    monkeypatch.setattr(
        system.central.books.ledger, "submit", lambda batch: pytest.fail("it is asked")
    )
    assert system.submit(system.alpha, *payments) == first
    [said] = system.submit(system.alpha, other)
    assert (said.state, said.reason) == (REFUSED, errors_pb2.REASON_ID_REUSED)
    monkeypatch.setattr(system.central.books.ledger, "submit", submit)
    new = system.payment(system.alpha, system.beta, 1)
    assert [o.state for o in system.submit(system.alpha, *payments, new)][-1] == SETTLED
    assert system.books() == {"alpha": (0, 69), "beta": (0, 31)}


@pytest.mark.parametrize("change", ["amount_fen", "expires_time_ms", "payee_number"])
def test_another_payment_with_the_same_digest_is_never_told_settled(
    system: System, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(settlement, "digest", lambda note: 7)
    system.issue(system.alpha, 100)
    first = system.payment(system.alpha, system.beta, 10)
    assert [o.state for o in system.submit(system.alpha, first)] == [SETTLED]
    other = OutboundPayment()
    other.CopyFrom(first)
    value: object = make("6299", 1) if change == "payee_number" else getattr(first, change) + 1
    setattr(other, change, value)
    found = system.submit(system.alpha, other)
    system.see_no_ends(monkeypatch)
    decided = system.submit(system.alpha, other)
    for [said] in (found, decided):
        assert (said.state, said.reason) == (REFUSED, errors_pb2.REASON_ID_REUSED)


def test_equal_calls_at_once_are_settled_by_the_first_and_found_by_the_others(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.issue(system.alpha, 100)
    payments = [system.payment(system.alpha, system.beta, fen) for fen in (10, 20)]
    ledger = system.central.books.ledger
    submit, holding = ledger.submit, OneCallEach.holding
    asked: list[object] = []
    second_is_there = threading.Event()
    ends: list[registration_pb2.Outcome] = []
    second = threading.Thread(target=lambda: ends.extend(system.submit(system.alpha, *payments)))

    def come(calls: OneCallEach, things: set[Hashable]) -> object:
        if asked:
            second_is_there.set()
        return holding(calls, things)

    def write(batch: Batch) -> object:
        asked.append(batch)
        if len(asked) == 1:
            second.start()
            assert second_is_there.wait(10)
        return submit(batch)

    monkeypatch.setattr(OneCallEach, "holding", come)
    monkeypatch.setattr(ledger, "submit", write)
    first = system.submit(system.alpha, *payments)
    second.join(10)
    assert [o.state for o in first] == [SETTLED, SETTLED]
    assert (ends, len(asked)) == (first, 1)
    assert system.books() == {"alpha": (0, 70), "beta": (0, 30)}
