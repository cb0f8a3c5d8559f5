"""An entry that cannot be applied stops the feed where it stands, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from dcep.bank.v1 import states_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.feed.chain import FeedBroken
from operator_bank.limits import FEED_AGAIN_MS
from settlement.limits import MAX_AMOUNT_FEN
from tests.operator_bank.system import FOREIGN, VAULT_FEN, Holder, System

PENDING = states_pb2.PAYMENT_STATE_PENDING
R = registration_pb2
NOT_OURS = 999_999


def of_nobody(**changes: Any) -> dict[str, Any]:
    payment = {"number": 1, "payment_id": "x-1", "payer_number": FOREIGN, "amount_fen": 5}
    payment |= {"payee_number": FOREIGN, "created_time_ms": 1, "expires_time_ms": 2}
    return {"incoming": R.OutboundPayment(**{**payment, **changes})}


def settled(number: int, **payment: Any) -> dict[str, Any]:
    about = R.OutboundPayment(number=number, **payment).SerializeToString() if payment else b""
    return {"outgoing_settled": R.OutgoingSettled(number=number, payment=about)}


def ended(
    number: int, state: R.OutcomeState = R.OUTCOME_STATE_REFUSED, **about: Any
) -> dict[str, Any]:
    return {"outgoing_ended": R.OutgoingEnded(number=number, state=state, **about)}


BROKEN: dict[str, dict[str, Any]] = {
    "nothing": {},
    "settles what is not ours": settled(NOT_OURS, amount_fen=5),
    "settles number 0": settled(0, amount_fen=5),
    "settles a number beyond every journal": settled(2**64 - 1, amount_fen=5),
    "ends what is not ours": ended(NOT_OURS, payment=b""),
    "makes tokens of what is not ours": {
        "tokens_registered": R.TokensRegistered(number=NOT_OURS, amount_fen=5)
    },
    "deposits what is not ours": {
        "tokens_deposited": R.TokensDeposited(number=NOT_OURS, amount_fen=5, whole_fen=5)
    },
    "restores what is not ours": {"tokens_restored": R.TokensRestored(number=2**63, amount_fen=5)},
    "redeems what was not reserved": {"redeemed": R.Redeemed(number=1, amount_fen=5)},
    "redeems what has no number": {"redeemed": R.Redeemed(amount_fen=5)},
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
    "brings a return without an end": of_nobody(returns_payment_id="x" * 1_600),
    "brings bytes that are no payment": {"incoming": R.Incoming(payment=b"\xff\xff")},
}


@pytest.mark.parametrize("event", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_before_it_is_applied_and_what_is_behind_it_waits(
    system: System, alice: Holder, event: dict[str, Any]
) -> None:
    paid = alice.pay(FOREIGN, 700)
    before = system.entry(issued=R.Issued(amount_fen=7))
    broken = system.entry(**event)
    system.entry(outgoing_settled={"number": paid.number})

    for _ in range(2):
        assert not system.bank.follower.step()
        stopped = system.bank.follower.stopped
        assert stopped is not None
        assert f"entry {broken.number} " in stopped.cause
        assert system.bank.follower.place.number == before.number
        assert (alice.fen, alice.held_fen) == (99_300, 700)
        # The bank goes on, as long as it runs and after a restart.
        alice.exchange(1_000)
        alice.exchange(1_000, out=True)
        system.restart()


def test_after_a_restart_it_stands_at_the_same_entry_and_no_money_is_missing(
    system: System,
) -> None:
    system.entry(redeemed=R.Redeemed(number=1, amount_fen=5_000))
    system.entry(issued=R.Issued(amount_fen=7))
    for _ in range(3):
        assert not system.restart().follower.step()
        assert system.bank.vault.books().mirror_fen == -VAULT_FEN

    # What was in its way is gone: the same entry is applied, and the next one after it.
    system.bank.vault.reserve_for_redemption(1, 5_000)
    assert not system.bank.follower.step(), "not asked for again at once"
    system.clock.advance(FEED_AGAIN_MS)
    assert system.bank.follower.step()
    assert system.bank.follower.stopped is None
    assert system.bank.vault.books().mirror_fen == -VAULT_FEN + 5_000 - 7


def test_a_clock_that_is_set_back_keeps_it_stopped_no_longer(system: System) -> None:
    system.entry(redeemed=R.Redeemed(number=1, amount_fen=5_000))
    assert not system.bank.follower.step()
    system.bank.vault.reserve_for_redemption(1, 5_000)
    system.clock.set_back(3_600_000)
    system.clock.advance(FEED_AGAIN_MS)
    assert system.bank.follower.step()


def test_a_payment_ends_once(system: System, alice: Holder) -> None:
    first, second = (alice.pay(FOREIGN, fen) for fen in (700, 50))
    system.hear(outgoing_settled={"number": first.number})
    assert (alice.fen, alice.held_fen) == (99_250, 50)
    refused = {"state": R.OUTCOME_STATE_REFUSED}
    for again, end in (("outgoing_settled", {}), ("outgoing_ended", refused)):
        with pytest.raises(FeedBroken, match="which has ended"):
            system.hear(**{again: {"number": first.number} | end})
    with pytest.raises(FeedBroken, match="no end"):
        system.hear(outgoing_ended={"number": second.number, "state": R.OUTCOME_STATE_PENDING})
    assert system.bank.outgoing.state(second.number) == (PENDING, 0)
    system.entry(outgoing_settled={"number": second.number})
    system.entry(outgoing_ended={"number": second.number, "state": R.OUTCOME_STATE_REFUSED})
    with pytest.raises(FeedBroken, match="which has ended"):
        system.deliver()
    assert (alice.fen, alice.held_fen) == (99_250, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"amount_fen": 701},
        {"payee_number": "6202000000000029"},
        {"payer_number": "6201000000009997"},
        {"payment_id": "6201000000000012-9"},
        {"memo": "another"},
        {"expires_time_ms": 1},
        {"returns_payment_id": "x"},
        {"number": 5},
    ],
)
@pytest.mark.parametrize("event", ["outgoing_settled", "outgoing_ended"])
def test_a_word_about_another_payment_than_was_sent_ends_nothing(
    system: System, alice: Holder, change: dict[str, Any], event: str
) -> None:
    paid = alice.pay(FOREIGN, 700)
    system.bank.send()
    [sent] = system.central.submitted
    for name, value in change.items():
        setattr(sent, name, value)
    about = {"number": paid.number, "payment": sent.SerializeToString()}
    if event == "outgoing_ended":
        about["state"] = R.OUTCOME_STATE_REFUSED
    with pytest.raises(FeedBroken, match=f"outbound {paid.number} as of"):
        system.hear(**{event: about})
    assert (alice.fen, alice.held_fen) == (99_300, 700)


def test_other_bytes_of_the_same_payment_are_the_same_word(system: System, alice: Holder) -> None:
    paid = alice.pay(FOREIGN, 700)
    system.bank.send()
    number = R.OutboundPayment(number=paid.number).SerializeToString()
    sent = system.central.submitted[0]
    sent.number = 0
    system.hear(
        outgoing_settled={"number": paid.number, "payment": sent.SerializeToString() + number}
    )
    assert (alice.fen, alice.held_fen) == (99_300, 0)


def test_tokens_are_not_made_of_a_payment(system: System, alice: Holder) -> None:
    paid = alice.pay(FOREIGN, 700)
    tokens = R.TokensRegistered(number=paid.number, amount_fen=700, certificate_digest=bytes(32))
    with pytest.raises(FeedBroken, match="which is a payment"):
        system.hear(tokens_registered=tokens)
    with pytest.raises(FeedBroken, match="which is a payment"):
        system.hear(**ended(paid.number, load=tokens))
    with pytest.raises(FeedBroken, match="which made none"):
        system.hear(tokens_restored=R.TokensRestored(number=paid.number, amount_fen=700))


def test_a_deposit_of_other_tokens_than_were_sent_is_not_credited(
    system: System, alice: Holder
) -> None:
    deposit = system.depositing(alice, 30)
    deposit.payment_digest = b"\x01" * 32
    with pytest.raises(FeedBroken, match="with other tokens"):
        system.hear(tokens_deposited=deposit)
    assert alice.fen == 100_000


def test_no_more_is_redeemed_than_was_reserved_for_it_and_only_once(system: System) -> None:
    system.bank.vault.reserve_for_redemption(1, 4_000)
    system.bank.vault.reserve_for_redemption(2, 1_000)
    for wrong in (3_000, 5_000):
        with pytest.raises(FeedBroken, match=f"{wrong} fen where 4000"):
            system.hear(redeemed=R.Redeemed(number=1, amount_fen=wrong))
    first = system.entry(redeemed=R.Redeemed(number=1, amount_fen=4_000))
    system.entry(redeemed=R.Redeemed(number=1, amount_fen=4_000))
    with pytest.raises(FeedBroken, match="4000 fen of 1000"):
        system.deliver()
    assert system.bank.follower.place.number == first.number


def test_an_entry_with_more_than_this_bank_understands_is_not_applied(system: System) -> None:
    entry = system.entry(issued=R.Issued(amount_fen=7))
    system.central.teller.said[-1] = entry.SerializeToString() + b"\xa8\x06\x01"
    with pytest.raises(FeedBroken, match="does not know"):
        system.deliver()
    assert system.bank.follower.place.number == 1
