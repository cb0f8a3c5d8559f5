"""The feed: applied in order, once each; and what goes out until the feed has spoken."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select

from currency.contract_words import purpose_word
from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import FeedBroken
from operator_bank.limits import MAX_ITEMS
from operator_bank.offline.tables import token_deposits
from runtime.errors import NoAnswer, Refusal
from tests.operator_bank.system import FOREIGN, Holder, System

SETTLED = states_pb2.PAYMENT_STATE_SETTLED
PENDING = states_pb2.PAYMENT_STATE_PENDING
REFUSED = states_pb2.PAYMENT_STATE_REFUSED
EXPIRED = states_pb2.PAYMENT_STATE_EXPIRED


def settled(payment: registration_pb2.OutboundPayment) -> registration_pb2.OutgoingSettled:
    return registration_pb2.OutgoingSettled(number=payment.number)


def ended(
    number: int, state: registration_pb2.OutcomeState, reason: errors_pb2.Reason
) -> registration_pb2.OutgoingEnded:
    return registration_pb2.OutgoingEnded(number=number, state=state, reason=reason)


def test_a_payment_to_another_bank_is_held_sent_and_ends_with_the_feed(
    system: System, alice: Holder
) -> None:
    paid = alice.pay(FOREIGN, 700)
    assert (paid.state, alice.fen, alice.held_fen) == (PENDING, 99_300, 700)
    system.bank.send()
    [sent] = system.central.submitted
    assert (sent.number, sent.payer_number, sent.payee_number, sent.amount_fen) == (
        paid.number, alice.number, FOREIGN, 700,
    )  # fmt: skip
    system.hear(outgoing_settled=settled(sent))
    assert (alice.fen, alice.held_fen) == (99_300, 0)
    assert system.bank.outgoing.state(paid.number) == (SETTLED, 0)


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (registration_pb2.OUTCOME_STATE_REFUSED, REFUSED, errors_pb2.REASON_PAYEE_CANNOT_BE_PAID),
        (registration_pb2.OUTCOME_STATE_EXPIRED, EXPIRED, errors_pb2.REASON_EXPIRED),
    ],
)
def test_a_payment_that_did_not_go_through_comes_back_whole(
    system: System,
    alice: Holder,
    outcome: registration_pb2.OutcomeState,
    state: int,
    reason: errors_pb2.Reason,
) -> None:
    paid = alice.pay(FOREIGN, 700)
    system.hear(outgoing_ended=ended(paid.number, outcome, reason))
    assert (alice.fen, alice.held_fen) == (100_000, 0)
    assert system.bank.outgoing.state(paid.number) == (state, reason)


def test_a_payer_is_not_told_what_circulation_the_bank_lacks(system: System, alice: Holder) -> None:
    paid = alice.pay(FOREIGN, 700)
    short = errors_pb2.REASON_CIRCULATION_SHORT
    system.hear(outgoing_ended=ended(paid.number, registration_pb2.OUTCOME_STATE_REFUSED, short))
    told = errors_pb2.REASON_BANK_CANNOT_NOW
    assert system.bank.outgoing.state(paid.number) == (REFUSED, told)
    shown = system.bank.history.get(alice.wallet, paid.payment_id)
    assert (shown.state, shown.reason) == (REFUSED, told)


def test_what_nobody_answered_is_sent_again_in_order(system: System, alice: Holder) -> None:
    numbers = [alice.pay(FOREIGN, fen).number for fen in (1, 2, 3)]
    system.central.silent = True
    with pytest.raises(NoAnswer):
        system.bank.send()
    system.central.silent = False
    system.bank.send()
    assert [sent.number for sent in system.central.submitted] == numbers

    system.bank.send()
    assert len(system.central.submitted) == 3, "not at once"
    system.hear(outgoing_settled=settled(system.central.submitted[1]))
    system.clock.advance(1_000)
    system.bank.send()
    assert [sent.number for sent in system.central.submitted[3:]] == [numbers[0], numbers[2]]


def test_what_is_pending_and_what_was_loaded_is_found_by_an_index(
    system: System, alice: Holder
) -> None:
    asked: list[tuple[str, Any]] = []

    @event.listens_for(system.engine, "before_cursor_execute")
    def note(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        if "FROM outbound" in statement and not statement.startswith("INSERT"):
            asked.append((statement, values))

    alice.pay(FOREIGN, 1)
    system.bank.send()
    system.clock.advance(1_000)
    system.bank.send()
    system.bank.vault.books()
    with pytest.raises(Refusal):
        system.bank.offline.loads.load(
            alice.signed(orders_pb2.LoadOrder, sequence=9, amount_fen=5, device_key=bytes(32))
        )
    event.remove(system.engine, "before_cursor_execute", note)
    plans = []
    with system.engine.connect() as connection:
        for statement, values in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.append(" ".join(step.detail for step in plan))
    assert len(plans) > 5
    assert not any("SCAN outbound" in p and "outbound_pending" not in p for p in plans), plans


def giving_back(
    system: System, sent: registration_pb2.OutboundPayment
) -> registration_pb2.OutboundPayment:
    """Beta's return of a payment that went out here, as the feed brings it."""
    return registration_pb2.OutboundPayment(
        number=9,
        payment_id="beta-return-9",
        payer_number=sent.payee_number,
        payee_number=sent.payer_number,
        amount_fen=sent.amount_fen,
        returns_payment_id=sent.payment_id,
        returns_number=sent.number,
        created_time_ms=system.clock.now_ms(),
        expires_time_ms=system.clock.now_ms() + 60_000,
    )


