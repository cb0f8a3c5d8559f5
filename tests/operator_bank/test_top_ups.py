"""Payments that take what the wallet lacks from the deposit account: both happen, or neither."""

from __future__ import annotations

import pytest

from dcep.bank.v1 import states_pb2
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from operator_bank.ledger import accounts
from operator_bank.payments.rows import Paid
from runtime.errors import Refusal
from tests.operator_bank.system import DEPOSIT_FEN, FOREIGN, II, IV, LIMITS, Holder, System
from tests.refusals import refused, refused_for

SETTLED, REFUSED = states_pb2.PAYMENT_STATE_SETTLED, states_pb2.PAYMENT_STATE_REFUSED
HAS = 100_000


def deposit_fen(holder: Holder) -> int:
    fen = holder.system.bank.wallets.state(holder.wallet).deposit_fen
    assert fen is not None
    return fen


def line(holder: Holder) -> tuple[int, int, int]:
    """(change, top-up, balance) of a wallet's newest line, in fen."""
    newest = holder.system.bank.history.page(holder.wallet, 50, "")[0][0]
    return newest.change_fen, newest.top_up_fen, newest.balance_after_fen


def test_what_the_wallet_lacks_comes_from_the_deposit(
    system: System, alice: Holder, bob: Holder
) -> None:
    alice.pay(bob.number, HAS - 500)
    had_fen = deposit_fen(alice)
    paid = alice.pay(bob.number, 2_000, top_up_fen=1_500)
    assert paid.state == SETTLED
    assert (alice.fen, deposit_fen(alice)) == (0, had_fen - 1_500)
    assert bob.fen == HAS - 500 + 2_000
    assert line(alice) == (-500, 1_500, 0)
    assert line(bob) == (2_000, 0, bob.fen)
    lines = system.bank.history.page(alice.wallet, 50, "")[0]
    assert [one.balance_after_fen for one in lines] == [0, 500, HAS]
    assert sum(one.change_fen for one in lines) == alice.fen
    assert system.bank.history.get(alice.wallet, paid.payment_id).top_up_fen == 1_500


def test_more_than_is_lacking_stays_in_the_wallet(alice: Holder, bob: Holder) -> None:
    alice.pay(bob.number, 2_000, top_up_fen=2_000)
    assert alice.fen == HAS


def test_to_another_bank_it_is_held_and_stays_in_the_wallet_if_it_is_refused(
    system: System, alice: Holder, bob: Holder
) -> None:
    alice.pay(bob.number, HAS)
    had_fen = deposit_fen(alice)
    paid = alice.pay(FOREIGN, 1_000, top_up_fen=1_000)
    assert (alice.fen, alice.held_fen) == (0, 1_000)
    assert line(alice) == (0, 1_000, 0)
    system.bank.send()
    system.turned_down(paid.number)
    assert (alice.fen, alice.held_fen, deposit_fen(alice)) == (1_000, 0, had_fen - 1_000)
    assert line(alice) == (1_000, 1_000, 1_000)
    assert system.bank.history.get(alice.wallet, paid.payment_id).state == REFUSED


def unchanged(alice: Holder, bob: Holder) -> tuple[int, ...]:
    return alice.fen, alice.held_fen, deposit_fen(alice), bob.fen


@pytest.mark.parametrize(
    ("fen", "top_up_fen", "reason", "field"),
    [
        (HAS, HAS + 1, "FIELD_INVALID", "top_up_fen"),
        (LIMITS[II][1] + 1, 1, "OVER_SINGLE_LIMIT", "amount_fen"),
    ],
)
def test_what_cannot_be_paid_pulls_nothing(
    alice: Holder, bob: Holder, fen: int, top_up_fen: int, reason: str, field: str
) -> None:
    before = unchanged(alice, bob)
    assert refused(alice.pay, bob.number, fen, top_up_fen=top_up_fen) == (reason, field)
    assert unchanged(alice, bob) == before


