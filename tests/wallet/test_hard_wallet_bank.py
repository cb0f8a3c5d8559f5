"""A hard wallet loads and deposits, with one wallet or with several."""

from __future__ import annotations

import pytest

from dcep.bank.v1 import offline_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from offline_token.formats import Payment
from runtime.clock import ManualClock
from runtime.errors import BadAnswer, NoAnswer, Refusal
from tests.offline.devices import WALLET, make_device, ruled
from tests.offline.signers import DAY, NOW, Signers
from tests.refusals import refused_because, refused_for
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from tests.wallet.held_cards import Held, paid_by, took
from wallet.offline.outcomes import LinkError
from wallet.offline.payments import Lapsed, NotTaken
from wallet.orders.types import LOAD


def test_loading_and_depositing(signers: Signers) -> None:
    held = Held(signers)
    card = held.owners()
    own = held.hard.element.keys.public_key()
    tokens = [signers.mint(own, 1, number=900 + at).token.encode() for at in range(150)]
    card.holdings.load(tokens)
    assert card.holdings.balances().held_fen == 150
    pieces = card.deposits.begin("alpha", WALLET)
    assert len(pieces) == 150 and card.holdings.balances().held_fen == 0
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


@pytest.mark.parametrize(
    "sends", ["less", "what it has sent before", "one of two twice", "what expired long ago"]
)
def test_a_bank_that_sends_less_than_a_load_has_ordered_is_not_believed(
    signers: Signers,
    make_app: MakeApp,
    bank: FakeBank,
    monkeypatch: pytest.MonkeyPatch,
    sends: str,
) -> None:
    bank.signers = signers
    make_app().holder().top_up(1_000)
    held = Held(signers)
    make_app().loading(held.owners()).load(100)
    honest = bank.load_tokens

    def load_tokens(order: SignedEnvelope) -> offline_pb2.LoadTokensResponse:
        answer = honest(order)
        wanted = orders_pb2.LoadOrder.FromString(order.payload)
        half = signers.mint(wanted.device_key, 50, number=77).token.encode()
        earlier = [piece.chain for piece in held.store.read().pieces]
        before = Payment.decode(bytes.fromhex(earlier[0])).chains[0].token.encode()
        old = signers.mint(wanted.device_key, 100, number=78, expires=NOW - 110 * DAY)
        tokens = {
            "less": [half],
            "what it has sent before": [before],
            "what expired long ago": [old.token.encode()],
        }.get(sends, [half, half])
        return offline_pb2.LoadTokensResponse(state=answer.state, tokens=tokens)

    monkeypatch.setattr(bank, "load_tokens", load_tokens)
    with pytest.raises(BadAnswer, match=r"for a load of 1\.00 yuan"):
        make_app().loading(held.owners()).load(100, anew=True)


def test_a_load_whose_answer_comes_after_its_tokens_have_lapsed_is_not_told_as_loaded(
    signers: Signers, make_app: MakeApp, bank: FakeBank, clock: ManualClock
) -> None:
    bank.signers = signers
    make_app().holder().top_up(1_000)
    held = Held(signers)
    bank.mute_kind = orders_pb2.LoadOrder
    with pytest.raises(NoAnswer):
        make_app().loading(held.owners()).load(100)
    clock.advance(191 * DAY)
    later = signers.bundle(created_time_ms=NOW + 191 * DAY)
    held.hard.element.trust.follow(signers.root_public + later.encode())
    with pytest.raises(Lapsed, match=r"1\.00 yuan of this load expired so long ago") as told:
        make_app().loading(held.owners()).load(100)
    assert "comes back into the wallet" in told.value.following
    assert held.balance == 0
    assert make_app().submitter().unanswered(LOAD) == [], "the load is done, and not sent again"


def test_a_card_that_is_taken_away_after_its_deposits_has_deposited(
    signers: Signers, make_app: MakeApp, bank: FakeBank
) -> None:
    """Afterwards it would only be given what is new: a bundle, a certificate."""
    bank.signers = signers
    make_app().holder().top_up(1_000)
    held = Held(signers)
    make_app().loading(held.owners()).load(100)
    card = held.owners()

    def gone() -> bool:
        raise LinkError("the card was taken away")

    card.keys.certified = gone  # type: ignore[method-assign]
    assert make_app().loading(card).deposit().amount_fen == 100