def test_what_comes_back_is_the_payers_again(system: System, alice: Holder) -> None:
    alice.pay(FOREIGN, 700)
    system.bank.send()
    [sent] = system.central.submitted
    system.entry(outgoing_settled=settled(sent))
    system.entry(incoming=giving_back(system, sent))
    system.deliver()
    assert alice.fen == 100_000
    [line] = system.bank.history.page(alice.wallet, 1, "")[0]
    assert (purpose_word(line.purpose), line.payment_id) == ("return", "beta-return-9")


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_fen": 699},
        {"returns_number": 999_999},
        {"returns_number": 0},
        {"returns_payment_id": "6201000000000012-99"},
        {"payer_number": "6202000000000029"},
    ],
)
def test_what_only_says_that_it_comes_back_lies_in_suspense(
    system: System, alice: Holder, changes: dict[str, Any]
) -> None:
    alice.pay(FOREIGN, 700)
    system.bank.send()
    [sent] = system.central.submitted
    system.hear(outgoing_settled=settled(sent))
    incoming = giving_back(system, sent)
    for name, value in changes.items():
        setattr(incoming, name, value)
    system.hear(incoming=incoming)
    assert alice.fen == 99_300
    assert system.bank.vault.books().suspense_fen == incoming.amount_fen
    assert not system.bank.returns.step(), "a return is not sent back and forth"
    [entry] = system.bank.suspense.page(9, 0)
    assert purpose_word(entry.purpose) == "return"


def test_what_comes_back_a_second_time_lies_in_suspense(system: System, alice: Holder) -> None:
    """Whether the central bank brings it twice at once, or later, or after a restart."""
    for _ in range(2):
        alice.pay(FOREIGN, 700)
    system.bank.send()
    first, second = system.central.submitted
    system.entry(outgoing_settled=settled(first))
    system.entry(incoming=giving_back(system, first))
    again = giving_back(system, first)
    again.number, again.payment_id = 10, "beta-return-10"
    system.entry(incoming=again)
    system.deliver()
    assert alice.fen == 100_000 - 700
    again.number, again.payment_id = 11, "beta-return-11"
    system.restart()
    system.hear(incoming=again)
    assert alice.fen == 100_000 - 700
    assert [entry.payment_id for entry in system.bank.suspense.page(9, 0)] == [
        "beta-return-10",
        "beta-return-11",
    ]
    system.entry(outgoing_settled=settled(second))
    system.entry(incoming=giving_back(system, second))
    system.deliver()
    assert alice.fen == 100_000, "another payment comes back as before"


def test_what_comes_back_before_it_was_paid_lies_in_suspense(system: System, alice: Holder) -> None:
    """Held, or refused: the payer has this money, and would have it twice."""
    for _ in range(2):
        alice.pay(FOREIGN, 700)
    system.bank.send()
    held, ended_ = system.central.submitted
    system.hear(
        outgoing_ended=ended(
            ended_.number,
            registration_pb2.OUTCOME_STATE_REFUSED,
            errors_pb2.REASON_PAYEE_CANNOT_BE_PAID,
        )
    )
    for number, sent in enumerate((held, ended_), 20):
        back = giving_back(system, sent)
        back.number, back.payment_id = number, f"beta-return-{number}"
        system.hear(incoming=back)
    assert (alice.fen, alice.held_fen) == (100_000 - 700, 700)
    assert system.bank.vault.books().suspense_fen == 1_400


def test_entries_that_come_again_change_nothing(system: System, alice: Holder) -> None:
    payees = [alice.number, "6201000000009997", alice.number]
    entries = [system.entry(incoming=system.arriving(payee, 5)) for payee in payees]
    again = system.central.teller.message(system.bank.follower.place.number)
    system.bank.follower.apply(again)
    for _ in range(2):
        with pytest.raises(FeedBroken, match="came after entry 4"):
            system.bank.follower.apply(again)
        system.restart()
    assert send_back(system).amount_fen == 5
    assert alice.fen == 100_010
    assert not system.bank.returns.step(), "sent back once"
    place = system.bank.follower.place
    assert (place.number, place.position) == (4, entries[-1].position)


