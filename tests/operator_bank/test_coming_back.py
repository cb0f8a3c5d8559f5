"""A bank without any newer copy comes back: what it takes up, and what nobody gains by it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from currency.contract_words import purpose_word
from dcep.bank.v1 import officers_pb2, orders_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.ledger import accounts
from operator_bank.limits import MAX_GAP
from runtime.errors import Refusal
from tests.operator_bank import asking, mandates, signers, sub_wallets
from tests.operator_bank.company import Company, pay
from tests.operator_bank.lost import ACT, Lost
from tests.operator_bank.system import FOREIGN, ZHOU, Holder, System, made
from tests.refusals import refusal, refused_for

R = registration_pb2
SETTLED, PENDING = states_pb2.PAYMENT_STATE_SETTLED, states_pb2.PAYMENT_STATE_PENDING


@pytest.fixture
def lost(system: System) -> Lost:
    return Lost(system)


def entries(system: System) -> list[officers_pb2.LostEntry]:
    return system.bank.lost.page(100, 0)


def test_what_was_settled_without_this_database_is_lost_until_somebody_bears_it(
    system: System, lost: Lost, alice: Holder
) -> None:
    entry, _ = lost.settled(alice, 4_000, sequence=40)
    lost.come_back()
    books = system.bank.vault.books()
    assert (books.lost_fen, alice.fen) == (-4_000, 100_000)
    (found,) = entries(system)
    assert (found.entry, purpose_word(found.purpose), found.amount_fen) == (
        entry.number,
        "payment",
        4_000,
    )
    assert (found.payer_number, found.payment_id) == (alice.number, f"{alice.number}-40")

    of = {"entry": entry.number, "wallet_number": alice.number}
    system.both(office_pb2.SettleLost(**of, amount_fen=3_000))
    assert (alice.fen, system.bank.vault.books().lost_fen) == (97_000, -1_000)
    (page, _) = system.bank.history.page(alice.wallet, 10, "")
    assert (page[0].payment_id, page[0].amount_fen) == (f"{alice.number}-40", 3_000)
    vault_fen = system.bank.vault.books().vault_fen
    system.both(office_pb2.SettleLost(entry=entry.number, amount_fen=1_000))
    books = system.bank.vault.books()
    assert (books.lost_fen, books.vault_fen) == (0, vault_fen - 1_000)
    assert not entries(system)
    more = office_pb2.SettleLost(entry=entry.number, amount_fen=1)
    assert refusal(lambda: system.propose(more)).name == "AMOUNT_INVALID"


def test_new_payments_have_numbers_that_nobody_has_seen(
    system: System, lost: Lost, alice: Holder
) -> None:
    lost.settled(alice, 4_000, sequence=40)
    lost.come_back()
    paid = alice.pay(FOREIGN, 700, sequence=60)
    assert paid.number > lost.number
    assert alice.fen == 99_300
    system.bank.send()
    assert [payment.number for payment in system.central.submitted] == [paid.number]
    system.hear(outgoing_settled={"number": paid.number})
    assert system.bank.outgoing.state(paid.number) == (SETTLED, 0)
    deposit = system.depositing(alice, 5)
    assert deposit.number >= 50
    # Until the next time it is put back: no number of the first loss is used by the second.
    assert system.restart().windows.incarnation == ACT
    assert alice.pay(FOREIGN, 1, sequence=61).number > paid.number


def test_who_orders_a_lost_payment_again_hears_its_end_and_does_not_pay_twice(
    system: System, lost: Lost, alice: Holder
) -> None:
    _, order = lost.settled(alice, 4_000, sequence=40)
    lost.come_back()
    for _ in range(2):
        answer = system.bank.payments.pay_together([order])[0]
        assert not isinstance(answer, Refusal)
        assert (answer.paid.state, answer.paid.repeated) == (SETTLED, True)
        assert answer.available_fen == 100_000
        assert made(system.bank.payments.pay_many([order])[0]).state == SETTLED
    assert system.bank.vault.books().pending_outbound == 0
    # Another order under the same sequence comes from a wallet that was put back as well.
    assert refusal(lambda: alice.pay(FOREIGN, 3_999, sequence=40)).name == "ID_REUSED"
    assert alice.fen == 100_000


def test_what_several_had_released_is_not_paid_twice_though_its_release_is_lost(
    system: System, lost: Lost, bob: Holder
) -> None:
    """A home that heard that it may not be sent would have it released and paid anew."""
    company = Company(system, bob)
    _, order = lost.settled(company.clerk, 40, sequence=company.clerk.next())
    lost.come_back()
    for _ in range(2):
        answer = made(system.bank.payments.pay_many([order])[0])
        assert (answer.state, answer.repeated) == (SETTLED, True)
    content = orders_pb2.PaymentOrder.FromString(order.payload)
    other = company.clerk.order(FOREIGN, 41, sequence=content.sequence)
    assert refusal(lambda: pay(company, other)).name == "ID_REUSED"
    new = company.clerk.order(FOREIGN, 40)
    assert refusal(lambda: pay(company, new)).name == "SIGNER_MAY_NOT"
    out = company.clerk.exchange_order(40, out=True, sequence=content.sequence)
    assert refusal(lambda: system.bank.exchange.exchange(out)).name == "SIGNER_MAY_NOT"
    assert company.fen == 1_000


def test_all_else_of_the_lost_time_finds_its_place(
    system: System, lost: Lost, alice: Holder, bob: Holder
) -> None:
    gone = "6201000000000000"
    system.entry(incoming=system.arriving(bob.number, 300))
    system.entry(incoming=system.arriving(gone, 200))
    system.entry(issued=R.Issued(amount_fen=9))
    load = R.TokensRegistered(number=lost.number, amount_fen=600, certificate_digest=bytes(32))
    system.entry(tokens_registered=load)
    deposited = R.TokensDeposited(number=30, amount_fen=50, whole_fen=50, payment_digest=bytes(32))
    system.entry(tokens_deposited=deposited)
    system.entry(redeemed=R.Redeemed(number=3, amount_fen=5_000))
    ended = R.OutboundPayment(number=lost.number - 1, payment_id="x-1", payer_number=alice.number)
    ended.payee_number, ended.amount_fen = FOREIGN, 77
    ended.created_time_ms, ended.expires_time_ms = 1, 2
    system.entry(
        outgoing_ended=R.OutgoingEnded(
            number=lost.number - 1,
            state=R.OUTCOME_STATE_REFUSED,
            reason=errors_pb2.REASON_PAYEE_CANNOT_BE_PAID,
            payment=ended.SerializeToString(),
        )
    )
    before = bob.fen
    lost.come_back()
    assert not system.bank.standing.is_behind
    assert system.bank.follower.place.number == len(system.central.teller.said)
    books = system.bank.vault.books()
    assert (books.lost_fen, books.suspense_fen, bob.fen) == (-5_600, 250, before + 300)
    assert [(purpose_word(one.purpose), one.amount_fen) for one in entries(system)] == [
        ("offline-load", 600),
        ("redemption", 5_000),
    ]
    kinds = [
        (purpose_word(one.purpose), one.wallet_number) for one in system.bank.suspense.page(10, 0)
    ]
    assert kinds == [("payment", gone), ("offline-deposit", "")]
    # What is left of the lost load comes back long after; nobody here knows whose it was.
    system.hear(tokens_restored=R.TokensRestored(number=lost.number, amount_fen=600))
    assert system.bank.vault.books().suspense_fen == 850


def test_after_the_lost_time_an_entry_about_what_was_never_sent_stops_the_feed_as_before(
    system: System, lost: Lost, alice: Holder
) -> None:
    lost.settled(alice, 4_000, sequence=40)
    lost.come_back()
    lost.number -= 10
    lost.settled(alice, 1, sequence=41)
    lost.hear()
    assert system.bank.standing.is_behind
    assert system.bank.vault.books().lost_fen == -4_000


def test_one_officer_alone_does_not_bring_it_back(
    system: System, lost: Lost, alice: Holder
) -> None:
    lost.settled(alice, 4_000, sequence=40)
    lost.notice()
    act = system.propose(lost.act(), ZHOU)
    assert refusal(lambda: system.approve(act, ZHOU)).name == "SAME_OFFICER"
    assert system.bank.windows.incarnation == 0
    lost.hear()
    assert system.bank.standing.is_behind


@pytest.mark.parametrize(
    "wrong",
    [
        {"after_number": 0},
        {"after_number": 99},
        {"until_number": 0},
        {"next_number": MAX_GAP + 1_000_000},
    ],
    ids=["an earlier place", "a later place", "an end before it", "too far"],
)
def test_an_act_for_another_place_does_nothing(
    system: System, lost: Lost, alice: Holder, wrong: dict[str, int]
) -> None:
    lost.settled(alice, 4_000, sequence=40)
    lost.notice()
    assert refusal(lambda: system.propose(lost.act(**wrong))).name == "FIELD_INVALID"


def test_an_act_that_would_have_numbers_used_again_does_not_bring_it_back(
    system: System, lost: Lost, alice: Holder
) -> None:
    lost.settled(alice, 4_000, sequence=40)
    lost.come_back(next_number=lost.number - 100)
    assert system.bank.follower.stopped is not None
    assert "might use again" in system.bank.follower.stopped.cause
    assert system.bank.vault.books().lost_fen == 0
    assert system.bank.standing.is_behind
    # The officers may say it again, and right.
    lost.come_back()
    assert system.bank.vault.books().lost_fen == -4_000
    assert not system.bank.standing.is_behind


def test_a_bank_that_is_no_older_copy_does_not_come_back(system: System, lost: Lost) -> None:
    told = refusal(lambda: system.propose(lost.act(until_number=1_000)))
    assert told.name == "ALREADY_DECIDED"


def test_it_serves_nobody_until_all_that_was_lost_has_been_told(
    system: System, lost: Lost, alice: Holder
) -> None:
    lost.settled(alice, 4_000, sequence=40)
    lost.come_back(until_number=len(system.central.teller.said) + 1)
    assert system.bank.standing.is_behind
    system.entry(issued=R.Issued(amount_fen=9))
    lost.hear()
    assert not system.bank.standing.is_behind


def test_money_is_taken_for_a_lost_payment_from_its_payer_alone_and_never_more_than_is_there(
    system: System, lost: Lost, alice: Holder, bob: Holder
) -> None:
    entry, _ = lost.settled(alice, 4_000, sequence=40)
    lost.come_back()
    of = {"entry": entry.number, "amount_fen": 4_000}
    others = office_pb2.SettleLost(**of, wallet_number=bob.number)
    assert refusal(lambda: system.propose(others)).name == "FIELD_INVALID"
    unknown = office_pb2.SettleLost(entry=entry.number + 5, amount_fen=1)
    assert refusal(lambda: system.propose(unknown)).name == "PAYMENT_UNKNOWN"
    alice.pay(bob.number, 98_000, sequence=60)
    mine = system.propose(office_pb2.SettleLost(**of, wallet_number=alice.number))
    assert refusal(lambda: system.approve(mine)).name == "INSUFFICIENT_FUNDS"
    assert system.bank.acts.get(mine.content.act_id).state == office_pb2.ACT_STATE_REFUSED
    assert (alice.fen, system.bank.vault.books().lost_fen) == (2_000, -4_000)


def test_filled_positions_take_no_room_and_are_what_the_journal_says(
    system: System, lost: Lost, alice: Holder
) -> None:
    lost.number += 50_000
    lost.settled(alice, 4_000, sequence=40)
    lost.come_back()
    size = sum(
        len(entry.records) for entry in system.bank.books.journal.read(lost.number - 8_000, 64)
    )
    assert size > 7_000
    with system.engine.connect() as connection:
        (largest,) = connection.exec_driver_sql(
            "SELECT max(length(body)) FROM journal WHERE count > 8000"
        ).one()
    assert largest < 200
    assert int(system.bank.books.ledger.read([accounts.LOST])[0]["available_fen"]) == -4_000


def test_a_mandate_of_the_copy_pays_nothing_before_its_holder_says_so_again(
    system: System, lost: Lost, alice: Holder, bob: Holder
) -> None:
    """It may have been ended since, by an order that the bank does not know any more."""
    mandate = mandates.given(alice, bob.number)
    assert mandates.became(bob, mandate, 100) == "PAID"
    lost.come_back()
    assert mandates.why_not(alice, bob, mandate, 200) == "BEYOND_MANDATE"
    system.restart()
    name = mandates.ask(bob, mandate, 300)
    assert mandates.states(alice)[name] == ("OPEN", "BEYOND_MANDATE")
    asking.change(alice, name, mandates.ALLOW)
    assert mandates.states(bob)[name] == ("PAID", ""), "to this one request its holder says yes"
    assert mandates.why_not(alice, bob, mandate, 400) == "BEYOND_MANDATE"
    terms = mandates.wanted(alice, bob.number, 3_000, 5_000)
    change = sub_wallets.order(alice, sub_wallets.CHANGE, sub_wallet_number=mandate, terms=terms)
    system.bank.sub_wallets.order(change)
    assert mandates.became(bob, mandate, 500) == "PAID"
    system.restart()
    assert mandates.became(bob, mandate, 600) == "PAID"
    assert mandates.became(bob, mandates.given(alice, bob.number), 700) == "PAID"
    system.check_books()


def test_what_is_swept_by_a_consent_of_the_copy_is_its_holders(
    system: System, lost: Lost, alice: Holder, bob: Holder
) -> None:
    """It may have been ended since; what it moves goes to the holder's own deposit account."""
    consent = {"sweeps": True, "above_fen": 100_500}
    order = alice.signed(orders_pb2.SweepOrder, sequence=alice.next(), **consent)
    system.bank.sweep_orders.order(order)
    lost.come_back()
    bob.exchange(1_000)
    before = system.bank.wallets.state(alice.wallet).deposit_fen or 0
    bob.pay(alice.number, 700)
    shown = system.bank.wallets.state(alice.wallet)
    assert (shown.available_fen, shown.deposit_fen) == (100_500, before + 200)
    order = alice.signed(orders_pb2.SweepOrder, sequence=alice.next())
    system.bank.sweep_orders.order(order)
    bob.pay(alice.number, 100)
    assert alice.fen == 100_600
    system.check_books()


