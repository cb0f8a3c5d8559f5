"""A hard wallet loads and deposits, with one wallet or with several."""

from __future__ import annotations

import pytest

from dcep.bank.v1 import orders_pb2
from runtime.errors import NoAnswer, Refusal
from tests.offline.devices import WALLET, make_device, ruled
from tests.offline.signers import Signers
from tests.refusals import refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.held_cards import Held, paid_by


def test_loading_and_depositing(signers: Signers) -> None:
    held = Held(signers)
    card = held.owners()
    own = held.hard.element.keys.public_key()
    tokens = [signers.mint(own, 1, number=900 + at).token.encode() for at in range(150)]
    card.holdings.load(tokens)
    assert card.holdings.balance_fen() == 150
    pieces = card.deposits.begin("alpha", WALLET)
    assert len(pieces) == 150 and card.holdings.balance_fen() == 0
    card.deposits.end(pieces[0])
    card.deposits.refuse(pieces[1], ruled(signers, pieces[1]))
    assert card.deposits.begin("alpha", WALLET) == pieces[2:]
    card.deposits.refuse(pieces[2], b"whatever a reader says")
    anew = card.deposits.begin("alpha", WALLET)
    assert (anew[1:], len(anew)) == (pieces[3:], 148), "signed anew, and not ended"
    with pytest.raises(Refusal):
        card.holdings.load([b"x" * 137])


def test_a_card_that_two_wallets_load_has_a_key_for_each_and_each_deposits_its_own(
    signers: Signers, make_app: MakeApp, bank: FakeBank
) -> None:
    bank.signers = signers
    held = Held(signers)
    names = ("alice", "bob")
    for name in names:
        make_app(name).holder().top_up(1_000)
    bank.mute_kind = orders_pb2.LoadOrder
    with pytest.raises(NoAnswer):
        make_app("alice").loading(held.owners()).load(100)
    make_app("bob").loading(held.owners()).load(100)
    assert make_app("alice").loading(held.owners()).load(100).resent
    assert held.balance == 200
    orders = [orders_pb2.LoadOrder.FromString(payload) for payload in bank.received]
    found = [order for order in orders if len(order.device_key) == 32 and order.expires_time_ms]
    loads = {(order.wallet_number, order.device_key) for order in found}
    assert len(loads) == len({key for _, key in loads}) == 2
    for name in names:
        done = make_app(name).loading(held.owners()).deposit()
        assert done.amount_fen == 100
    assert held.balance == 0
    assert [account.available_fen for account in bank.accounts.values()] == [1_000, 1_000]


def test_a_card_that_two_wallets_share_cannot_be_made_to_spend_a_piece_twice(
    signers: Signers,
) -> None:
    """One wallet's deposit has no answer yet; another wallet, or a thief, asks."""
    held, bob = Held(signers, 50), make_device(signers, "bob")
    (first,) = held.owners().deposits.begin("alpha", WALLET)
    for bank, wallet in (("beta", WALLET), ("alpha", "6201000000000025")):
        assert held.owners().deposits.begin(bank, wallet) == [], "it is not of their keys"
    assert (
        refused_for(paid_by, held.again(), bob, bob.element.payee.request(20))
        == "INSUFFICIENT_FUNDS"
    )
    assert held.owners().deposits.begin("alpha", WALLET) == [first], "and the deposit is the same"
    held.owners().deposits.end(first)
    assert held.hard.element.holdings.pieces() == []
