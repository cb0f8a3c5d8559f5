"""What a payment brings over a level goes on to the deposit account: in the same step, or not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.office.v1 import office_pb2
from dcep.purposes.v1 import purposes_pb2
from operator_bank.limits import SWEEP_ORDERS_PER_DAY
from runtime.errors import Refusal
from tests.operator_bank.keys import replaced
from tests.operator_bank.system import DEPOSIT_FEN, FOREIGN, II, LIMITS, Holder, System
from tests.refusals import refused, refused_for

SETTLED = states_pb2.PAYMENT_STATE_SETTLED
CAP = LIMITS[II][0]
HAS = 100_000
LEVEL = 120_000


def deposit_fen(holder: Holder) -> int:
    fen = holder.system.bank.wallets.state(holder.wallet).deposit_fen
    assert fen is not None
    return fen


def consenting(holder: Holder, **values: Any) -> Any:
    values = {"sequence": holder.next(), "sweeps": True, **values}
    return holder.signed(orders_pb2.SweepOrder, **values)


def consent(holder: Holder, above_fen: int = 0, **values: Any) -> bool:
    order = consenting(holder, above_fen=above_fen, **values)
    return holder.system.bank.sweep_orders.order(order)


def lines(holder: Holder) -> list[tuple[int, int, str, int]]:
    """(purpose, change, what it belongs to, balance) of a wallet's newest lines."""
    found = holder.system.bank.history.page(holder.wallet, 50, "")[0]
    return [
        (each.purpose, each.change_fen, each.sweeps_payment_id, each.balance_after_fen)
        for each in found
    ]


PAYMENT, SWEEP = purposes_pb2.PURPOSE_PAYMENT, purposes_pb2.PURPOSE_SWEEP


@pytest.fixture
def carol(system: System) -> Holder:
    """Somebody with as much as alice."""
    carol = system.open(name="Carol")
    carol.exchange(HAS)
    return carol


def test_what_a_payment_brings_over_the_level_goes_on(
    system: System, alice: Holder, carol: Holder
) -> None:
    assert not consent(carol, LEVEL)
    had_fen = deposit_fen(carol)
    paid = alice.pay(carol.number, 15_000)
    assert (carol.fen, deposit_fen(carol)) == (HAS + 15_000, had_fen)
    paid = alice.pay(carol.number, 30_000)
    assert paid.state == SETTLED
    assert (carol.fen, deposit_fen(carol)) == (LEVEL, had_fen + HAS + 45_000 - LEVEL)
    assert lines(carol)[:2] == [
        (SWEEP, -25_000, paid.payment_id, LEVEL),
        (PAYMENT, 30_000, "", LEVEL + 25_000),
    ]
    assert sum(change for _, change, _, _ in lines(carol)) == carol.fen
    assert [change for _, change, _, _ in lines(alice)[:2]] == [-30_000, -15_000]
    system.check_books()


def test_room_is_made_first_where_the_class_allows_no_more(
    system: System, alice: Holder, carol: Holder
) -> None:
    consent(carol)
    carol.exchange(CAP - HAS)
    before = deposit_fen(carol)
    paid = alice.pay(carol.number, 700)
    assert (carol.fen, deposit_fen(carol)) == (CAP, before + 700)
    assert lines(carol)[:2] == [
        (SWEEP, -700, paid.payment_id, CAP),
        (PAYMENT, 700, "", CAP + 700),
    ]
    system.check_books()


def test_a_level_over_what_the_class_allows_is_that(alice: Holder, carol: Holder) -> None:
    consent(carol, 2 * CAP)
    carol.exchange(CAP - HAS)
    alice.pay(carol.number, 1)
    assert carol.fen == CAP


def test_without_consent_nothing_is_swept(alice: Holder, carol: Holder) -> None:
    carol.exchange(CAP - HAS)
    no = refused(alice.pay, carol.number, 1)
    assert no == ("PAYEE_CANNOT_BE_PAID", "payee_number")