def test_a_single_fen_arrives(system: System, alice: Holder) -> None:
    system.hear(incoming=system.arriving(alice.number, 1))
    assert alice.fen == 100_001


def test_the_place_is_where_the_feed_goes_on_after_a_restart(system: System) -> None:
    system.hear(issued=registration_pb2.Issued(amount_fen=5))
    place = system.bank.follower.place
    assert place.number == 2
    assert system.restart().follower.place == place


def test_a_deposit_is_credited_to_the_wallet_that_its_number_stands_for(
    system: System, alice: Holder, bob: Holder
) -> None:
    deposits = [system.depositing(holder, fen) for holder, fen in ((alice, 30), (bob, 400))]
    deposits[1].whole_fen += 5_000
    second = registration_pb2.TokensDeposited(number=deposits[1].number, amount_fen=5_000)
    second.whole_fen = deposits[1].whole_fen
    second.payment_digest = bytes(32)
    for deposit in (*deposits, second):
        system.entry(tokens_deposited=deposit)
    system.deliver()
    assert (alice.fen, bob.fen) == (100_030, 5_400)
    page, _ = system.bank.history.page(bob.wallet, 1, "")
    assert (purpose_word(page[0].purpose), page[0].payment_id) == (
        "offline-deposit",
        f"deposit-{second.number}",
    )
    with system.engine.connect() as connection:
        query = select(token_deposits.c.state, token_deposits.c.amount_fen)
        rows = connection.execute(query.order_by(token_deposits.c.id)).all()
    assert [tuple(row) for row in rows] == [(SETTLED, 30), (SETTLED, 5_400)]


def send_back(system: System) -> registration_pb2.OutboundPayment:
    """What the bank sends out when it has looked for undeliverable money."""
    assert system.bank.returns.step()
    assert not system.bank.returns.step()
    system.bank.outgoing.step()
    return system.central.submitted[-1]


def test_money_for_nobody_goes_back(system: System, alice: Holder) -> None:
    incoming = system.arriving("6201000000009997", 300)
    system.hear(incoming=incoming)
    assert system.bank.vault.books().suspense_fen == 300
    sent = send_back(system)
    assert (sent.payee_number, sent.amount_fen) == (FOREIGN, 300)
    assert sent.returns_payment_id == incoming.payment_id
    system.hear(outgoing_settled=sent)
    assert system.bank.vault.books().suspense_fen == 0


def test_money_over_the_payees_cap_goes_back(system: System, phone: Holder) -> None:
    system.hear(incoming=system.arriving(phone.number, 9_000))
    system.hear(incoming=system.arriving(phone.number, 1_001))
    assert phone.fen == 9_000
    assert send_back(system).amount_fen == 1_001


def test_a_bank_says_of_its_wallets_only_whether_they_may_be_paid(
    system: System, alice: Holder, phone: Holder, bob: Holder
) -> None:
    system.bank.directory.set_frozen(bob.number, True)
    closed = system.open(name="Carol")
    system.bank.wallets.close(closed.signed(orders_pb2.CloseOrder, sequence=closed.next()))
    asked = [alice.number, phone.number, bob.number, closed.number, FOREIGN, "", "x" * 99]
    # The others are told alike: what each of them is, is nobody's business.
    assert system.bank.inbound.can_be_paid(asked) == [True, True] + [False] * 5
    full = alice.pay(phone.number, 10_000)
    assert full.state == SETTLED
    # What a wallet holds, and how much it has room for, is not told.
    assert system.bank.inbound.can_be_paid([phone.number]) == [True]
    for wrong in ([], [alice.number] * (MAX_ITEMS + 1)):
        with pytest.raises(Refusal) as caught:
            system.bank.inbound.can_be_paid(wrong)
        assert caught.value.field == "wallet_numbers"


def test_a_redemption_leaves_the_vault_before_it_is_decided(system: System) -> None:
    vault = system.bank.vault
    before = -vault.books().mirror_fen
    vault.reserve_for_redemption(1, 4_000)
    vault.reserve_for_redemption(1, 4_000)
    with pytest.raises(Refusal) as caught:
        vault.reserve_for_redemption(2, before - 4_000 + 7)
    assert (caught.value.name, caught.value.metadata["missing_fen"]) == ("VAULT_SHORT", "7")
    system.hear(redeemed=registration_pb2.Redeemed(number=1, amount_fen=4_000))
    assert -vault.books().mirror_fen == before - 4_000


def test_a_redemption_that_was_rejected_comes_back_to_the_vault(system: System) -> None:
    before = system.bank.vault.books().vault_fen
    system.bank.vault.reserve_for_redemption(1, 4_000)
    for number in (1, 2):  # for the second nothing was reserved
        system.hear(
            redemption_rejected=registration_pb2.RedemptionRejected(number=number, amount_fen=4_000)
        )
    assert system.bank.vault.books().vault_fen == before
