"""Another key in the place of the one in a home, whatever happens meanwhile."""

from __future__ import annotations

import pytest

from dcep.bank.v1 import keys_pb2
from runtime.errors import NoAnswer
from tests.refusals import refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from wallet.app import App
from wallet.orders.bulk import BulkPayments, Wish
from wallet.orders.order_book import OrderState
from wallet.orders.types import DEPOSIT
from wallet.recovery.rotating import OrdersOpen


@pytest.fixture
def alice(make_app: MakeApp) -> App:
    home = make_app("alice")
    home.holder().top_up(10_000)
    return home


def test_the_home_goes_on_with_the_next_keys_sequences(
    alice: App, bank: FakeBank, make_app: MakeApp
) -> None:
    bob, before = make_app("bob").profile().number, bytes(alice.home.key())
    there = alice.rotate_key()
    assert bytes(alice.home.key()) != before
    assert bytes(alice.home.key().verify_key) == there.public
    assert not alice.home.has_next
    paid = alice.holder().pay(bob, 100)
    assert paid.order.sequence == (1 << 40) + 1
    alice.rotate_key()
    assert alice.holder().pay(bob, 100).order.sequence == (2 << 40) + 1
    assert bank.accounts[bob].available_fen == 200


def test_after_a_lost_answer_the_same_key_is_taken(alice: App, bank: FakeBank) -> None:
    bank.rotations_lost = 1
    with pytest.raises(NoAnswer):
        alice.rotate_key()
    kept = alice.home.seal_next(b"\x00" * 32)
    assert alice.home.has_next
    there = alice.rotate_key()
    assert there.public == bytes(kept.verify_key) == bank.accounts[there.number].key
    assert alice.holder().show().available_fen == 10_000


def test_a_payment_without_an_answer_is_looked_up_and_not_made_again(
    alice: App, bank: FakeBank, make_app: MakeApp
) -> None:
    """The key that signed it can order nothing any more; the bank's books say what it did."""
    bob = make_app("bob").profile().number
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 100)  # carried out
    bank.mute_before = 1
    with pytest.raises(NoAnswer):
        alice.holder().pay(bob, 7)  # lost on its way
    alice.rotate_key()
    assert alice.holder().pay(bob, 100).resent
    assert bank.accounts[bob].available_fen == 100
    # What never came is not said to have been paid, and is not sent under the key of before.
    assert refused_for(alice.holder().pay, bob, 7) == "EXPIRED"
    alice.holder().pay(bob, 7)
    assert bank.accounts[bob].available_fen == 107


def test_a_payroll_without_an_answer_is_looked_up(
    alice: App, bank: FakeBank, make_app: MakeApp
) -> None:
    bob = make_app("bob").profile().number
    bulk = BulkPayments(alice.submitter())
    orders = bulk.order("run", [Wish(bob, 5, ""), Wish(bob, 6, "")])
    bulk.send(orders[:1])
    alice.rotate_key()
    said = BulkPayments(alice.submitter()).send(orders[1:])
    assert [one.order.reason for one in said] != [0] and said[0].ended
    assert bank.accounts[bob].available_fen == 5


def test_orders_about_offline_money_are_answered_first(alice: App, bank: FakeBank) -> None:
    submitter = alice.submitter()

    def made(sequence: int) -> object:
        return submitter.signed(DEPOSIT, {}, b"c", sequence)

    order, _new = alice.book.add(submitter.number, None, made)  # type: ignore[arg-type]
    with pytest.raises(OrdersOpen):
        alice.rotate_key()
    assert not alice.home.has_next
    alice.book.finish(order, OrderState.DONE)
    alice.rotate_key()


def test_a_home_whose_key_was_replaced_is_told_so(
    alice: App, bank: FakeBank, make_app: MakeApp
) -> None:
    bank.replace_key(alice.profile().number, b"\x01" * 32)
    before = bytes(alice.home.key())
    assert refused_for(alice.rotate_key) == "KEY_REPLACED"
    assert bytes(alice.home.key()) == before


def test_a_bank_on_an_older_copy_is_told_once_more(
    alice: App, bank: FakeBank, make_app: MakeApp
) -> None:
    """It has forgotten the last two keys; the home has not."""
    number, bob = alice.profile().number, make_app("bob").profile().number
    before, keys = bank.accounts[number], dict(bank.keys)
    first = before.key
    alice.rotate_key()
    latest = alice.rotate_key().public
    alice.holder().pay(bob, 5)
    before.key, before.last_sequence = first, 1
    bank.keys = keys
    assert refused_for(alice.holder().show) == "SIGNATURE_INVALID"
    there = alice.rotate_key()
    # The third key was the third again before the fourth took its place.
    assert bank.keys[number, latest].state == keys_pb2.KEY_STATE_REPLACED
    assert (there.public, before.last_sequence) == (before.key, 3 << 40)
    assert alice.holder().pay(bob, 6).order.sequence == (3 << 40) + 1
    assert (alice.home.folder / "wallet.keys.before").stat().st_mode & 0o077 == 0


def test_a_bank_that_knows_none_of_a_homes_keys_is_told_nothing(alice: App, bank: FakeBank) -> None:
    alice.rotate_key()
    number, latest = alice.profile().number, bytes(alice.home.key())
    bank.accounts[number].key, bank.keys = b"\x01" * 32, {}
    assert refused_for(alice.rotate_key) == "REQUEST_UNKNOWN"
    assert bytes(alice.home.key()) == latest and not alice.home.has_next