def test_a_payment_that_is_refused_sweeps_nothing(
    system: System, alice: Holder, carol: Holder
) -> None:
    """Otherwise anybody could empty somebody's wallet for nothing."""
    carol.exchange(CAP - HAS)
    consent(carol, LEVEL)
    before = carol.fen, deposit_fen(carol), alice.fen
    assert refused_for(lambda: alice.pay(carol.number, HAS + 1)) == "OVER_SINGLE_LIMIT"
    alice.exchange(HAS - 10, out=True)
    before = carol.fen, deposit_fen(carol), alice.fen
    seen = lines(carol)
    for _ in range(3):
        assert refused_for(lambda: alice.pay(carol.number, 5_000)) == "INSUFFICIENT_FUNDS"
    assert (carol.fen, deposit_fen(carol), alice.fen) == before
    assert lines(carol) == seen
    assert carol.pay(alice.number, 1).state == SETTLED  # and no order of hers counts as refused


def test_the_same_order_again_sweeps_once(system: System, alice: Holder, carol: Holder) -> None:
    consent(carol, LEVEL)
    order = alice.order(carol.number, 30_000)
    answers = [system.bank.payments.pay(order, 0.0)[0] for _ in range(3)]
    assert [one.repeated for one in answers] == [False, True, True]
    assert (carol.fen, deposit_fen(carol)) == (LEVEL, DEPOSIT_FEN - HAS + 10_000)
    consent(carol, sweeps=False)
    assert system.bank.payments.pay(order, 0.0)[0].repeated
    system.restart()
    assert system.bank.payments.pay(order, 0.0)[0].repeated
    again = alice.sequence
    no = refused(alice.pay, carol.number, 30_001, sequence=again)
    assert no == ("ID_REUSED", "sequence")
    assert carol.fen == LEVEL


def test_an_order_from_before_the_consent_repeats(
    system: System, alice: Holder, carol: Holder
) -> None:
    order = alice.order(carol.number, 30_000)
    system.bank.payments.pay(order, 0.0)
    consent(carol, LEVEL)
    assert system.bank.payments.pay(order, 0.0)[0].repeated
    assert carol.fen == HAS + 30_000


def test_it_ends_with_the_order_that_ends_it(alice: Holder, carol: Holder) -> None:
    consent(carol, LEVEL)
    consent(carol, sweeps=False)
    alice.pay(carol.number, 30_000)
    assert carol.fen == HAS + 30_000


def test_an_earlier_order_does_not_come_back(system: System, alice: Holder, carol: Holder) -> None:
    order = consenting(carol, above_fen=1)
    assert not system.bank.sweep_orders.order(order)
    assert not consent(carol, LEVEL)
    assert system.bank.sweep_orders.order(order)
    alice.pay(carol.number, 10_000)
    assert carol.fen == HAS + 10_000
    system.restart()
    assert system.bank.sweep_orders.order(order)
    alice.pay(carol.number, 15_000)
    assert carol.fen == LEVEL


def test_who_has_no_deposit_account_gets_a_clear_no(system: System, phone: Holder) -> None:
    order = consenting(phone)
    for _ in range(2):
        no = refused(system.bank.sweep_orders.order, order)
        assert no[0] == "NO_DEPOSIT_ACCOUNT"


def test_nobody_consents_for_another(system: System, alice: Holder, carol: Holder) -> None:
    order = alice.signed(orders_pb2.SweepOrder, sequence=1, sweeps=True, wallet_number=carol.number)
    assert refused_for(lambda: system.bank.sweep_orders.order(order)) == "WRONG_WALLET"
    forged = consenting(carol)
    forged.signature = alice.order(carol.number, 1).signature
    assert refused_for(lambda: system.bank.sweep_orders.order(forged)) == "SIGNATURE_INVALID"


def test_a_frozen_wallet_does_not_sweep_and_does_not_consent(
    system: System, alice: Holder, carol: Holder
) -> None:
    consent(carol, LEVEL)
    system.both(office_pb2.FreezeWallet(wallet_number=carol.number))
    assert refused_for(lambda: alice.pay(carol.number, 50_000)) == "PAYEE_CANNOT_BE_PAID"
    assert refused_for(lambda: consent(carol, 1)) == "WALLET_FROZEN"
    assert (carol.fen, deposit_fen(carol)) == (HAS, DEPOSIT_FEN - HAS)


def test_orders_about_it_are_bounded(system: System, carol: Holder) -> None:
    for _ in range(SWEEP_ORDERS_PER_DAY):
        consent(carol, LEVEL)
    assert refused_for(lambda: consent(carol, sweeps=False)) == "OVERLOADED"
    system.clock.advance(86_400_001)
    assert not consent(carol, sweeps=False)


