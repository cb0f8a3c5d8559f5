"""An entry that cannot be applied stops the feed where it stands, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from dcep.bank.v1 import bank_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.limits import FEED_AGAIN_MS
from operator_bank.payments.feed import FeedBroken
from settlement.limits import MAX_AMOUNT_FEN
from tests.operator_bank.conftest import FOREIGN, VAULT_FEN, Holder, World

PENDING = bank_pb2.PAYMENT_STATE_PENDING
R = registration_pb2
NOT_OURS = 999_999


def of_nobody(**changes: Any) -> dict[str, Any]:
    payment = {"number": 1, "payment_id": "x-1", "payer_number": FOREIGN, "amount_fen": 5}
    return {"incoming": R.Incoming(payment=R.OutboundPayment(**{**payment, **changes}))}


def settled(number: int) -> dict[str, Any]:
    return {"outgoing_settled": R.OutgoingSettled(number=number)}


def ended(number: int, state: int = R.OUTCOME_STATE_REFUSED) -> dict[str, Any]:
    return {"outgoing_ended": R.OutgoingEnded(number=number, state=state)}


BROKEN: dict[str, dict[str, Any]] = {
    "nothing": {},
    "settles what is not ours": settled(NOT_OURS),
    "settles number 0": settled(0),
    "settles a number beyond every journal": settled(2**64 - 1),
    "ends what is not ours": ended(NOT_OURS),
    "makes tokens of what is not ours": {
        "tokens_registered": R.TokensRegistered(number=NOT_OURS, amount_fen=5)
    },
    "deposits what is not ours": {
        "tokens_deposited": R.TokensDeposited(number=NOT_OURS, amount_fen=5, whole_fen=5)
    },
    "restores what is not ours": {"tokens_restored": R.TokensRestored(number=2**63, amount_fen=5)},
    "redeems what was not set aside": {"redeemed": R.Redeemed(amount_fen=5)},
    "rejects a redemption without a number": {
        "redemption_rejected": R.RedemptionRejected(amount_fen=5)
    },
    "issues nothing": {"issued": R.Issued()},
    "issues less than nothing": {"issued": R.Issued(amount_fen=-1)},
    "issues too much": {"issued": R.Issued(amount_fen=MAX_AMOUNT_FEN + 1)},
    "brings less than nothing": of_nobody(amount_fen=-5),
    "brings an id that no column takes": of_nobody(payment_id="x" * 81),
    "brings an id that PostgreSQL takes for no text": of_nobody(payment_id="x\0"),
    "brings a payer without a number": of_nobody(payer_number="6" * 17),
    "brings a return without an end": of_nobody(returns_payment_id="x" * 16_000),
    "brings more than a journal notes": of_nobody(memo="x" * 20_000),
}


@pytest.mark.parametrize("event", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_before_it_is_applied_and_what_is_behind_it_waits(
    world: World, alice: Holder, event: dict[str, Any]
) -> None:
    paid = alice.pay(FOREIGN, 700)
    before = world.entry(issued=R.Issued(amount_fen=7))
    broken = world.entry(**event)
    behind = world.entry(**settled(paid.number))
    world.central.told = [before, broken, behind]

    for _ in range(2):
        assert not world.bank.follower.step()
        stopped = world.bank.follower.stopped
        assert stopped is not None
        assert f"entry {broken.position} " in stopped.cause
        assert world.bank.follower.position() == before.position
        assert (alice.fen, alice.held_fen) == (99_300, 700)
        # The bank goes on, as long as it runs and after a restart.
        alice.exchange(1_000)
        alice.exchange(1_000, out=True)
        world.restart()


def test_after_a_restart_it_stands_at_the_same_entry_and_no_money_is_missing(
    world: World,
) -> None:
    redeemed = world.entry(redeemed=R.Redeemed(amount_fen=5_000))
    world.central.told = [redeemed, world.entry(issued=R.Issued(amount_fen=7))]
    for _ in range(3):
        assert not world.restart().follower.step()
        assert world.bank.vault.books().mirror_fen == -VAULT_FEN

    # What was in its way is gone: the same entry is applied, and the next one after it.
    world.bank.vault.set_aside(1, 5_000)
    assert not world.bank.follower.step(), "not asked for again at once"
    world.clock.advance(FEED_AGAIN_MS)
    assert world.bank.follower.step()
    assert world.bank.follower.stopped is None
    assert world.bank.vault.books().mirror_fen == -VAULT_FEN + 5_000 - 7


def test_a_payment_ends_once(world: World, alice: Holder) -> None:
    first, second = (alice.pay(FOREIGN, fen) for fen in (700, 50))
    twice = [world.entry(**settled(first.number)), world.entry(**ended(first.number))]
    with pytest.raises(FeedBroken, match="which has ended"):
        world.bank.follower.apply(twice)
    assert (alice.fen, alice.held_fen) == (99_250, 50)
    with pytest.raises(FeedBroken, match="which has ended"):
        world.hear(**settled(first.number))
    with pytest.raises(FeedBroken, match="no end"):
        world.hear(**ended(second.number, R.OUTCOME_STATE_PENDING))
    assert world.bank.outgoing.state(second.number) == (PENDING, 0)


def test_tokens_are_not_made_of_a_payment(world: World, alice: Holder) -> None:
    paid = alice.pay(FOREIGN, 700)
    with pytest.raises(FeedBroken, match="which is a pay"):
        world.hear(tokens_registered=R.TokensRegistered(number=paid.number, amount_fen=700))
    with pytest.raises(FeedBroken, match="which made none"):
        world.hear(tokens_restored=R.TokensRestored(number=paid.number, amount_fen=700))


def test_no_more_is_redeemed_than_was_set_aside(world: World) -> None:
    world.bank.vault.set_aside(1, 4_000)
    entries = [world.entry(redeemed=R.Redeemed(amount_fen=3_000)) for _ in range(2)]
    with pytest.raises(FeedBroken, match="3000 fen of 1000"):
        world.bank.follower.apply(entries)
    assert world.bank.follower.position() == entries[0].position