def ruled_to_hold(signers: Signers, held: Held, most_fen: int) -> None:
    """The central bank's rule for what one may hold, which the card has heard of."""
    bundle = signers.bundle(created_time_ms=NOW, max_holding_fen=most_fen)
    held.hard.element.trust.follow(signers.root_public + bundle.encode())


def test_a_load_over_the_central_banks_rule_leaves_the_money_in_the_wallet(
    signers: Signers, make_app: MakeApp, bank: FakeBank
) -> None:
    bank.signers = signers
    make_app().holder().top_up(1_000)
    held = Held(signers)
    ruled_to_hold(signers, held, 150)
    make_app().loading(held.owners()).load(100)
    before = len(bank.received)
    no = refused_because(
        errors_pb2.REASON_OVER_BALANCE_CAP, make_app().loading(held.owners()).load, 100
    )
    assert "the central bank's limit" in no.message
    assert len(bank.received) == before
    make_app().loading(held.owners()).load(50)
    (account,) = bank.accounts.values()
    assert (held.balance, account.available_fen) == (150, 850)


def test_a_card_without_room_for_the_pieces_of_a_load_is_not_loaded(
    signers: Signers, make_app: MakeApp, bank: FakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.signers = signers
    make_app().holder().top_up(1_000)
    held = Held(signers, *[1] * 5)
    monkeypatch.setattr("wallet.secure_element.pieces.MAX_PIECES", 20)
    loading = make_app().loading(held.owners())
    assert "deposit some" in refused_because(errors_pb2.REASON_OVERLOADED, loading.load, 1).message
    monkeypatch.setattr("wallet.secure_element.pieces.MAX_PIECES", 21)
    loading.load(1)
    (account,) = bank.accounts.values()
    assert (held.balance, account.available_fen) == (6, 999)


def test_what_is_on_its_way_to_a_card_takes_up_its_room(
    signers: Signers, make_app: MakeApp, bank: FakeBank
) -> None:
    bank.signers = signers
    make_app().holder().top_up(1_000)
    held = Held(signers)
    ruled_to_hold(signers, held, 150)
    bank.mute_kind = orders_pb2.LoadOrder
    with pytest.raises(NoAnswer):
        make_app().loading(held.owners()).load(100)
    loading = make_app().loading(held.owners())
    no = refused_because(errors_pb2.REASON_OVER_BALANCE_CAP, loading.load, 60)
    assert "1.00 yuan of loads without an answer count too" in no.message
    with pytest.raises(Refusal):
        loading.load(100, anew=True)
    assert loading.load(100).resent
    (account,) = bank.accounts.values()
    assert (held.balance, account.available_fen) == (100, 900)


def test_a_load_that_a_card_has_no_room_for_any_more_waits_for_it(
    signers: Signers, make_app: MakeApp, bank: FakeBank
) -> None:
    """Somebody pays the card after it has said that there is room."""
    bank.signers = signers
    make_app().holder().top_up(1_000)
    held, payer = Held(signers), make_device(signers, "bob", 60)
    ruled_to_hold(signers, held, 150)
    request = held.owners().request(60)
    bank.mute_kind = orders_pb2.LoadOrder
    with pytest.raises(NoAnswer):
        make_app().loading(held.owners()).load(100)
    held.owners().accept(payer.element.payer.pay(request))
    with pytest.raises(NotTaken, match="the central bank's limit") as caught:
        make_app().loading(held.owners()).load(100)
    assert "--deposit" in caught.value.following
    took(make_device(signers, "carol"), held.owners(), 60)
    assert make_app().loading(held.owners()).load(100).resent
    assert make_app().loading(held.owners()).deposit().amount_fen == 100
    (account,) = bank.accounts.values()
    assert (held.balance, account.available_fen) == (0, 1_000)