def test_many_small_arrivals_come_to_what_one_would(
    system: System, alice: Holder, carol: Holder
) -> None:
    consent(carol, LEVEL)
    for _ in range(30):
        alice.pay(carol.number, 1_000)
    assert (carol.fen, deposit_fen(carol)) == (LEVEL, DEPOSIT_FEN - HAS + 10_000)


def test_single_payments_at_once_do_not_count_on_each_other(
    system: System, alice: Holder, bob: Holder, carol: Holder
) -> None:
    consent(carol, LEVEL)
    orders = [
        alice.order(carol.number, 15_000),
        bob.order(carol.number, 9_000),  # he has nothing
        alice.order(carol.number, 15_000),
        carol.order(bob.number, 20_000),
        alice.order(carol.number, 21_000),
    ]
    answers = system.bank.payments.pay_together(orders)
    assert [isinstance(one, Refusal) for one in answers] == [False, True, False, False, False]
    assert (carol.fen, deposit_fen(carol)) == (LEVEL, DEPOSIT_FEN - HAS + 10_000 + 1_000)
    system.check_books()


def test_of_a_bulk_call_the_first_payment_to_a_wallet_sweeps(
    system: System, alice: Holder, carol: Holder
) -> None:
    consent(carol, LEVEL)
    orders = [alice.order(carol.number, 25_000), alice.order(carol.number, 5_000)]
    assert not any(isinstance(one, Refusal) for one in system.bank.payments.pay_many(orders))
    assert (carol.fen, deposit_fen(carol)) == (LEVEL + 5_000, DEPOSIT_FEN - HAS + 5_000)
    alice.pay(carol.number, 1)
    assert carol.fen == LEVEL


def test_with_a_top_up_of_its_payer_all_is_one_step(
    system: System, alice: Holder, carol: Holder
) -> None:
    consent(carol, LEVEL)
    alice.exchange(HAS, out=True)
    alice.pay(carol.number, 40_000, top_up_fen=40_000)
    assert (alice.fen, carol.fen) == (0, LEVEL)
    assert deposit_fen(carol) == DEPOSIT_FEN - HAS + 20_000
    before = carol.fen, deposit_fen(carol)
    assert refused_for(lambda: alice.pay(carol.number, 2, top_up_fen=1)) == "INSUFFICIENT_FUNDS"
    assert (carol.fen, deposit_fen(carol)) == before


def test_a_payment_from_another_bank_finds_room(system: System, carol: Holder) -> None:
    consent(carol)
    carol.exchange(CAP - HAS)
    payment = system.arriving(carol.number, 3_000)
    system.hear(incoming=payment)
    assert (carol.fen, deposit_fen(carol)) == (CAP, DEPOSIT_FEN - CAP + 3_000)
    assert lines(carol)[:2] == [
        (PAYMENT, 3_000, "", CAP),
        (SWEEP, -3_000, payment.payment_id, CAP - 3_000),
    ]
    system.check_books()


def test_arrivals_of_one_message_are_swept_one_by_one(system: System, carol: Holder) -> None:
    consent(carol, LEVEL)
    for fen in (15_000, 15_000, 400_000, 400_000):
        system.entry(incoming=system.arriving(carol.number, fen))
    system.deliver()
    # Room had to be made for the last two: what each of them has over the level stays for now.
    assert (carol.fen, deposit_fen(carol)) == (400_000, DEPOSIT_FEN - HAS + 530_000)
    system.restart()
    position = system.bank.books.ledger.position()
    system.bank.follower.step()
    assert system.bank.books.ledger.position() == position
    system.hear(incoming=system.arriving(carol.number, 1))
    assert (carol.fen, deposit_fen(carol)) == (LEVEL, DEPOSIT_FEN - HAS + 810_001)
    system.check_books()


def test_what_cannot_be_taken_all_the_same_lies_in_suspense(system: System, carol: Holder) -> None:
    """It alone is more than the wallet may have."""
    consent(carol, LEVEL)
    before = carol.fen, deposit_fen(carol)
    system.hear(incoming=system.arriving(carol.number, CAP + 1))
    assert (carol.fen, deposit_fen(carol)) == before
    assert system.bank.vault.books().suspense_fen == CAP + 1