def test_a_payee_who_cannot_be_paid_pulls_nothing(
    system: System, alice: Holder, bob: Holder
) -> None:
    phone = system.open(phone="13800138001")
    before = unchanged(alice, bob)
    assert refused(alice.pay, phone.number, LIMITS[II][1], top_up_fen=1_000) == (
        "PAYEE_CANNOT_BE_PAID",
        "payee_number",
    )
    assert unchanged(alice, bob) == before
    newest = system.bank.history.page(alice.wallet, 1, "")[0][0]
    assert (newest.change_fen, newest.top_up_fen, newest.state) == (0, 0, REFUSED)


def test_without_a_deposit_account_there_is_a_clear_no(
    system: System, phone: Holder, bob: Holder
) -> None:
    assert refused(phone.pay, bob.number, 100, top_up_fen=100) == (
        "NO_DEPOSIT_ACCOUNT",
        "top_up_fen",
    )
    assert (phone.fen, bob.fen) == (0, 0)


def test_each_says_whose_money_was_short(system: System, alice: Holder, bob: Holder) -> None:
    system.limits[II] = (10 * DEPOSIT_FEN,) * 4
    system.publish()
    alice.exchange(DEPOSIT_FEN - HAS - 700)
    alice.pay(bob.number, alice.fen - 300)
    assert refused(alice.pay, bob.number, 1_001, top_up_fen=701) == ("DEPOSIT_SHORT", "amount_fen")
    assert refused(alice.pay, bob.number, 1_001, top_up_fen=700) == (
        "INSUFFICIENT_FUNDS",
        "amount_fen",
    )
    assert line(alice)[0] == 0
    assert alice.pay(bob.number, 1_000, top_up_fen=700).state == SETTLED
    assert (alice.fen, deposit_fen(alice)) == (0, 0)


def test_a_bank_that_is_short_itself_says_so_and_asks_for_currency(
    system: System, alice: Holder, bob: Holder
) -> None:
    alice.pay(bob.number, HAS)
    row = system.bank.books.ledger.read([accounts.VAULT])[0]
    system.bank.vault.reserve_for_redemption(1, int(row["available_fen"]))
    before = unchanged(alice, bob)
    assert refused(alice.pay, bob.number, 1_000, top_up_fen=1_000) == (
        "BANK_CANNOT_NOW",
        "amount_fen",
    )
    assert unchanged(alice, bob) == before
    system.bank.vault.drawing.step()
    assert system.central.issuance


def test_the_wallet_s_own_cap_is_not_the_payee_s(system: System, alice: Holder) -> None:
    cap_fen = LIMITS[II][0]
    alice.exchange(cap_fen - HAS)
    carol = system.open(name="Carol")
    assert refused(alice.pay, carol.number, 1_000, top_up_fen=1) == (
        "OVER_BALANCE_CAP",
        "amount_fen",
    )


def test_the_same_order_again_pulls_once(system: System, alice: Holder, bob: Holder) -> None:
    order = alice.order(bob.number, 1_000, top_up_fen=400)
    same = alice.sequence
    answers = [system.bank.payments.pay(order, 0.0)[0] for _ in range(3)]
    assert [one.repeated for one in answers] == [False, True, True]
    assert (alice.fen, deposit_fen(alice)) == (HAS - 600, DEPOSIT_FEN - HAS - 400)
    assert refused(alice.pay, bob.number, 1_000, top_up_fen=401, sequence=same) == (
        "ID_REUSED",
        "sequence",
    )
    assert refused(alice.pay, bob.number, 1_000, sequence=same) == (
        "ID_REUSED",
        "sequence",
    )
    system.restart()
    assert system.bank.payments.pay(order, 0.0)[0].repeated
    assert deposit_fen(alice) == DEPOSIT_FEN - HAS - 400


def test_single_payments_of_many_at_once(system: System, alice: Holder, bob: Holder) -> None:
    orders = [
        alice.order(bob.number, 10),
        alice.order(bob.number, 1_000, top_up_fen=1_000),
        bob.order(alice.number, 5_000, top_up_fen=5_000),
        alice.order(bob.number, LIMITS[II][1] + 1, top_up_fen=1),
        alice.order(bob.number, 20),
    ]
    answers = system.bank.payments.pay_together(orders)
    reasons = [one.reason if isinstance(one, Refusal) else 0 for one in answers]
    assert reasons == [0, 0, 0, errors_pb2.REASON_OVER_SINGLE_LIMIT, 0]
    assert (alice.fen, bob.fen) == (HAS - 10 + 5_000 - 20, 10 + 1_000 + 20)
    assert not isinstance(answers[0], Refusal)
    assert answers[0].available_fen == alice.fen