def test_a_phone_that_was_cut_off_in_the_lost_time_is_cut_off_by_the_same_list_again(
    system: System, alice: Holder, bob: Holder, tmp_path: Path
) -> None:
    """The copy takes it again. Whoever cut it off notices: their orders are of a list that the bank
    does not know, until they set it anew.
    """
    lost_phone, ben = signers.first(alice), signers.Member(system, alice.number, 1)
    signers.listed(lost_phone, [lost_phone, ben])
    copied = sqlite3.connect(tmp_path / "copy.db")
    with closing(copied), closing(sqlite3.connect(str(system.engine.url.database))) as newest:
        newest.backup(copied)
        signers.listed(ben, [ben])
        ben.pay(bob.number, 1)
        assert refused_for(lost_phone.pay, bob.number, 1) == "SIGNATURE_INVALID"
        later = ben.order(bob.number, 2)
        system.engine.dispose()
        copied.backup(newest)
    system.restart()
    Lost(system).come_back()
    lost_phone.sequence = 0
    assert lost_phone.pay(bob.number, 1).state == SETTLED
    assert refused_for(system.bank.payments.pay, later, 0.0) == "SEQUENCE_INVALID"
    signers.listed(ben, [ben])
    assert refused_for(lost_phone.pay, bob.number, 1) == "SIGNATURE_INVALID"
    system.bank.payments.pay(later, 0.0)
    system.check_books()
