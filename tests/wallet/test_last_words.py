"""A wallet gives up an order, and a device a piece of money, on a last word only."""

from __future__ import annotations

from typing import Any

import pytest

from dcep.bank.v1 import offline_pb2, orders_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from offline_token.ruling import End
from runtime.errors import NoAnswer, Refusal, is_undecided
from tests.offline.devices import ruled
from tests.offline.signers import Signers
from tests.wallet.apps import MakeApp
from tests.wallet.fake_bank import FakeBank
from wallet.app import App
from wallet.secure_element.interface import PieceState

UNDECIDED = [
    reason
    for reason in errors_pb2.Reason.values()
    if is_undecided(reason) and reason != errors_pb2.REASON_UNSPECIFIED
]
OF_THE_ORDER = [
    errors_pb2.REASON_EXPIRED,
    errors_pb2.REASON_WALLET_FROZEN,
    errors_pb2.REASON_WALLET_CLOSED,
    errors_pb2.REASON_FIELD_INVALID,
    errors_pb2.REASON_SIGNATURE_INVALID,
]


@pytest.fixture
def alice(make_app: MakeApp, bank: FakeBank) -> App:
    bank.signers = Signers()
    app = make_app("alice")
    app.holder().top_up(10_000)
    app.loading().load(100)
    return app


def states(app: App) -> list[PieceState]:
    return [piece.state for piece in app.device.holdings.pieces()]


def refusing(reason: int, **metadata: str) -> Any:
    def no(*_: Any) -> Any:
        raise Refusal(reason, "no", **metadata)

    return no


@pytest.mark.parametrize("reason", UNDECIDED)
def test_an_order_outlives_a_refusal_that_decides_nothing(
    make_app: MakeApp, alice: App, bank: FakeBank, reason: int
) -> None:
    bob = make_app("bob").profile().number
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank, "pay", refusing(reason))
        with pytest.raises(NoAnswer, match="no"):
            alice.holder().pay(bob, 100)
    placed = alice.holder().pay(bob, 100)
    assert placed.resent
    assert bank.accounts[bob].available_fen == 100


@pytest.mark.parametrize("reason", UNDECIDED)
def test_a_piece_stays_set_aside_while_nothing_is_decided(
    alice: App, bank: FakeBank, reason: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank, "deposit_tokens", refusing(reason))
        with pytest.raises(NoAnswer):
            alice.loading().deposit()
        assert states(alice) == [PieceState.DEPOSITING]
        assert alice.offline_payments().balance_fen() == 0
    assert alice.loading().deposit().amount_fen == 100


@pytest.mark.parametrize("reason", OF_THE_ORDER)
def test_a_piece_outlives_an_order_that_was_refused(
    alice: App, bank: FakeBank, reason: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank, "deposit_tokens", refusing(reason))
        done = alice.loading().deposit()
    assert [refusal.reason for refusal in done.refused] == [reason]
    assert states(alice) == [PieceState.DEPOSITING]
    assert alice.loading().deposit().amount_fen == 100, "by another order"


@pytest.mark.parametrize(
    "reason", [errors_pb2.REASON_TOKEN_INVALID, errors_pb2.REASON_ALREADY_DEPOSITED]
)
def test_a_bank_cannot_end_a_piece(alice: App, bank: FakeBank, reason: int) -> None:
    """It says that a piece is bad, or gone, and has no word of the root to show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank, "deposit_tokens", refusing(reason, ruling="f" * 214))
        done = alice.loading().deposit()
    assert [refusal.reason for refusal in done.refused] == [reason]
    assert states(alice) == [PieceState.DEPOSITING]
    assert alice.loading().deposit().amount_fen == 100, "signed over anew"


@pytest.mark.parametrize("end", End)
def test_a_piece_ends_by_the_word_of_the_root(alice: App, bank: FakeBank, end: End) -> None:
    def no(envelope: SignedEnvelope) -> Any:
        order = orders_pb2.DepositOrder.FromString(envelope.payload)
        assert bank.signers is not None
        ruling = ruled(bank.signers, order.nonce + order.offline_payment, end)
        raise Refusal(errors_pb2.REASON_TOKEN_INVALID, "no", ruling=ruling.hex())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank, "deposit_tokens", no)
        alice.loading().deposit()
    assert states(alice) == ([] if end == End.DEPOSITED else [PieceState.REFUSED])
    assert alice.loading().deposit().amount_fen == 0


def test_its_holder_sees_what_a_piece_waits_for(alice: App, bank: FakeBank) -> None:
    waits = offline_pb2.DepositTokensResponse(
        state=states_pb2.PAYMENT_STATE_PENDING, reason=errors_pb2.REASON_RESERVES_SHORT
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank, "deposit_tokens", lambda order: waits)
        assert alice.loading().deposit().pending == 1
    assert [piece.reason for piece in alice.device.holdings.pieces()] == ["RESERVES_SHORT"]
    assert alice.loading().deposit().amount_fen == 100


def test_a_deposit_without_an_answer_is_not_given_up_when_its_order_is_old(
    alice: App, bank: FakeBank, clock: Any
) -> None:
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        alice.loading().deposit()
    clock.advance(48 * 3_600_000)
    (left,) = alice.holder().unanswered()
    assert left.startswith(alice.profile().number)