def test_refused_top_ups_of_one_hold_up_nobody_in_the_same_group(
    system: System, alice: Holder, bob: Holder
) -> None:
    """A commit for each, and everybody's payments would wait for all of them."""
    phone, full = system.open(phone="13800138001"), LIMITS[IV][0] + 1
    before = system.bank.books.journal.tip().seq
    orders = [phone.order(bob.number, full, top_up_fen=full) for _ in range(40)]
    answers = system.bank.payments.pay_together([*orders, alice.order(bob.number, 2)])
    assert {getattr(one, "name", "") for one in answers[:-1]} == {"OVER_BALANCE_CAP"}
    assert bob.fen == 2
    assert system.bank.books.journal.tip().seq <= before + 2


def test_not_in_a_bulk_call(system: System, alice: Holder, bob: Holder) -> None:
    orders = [alice.order(bob.number, 10), alice.order(bob.number, 10, top_up_fen=10)]
    first, second = system.bank.payments.pay_many(orders)
    assert isinstance(first, Paid)
    assert isinstance(second, Refusal)
    assert (second.reason, second.field) == (errors_pb2.REASON_FIELD_INVALID, "top_up_fen")
    assert bob.fen == 10


def test_a_frozen_or_closed_wallet_pulls_nothing(
    system: System, alice: Holder, bob: Holder
) -> None:
    alice.pay(bob.number, HAS)
    system.bank.wallets.close(alice.closing())
    had_fen = system.bank.books.ledger.read([alice.wallet.account + 1])[0]["available_fen"]
    assert refused_for(lambda: alice.pay(bob.number, 10, top_up_fen=10)) == "WALLET_CLOSED"
    after_fen = system.bank.books.ledger.read([alice.wallet.account + 1])[0]["available_fen"]
    assert had_fen == after_fen


@pytest.mark.parametrize("who", ["payer", "payee"])
def test_who_was_frozen_is_said_the_same_way_for_ever(
    system: System, alice: Holder, bob: Holder, who: str
) -> None:
    frozen = alice if who == "payer" else bob
    order = alice.order(bob.number, 10, top_up_fen=10)
    system.both(office_pb2.FreezeWallet(wallet_number=frozen.number))
    expected = "WALLET_FROZEN" if who == "payer" else "PAYEE_CANNOT_BE_PAID"
    assert refused_for(lambda: system.bank.payments.pay(order, 0.0)) == expected
    system.both(office_pb2.UnfreezeWallet(wallet_number=frozen.number))
    assert refused_for(lambda: system.bank.payments.pay(order, 0.0)) == expected
    assert (alice.fen, bob.fen, deposit_fen(alice)) == (HAS, 0, DEPOSIT_FEN - HAS)
    told = system.bank.history.get(alice.wallet, f"{alice.number}-{alice.sequence}")
    assert told.reason == errors_pb2.Reason.Value(f"REASON_{expected}")
    assert alice.pay(bob.number, 10, top_up_fen=10).state == SETTLED


def test_arrivals_do_not_tell_of_it(system: System, alice: Holder, bob: Holder) -> None:
    begins = system.bank.books.ledger.position()
    alice.pay(bob.number, 1_000, top_up_fen=1_000)
    assert system.bank.history.arrivals(alice.wallet, begins, 10)[0] == []
    [came] = system.bank.history.arrivals(bob.wallet, begins, 10)[0]
    assert (came.change_fen, came.top_up_fen) == (1_000, 0)


def test_pages_that_end_between_its_records_add_up(
    system: System, alice: Holder, bob: Holder
) -> None:
    for _ in range(3):
        alice.pay(bob.number, 1_000, top_up_fen=400)
    lines, token = [], ""
    while True:
        page, token = system.bank.history.page(alice.wallet, 1, token)
        lines += page
        if not token:
            break
    assert [one.change_fen for one in lines] == [-600, -600, -600, HAS]
    balances = [one.balance_after_fen for one in lines]
    assert balances == [HAS - 1_800, HAS - 1_200, HAS - 600, HAS]
