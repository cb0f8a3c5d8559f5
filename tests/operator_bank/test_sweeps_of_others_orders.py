"""A wallet that sweeps is paid by a mandate, and by several who sign together."""

from __future__ import annotations

import pytest

from dcep.bank.v1 import orders_pb2
from dcep.purposes.v1 import purposes_pb2
from tests.operator_bank import asking
from tests.operator_bank.mandates import ask, became, given, spent_fen, states
from tests.operator_bank.signers import Member, first, listed, same
from tests.operator_bank.system import DEPOSIT_FEN, FOREIGN, II, LIMITS, Holder, System

CAP = LIMITS[II][0]
HAS, LEVEL = 100_000, 101_000
PAYMENT, SWEEP = purposes_pb2.PURPOSE_PAYMENT, purposes_pb2.PURPOSE_SWEEP


@pytest.fixture
def shop(system: System) -> Holder:
    """A merchant with as much as alice, of which what is over the level goes on."""
    shop = system.open(name="Shop")
    shop.exchange(HAS)
    consent(shop, LEVEL)
    return shop


def consent(holder: Holder, above_fen: int) -> None:
    order = holder.signed(
        orders_pb2.SweepOrder, sequence=holder.next(), sweeps=True, above_fen=above_fen
    )
    assert not holder.system.bank.sweep_orders.order(order)


def deposit_fen(holder: Holder) -> int:
    fen = holder.system.bank.wallets.state(holder.wallet).deposit_fen
    assert fen is not None
    return fen


def lines(holder: Holder) -> list[tuple[int, int]]:
    """(purpose, change) of a wallet's lines, the newest first."""
    found = holder.system.bank.history.page(holder.wallet, 50, "")[0]
    return [(each.purpose, each.change_fen) for each in found]


def signed_together(company: Holder, payee: str, fen: int) -> object:
    """What becomes of a payment of a wallet whose two signers sign it."""
    system = company.system
    ann, ben = first(company), Member(system, company.number, 1)
    listed(ann, [ann, ben], threshold=2)
    order = ann.order(payee, fen)
    system.bank.together.sign_payment(order, 0.0)
    return system.bank.together.sign_payment(same(order, ben), 0.0)


def test_a_mandate_pays_a_wallet_that_sweeps(system: System, alice: Holder, shop: Holder) -> None:
    mandate = given(alice, shop.number)
    assert became(shop, mandate, 800) == "PAID"
    assert (shop.fen, deposit_fen(shop)) == (HAS + 800, DEPOSIT_FEN - HAS)
    assert became(shop, mandate, 3_000) == "PAID"
    assert (shop.fen, deposit_fen(shop)) == (LEVEL, DEPOSIT_FEN - HAS + 2_800)
    # Room is made first: so a payment that fails has swept nothing.
    assert sorted(lines(shop)[:2]) == sorted([(PAYMENT, 3_000), (SWEEP, -2_800)])
    assert alice.fen == HAS - 3_800
    assert spent_fen(alice) == [3_800]
    system.check_books()


def test_and_one_that_has_no_room_by_itself(system: System, alice: Holder, shop: Holder) -> None:
    consent(shop, 0)
    shop.exchange(CAP - HAS)
    assert became(shop, given(alice, shop.number), 3_000) == "PAID"
    assert (shop.fen, deposit_fen(shop)) == (CAP, DEPOSIT_FEN - CAP + 3_000)
    system.check_books()


def test_a_mandate_that_pays_nothing_has_nothing_swept(
    system: System, alice: Holder, shop: Holder
) -> None:
    mandate = given(alice, shop.number)
    alice.pay(FOREIGN, alice.fen - 100)
    name = ask(shop, mandate, 3_000)
    assert states(shop)[name] == ("OPEN", "") and spent_fen(alice) == [0]
    assert states(alice)[name][1]
    assert (shop.fen, deposit_fen(shop)) == (HAS, DEPOSIT_FEN - HAS)
    system.check_books()


def test_who_gave_a_mandate_may_sweep_too(system: System, alice: Holder, shop: Holder) -> None:
    """What goes out of the parent and through the mandate sweeps nothing there."""
    consent(alice, HAS - 1_000)
    mandate = given(alice, shop.number)
    assert became(shop, mandate, 3_000) == "PAID"
    assert (alice.fen, deposit_fen(alice)) == (HAS - 3_000, DEPOSIT_FEN - HAS)
    assert shop.fen == LEVEL
    system.check_books()


def test_a_request_is_paid_with_a_top_up_to_a_wallet_that_sweeps(
    system: System, alice: Holder, shop: Holder
) -> None:
    alice.pay(shop.number, 1_000)
    name = asking.ask(shop, alice.number, HAS)
    asking.pay(alice, name, HAS, top_up_fen=1_000)
    assert (alice.fen, deposit_fen(alice)) == (0, DEPOSIT_FEN - HAS - 1_000)
    assert (shop.fen, deposit_fen(shop)) == (LEVEL, DEPOSIT_FEN)
    system.check_books()


def test_several_sign_a_payment_to_a_wallet_that_sweeps(
    system: System, alice: Holder, shop: Holder
) -> None:
    signed_together(alice, shop.number, 5_000)
    assert (shop.fen, deposit_fen(shop)) == (LEVEL, DEPOSIT_FEN - HAS + 4_000)
    assert alice.fen == HAS - 5_000
    assert sorted(lines(shop)[:2]) == sorted([(PAYMENT, 5_000), (SWEEP, -4_000)])
    system.check_books()


def test_and_the_same_bytes_again_sweep_nothing_more(
    system: System, alice: Holder, shop: Holder
) -> None:
    ann, ben = first(alice), Member(system, alice.number, 1)
    listed(ann, [ann, ben], threshold=2)
    order = ann.order(shop.number, 5_000)
    system.bank.together.sign_payment(order, 0.0)
    for _ in range(3):
        system.bank.together.sign_payment(same(order, ben), 0.0)
        system.restart()
    assert (shop.fen, deposit_fen(shop)) == (LEVEL, DEPOSIT_FEN - HAS + 4_000)
    system.check_books()


def test_what_another_bank_s_mandate_pays_is_swept(system: System, shop: Holder) -> None:
    """To this bank it is a payment from a number of that bank, like any other; and one that several
    have signed is no other either.
    """
    payment = system.arriving(shop.number, 3_000)
    system.hear(incoming=payment)
    assert (shop.fen, deposit_fen(shop)) == (LEVEL, DEPOSIT_FEN - HAS + 2_000)
    system.check_books()