def test_a_frozen_wallet_s_arrival_lies_in_suspense(system: System, carol: Holder) -> None:
    consent(carol, LEVEL)
    system.both(office_pb2.FreezeWallet(wallet_number=carol.number))
    system.hear(incoming=system.arriving(carol.number, 50_000))
    assert (carol.fen, deposit_fen(carol)) == (HAS, DEPOSIT_FEN - HAS)
    assert system.bank.vault.books().suspense_fen == 50_000


def test_own_money_that_comes_back_is_not_swept(system: System, carol: Holder) -> None:
    consent(carol, LEVEL)
    paid = carol.pay(FOREIGN, 60_000)
    carol.exchange(80_000)
    system.bank.send()
    system.turned_down(paid.number)
    assert carol.fen == HAS + 80_000
    system.hear(incoming=system.arriving(carol.number, 1))
    assert carol.fen == LEVEL


def test_what_is_held_counts_as_the_wallet_s(system: System, carol: Holder) -> None:
    consent(carol, LEVEL)
    carol.pay(FOREIGN, 60_000)
    system.hear(incoming=system.arriving(carol.number, 30_000))
    assert (carol.fen, carol.held_fen) == (LEVEL - 60_000, 60_000)


def test_it_ends_with_the_key_that_signed_it(system: System, alice: Holder, bob: Holder) -> None:
    """Whoever had two officers put another key in force decides anew."""
    bob.exchange(HAS)
    order = consenting(bob, above_fen=LEVEL)
    system.bank.sweep_orders.order(order)
    anew = replaced(system, bob)
    had_fen = deposit_fen(anew)
    alice.pay(bob.number, 15_000)
    system.hear(incoming=system.arriving(bob.number, 30_000))
    assert (anew.fen, deposit_fen(anew)) == (HAS + 45_000, had_fen)
    assert system.bank.sweep_orders.shown(bob.wallet.account, 1) is None
    assert refused_for(lambda: system.bank.sweep_orders.order(order)) != ""
    assert refused_for(lambda: consent(bob, 1)) != ""
    assert not consent(anew, LEVEL)
    alice.pay(bob.number, 1)
    assert anew.fen == LEVEL
    system.restart()
    assert system.bank.sweep_orders.shown(bob.wallet.account, 1) is not None


def test_a_closed_wallet_sweeps_nothing(system: System, alice: Holder, carol: Holder) -> None:
    consent(carol, LEVEL)
    carol.exchange(HAS, out=True)
    system.bank.wallets.close(carol.closing())
    assert refused_for(lambda: alice.pay(carol.number, 50_000)) == "PAYEE_CANNOT_BE_PAID"
    assert refused_for(lambda: consent(carol, 1)) == "WALLET_CLOSED"


def test_a_rolled_back_order_leaves_the_one_before(
    system: System, alice: Holder, carol: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent(carol, LEVEL)

    def gives_up(*_: Any, **__: Any) -> None:
        raise ValueError("no")

    with monkeypatch.context() as patched:
        patched.setattr("operator_bank.sweeps.consents.insert", gives_up)
        with pytest.raises(ValueError, match="no"):
            consent(carol, sweeps=False)
    alice.pay(carol.number, 30_000)
    assert carol.fen == LEVEL


def test_payments_and_orders_at_once_leave_no_less_than_the_level(
    system: System, alice: Holder, carol: Holder
) -> None:
    """Threads of a bank as it runs: whatever comes first, the books and the level hold."""
    consent(carol, LEVEL)
    payments = [alice.order(carol.number, 1_000) for _ in range(30)]
    back = [carol.order(alice.number, 700) for _ in range(30)]
    system.restart(threaded=True)
    pay = system.bank.payments.pay
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda order: pay(order, 0.0)[0].state, [*payments, *back]))
    assert set(answers) == {SETTLED}
    swept_fen = deposit_fen(carol) - (DEPOSIT_FEN - HAS)
    assert carol.fen == HAS + 30_000 - 21_000 - swept_fen
    assert carol.fen <= LEVEL
    system.check_books()
    system.bank.books.stop()
    system.restart()


def test_an_officer_s_thaw_lets_it_go_on(system: System, alice: Holder, carol: Holder) -> None:
    consent(carol, LEVEL)
    system.both(office_pb2.FreezeWallet(wallet_number=carol.number))
    system.both(office_pb2.UnfreezeWallet(wallet_number=carol.number))
    alice.pay(carol.number, 50_000)
    assert carol.fen == LEVEL
