"""No answer says "no" to what may still happen: how its bank stands is no wallet's business.

A load or a deposit that was written down is sent again until it has ended. Until then the wallet
is told that it is pending, whatever the bank's own call was refused with.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.limits import MAX_ASKING, MAX_PENDING_DEPOSITS, REFUSED_DEPOSIT_BYTES
from operator_bank.offline.tables import token_deposits
from operator_bank.payments.tables import outbound
from runtime.envelope import verify
from runtime.errors import NoAnswer, Refusal
from tests.device_keys import made_key
from tests.feeds import CENTRAL_KEY, refused_deposit
from tests.operator_bank.conftest import Holder, World

PENDING = states_pb2.PAYMENT_STATE_PENDING
REFUSED = states_pb2.PAYMENT_STATE_REFUSED
SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
OF_THE_BANK = [
    errors_pb2.REASON_BANK_SUSPENDED,
    errors_pb2.REASON_BANK_NOT_ADMITTED,
    errors_pb2.REASON_OVERLOADED,
    errors_pb2.REASON_STOPPING,
    errors_pb2.REASON_INTERNAL,
    errors_pb2.REASON_SIGNATURE_INVALID,
    errors_pb2.REASON_EXPIRED,
    errors_pb2.REASON_NOT_YET_VALID,
    errors_pb2.REASON_MESSAGE_UNREADABLE,
    errors_pb2.REASON_AMOUNT_INVALID,
]


def load_order(world: World, holder: Holder, fen: int = 5_000) -> SignedEnvelope:
    key = made_key()
    order = holder.certifying(key)
    world.bank.offline.certifying.certify(order)
    return holder.signed(
        orders_pb2.LoadOrder, sequence=holder.next(), amount_fen=fen, device_key=key
    )


def deposit_order(holder: Holder, payment: bytes = b"\0chain") -> SignedEnvelope:
    return holder.depositing(payment)


@pytest.fixture(autouse=True)
def owner(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is deposited is the wallet's."""
    monkeypatch.setattr(world.bank.offline.deposits, "_check_owners", lambda order: [])


def refuse(world: World, reason: int) -> None:
    def no(*_: Any) -> Any:
        raise Refusal(reason, "the call is refused", field="number")

    world.central.register = world.central.deposit = no  # type: ignore[method-assign]


@pytest.mark.parametrize("reason", OF_THE_BANK)
def test_a_load_whose_call_is_refused_is_pending_and_happens_later(
    world: World, alice: Holder, reason: int
) -> None:
    order = load_order(world, alice)
    refuse(world, reason)
    for _ in range(2):
        state, tokens, why = world.bank.offline.loads.load(order)
        assert (state, tokens, why) == (PENDING, [], errors_pb2.REASON_PEER_UNAVAILABLE)
    assert alice.held_fen == 5_000
    calls = []

    def yes(number: int, fen: int, *_: bytes) -> registration_pb2.RegisterTokensResponse:
        calls.append(fen)
        outcome = registration_pb2.Outcome(number=number, state=SETTLED)
        return registration_pb2.RegisterTokensResponse(outcome=outcome, tokens=[b"token"])

    world.central.register = yes  # type: ignore[method-assign]
    world.bank.offline.resending.step_loads()
    assert calls == [5_000]
    assert world.bank.offline.loads.load(order)[1] == [b"token"]


def test_a_load_that_the_feed_has_ended_is_refused_whoever_can_be_asked(
    world: World, alice: Holder
) -> None:
    order = load_order(world, alice)
    refuse(world, errors_pb2.REASON_BANK_SUSPENDED)
    world.bank.offline.loads.load(order)
    with world.engine.connect() as connection:
        number = connection.execute(select(outbound.c.number)).scalar_one()
    ended = registration_pb2.OutgoingEnded(
        number=number,
        state=registration_pb2.OUTCOME_STATE_REFUSED,
        reason=errors_pb2.REASON_DEVICE_REVOKED,
    )
    world.hear(outgoing_ended=ended)
    assert world.bank.offline.loads.load(order) == (REFUSED, [], errors_pb2.REASON_DEVICE_REVOKED)
    assert alice.held_fen == 0


@pytest.mark.parametrize("reason", OF_THE_BANK)
def test_a_deposit_whose_call_is_refused_is_pending_and_happens_later(
    world: World, alice: Holder, reason: int
) -> None:
    order = deposit_order(alice)
    refuse(world, reason)
    for _ in range(2):
        state, fen, _, why = world.bank.offline.deposits.deposit(order, 0.0)
        assert (state, fen, why) == (PENDING, 0, 0)
    sent = []

    def yes(items: Any) -> Any:
        sent.extend(item.offline_payment for item in items)
        return [registration_pb2.DepositOutcome(number=i.number, state=SETTLED) for i in items]

    world.central.deposit = yes  # type: ignore[method-assign]
    world.bank.offline.resending.step_deposits()
    assert sent == [b"\0chain"]


def test_a_deposit_that_settled_is_never_said_to_be_refused(world: World, alice: Holder) -> None:
    order = deposit_order(alice)
    refuse(world, errors_pb2.REASON_BANK_SUSPENDED)
    world.bank.offline.deposits.deposit(order, 0.0)
    world.hear(
        tokens_deposited=registration_pb2.TokensDeposited(number=1, amount_fen=7, whole_fen=7)
    )
    late = refused_deposit(1, b"\0chain", errors_pb2.REASON_ALREADY_DEPOSITED)
    with world.engine.connect() as connection:
        row = connection.execute(select(token_deposits)).one()
    world.bank.offline.deposits.end_refused(row, late)
    assert world.bank.offline.deposits.deposit(order, 0.0)[:2] == (
        states_pb2.PAYMENT_STATE_SETTLED,
        7,
    )


TAKEN = errors_pb2.REASON_ALREADY_DEPOSITED
OTHER_KEY = SigningKey(b"\x0f" * 32)


def made_up(number: int, payment: bytes) -> dict[str, registration_pb2.DepositOutcome]:
    """Refusals that the central bank has not given for this deposit, by what is wrong with them."""
    unsigned = refused_deposit(number, payment, TAKEN)
    unsigned.ClearField("refusal")
    turned = refused_deposit(number, payment, TAKEN)
    turned.refusal.signature = turned.refusal.signature[:-1] + bytes(
        [turned.refusal.signature[-1] ^ 1]
    )
    of_another = refused_deposit(number + 1, payment, TAKEN)
    of_another.number = number
    return {
        "unsigned": unsigned,
        "a turned bit": turned,
        "by another key": refused_deposit(number, payment, TAKEN, key=OTHER_KEY),
        "signed as something else": refused_deposit(number, payment, TAKEN, tag="feed-tip/v1"),
        "of another deposit": of_another,
        "of another payment": refused_deposit(number, b"\0other", TAKEN),
        "of another bank": refused_deposit(number, payment, TAKEN, bank="beta"),
    }


@pytest.mark.parametrize("wrong", list(made_up(1, b"\0chain")))
def test_a_refusal_that_the_central_bank_has_not_signed_ends_no_deposit(
    world: World, alice: Holder, wrong: str
) -> None:
    """Whoever could speak in its place would have the holder give up good money."""
    order = deposit_order(alice)
    asked: list[int] = []

    def lie(items: Any) -> Any:
        asked.append(items[0].number)
        return [made_up(items[0].number, items[0].offline_payment)[wrong]]

    world.central.deposit = lie  # type: ignore[method-assign]
    assert world.bank.offline.deposits.deposit(order, 0.0)[0] == PENDING
    world.bank.offline.resending.step_deposits()
    assert world.bank.offline.deposits.deposit(order, 0.0)[0] == PENDING
    assert asked == [1, 1, 1]


def test_a_signed_refusal_ends_a_deposit_and_is_kept(world: World, alice: Holder) -> None:
    """What it says counts, not what stands beside it."""
    order = deposit_order(alice)
    answer = refused_deposit(1, b"\0chain", TAKEN)
    answer.reason, answer.verdict = errors_pb2.REASON_TOKEN_INVALID, "BAD_SIGNATURE"
    world.central.deposit = lambda _: [answer]  # type: ignore[method-assign]
    for bank in (world.bank, world.restart()):
        with pytest.raises(Refusal) as caught:
            bank.offline.deposits.deposit(order, 0.0)
        assert (caught.value.reason, caught.value.metadata["verdict"]) == (TAKEN, "")
    with world.engine.connect() as connection:
        kept = connection.execute(select(token_deposits.c.refusal)).scalar_one()
    envelope = SignedEnvelope.FromString(kept)
    told = verify("deposit-refusal/v1", envelope, bytes(CENTRAL_KEY.verify_key))
    assert registration_pb2.DepositRefusal.FromString(told).reason == TAKEN


def test_a_wallet_fills_no_table_with_deposits_that_are_refused(
    world: World, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_bank.offline.deposits.MAX_REFUSED_DEPOSITS", 3)
    world.central.deposit = lambda items: [  # type: ignore[method-assign]
        refused_deposit(item.number, item.offline_payment, TAKEN) for item in items
    ]
    for number in range(8):
        with pytest.raises(Refusal):
            world.bank.offline.deposits.deposit(deposit_order(alice, b"\0%d" % number), 0.0)
    with world.engine.connect() as connection:
        kept = connection.execute(select(token_deposits.c.id)).scalars().all()
    assert len(kept) == 3


def test_long_deposits_that_are_refused_fill_no_disk_and_hold_up_no_payment(
    world: World, alice: Holder, bob: Holder
) -> None:
    world.central.deposit = lambda items: [  # type: ignore[method-assign]
        refused_deposit(item.number, item.offline_payment, TAKEN) for item in items
    ]

    def deposit(holder: Holder, number: int) -> Refusal:
        payment = number.to_bytes(2, "big") + bytes(16_000)
        with pytest.raises(Refusal) as caught:
            world.bank.offline.deposits.deposit(deposit_order(holder, payment), 0.0)
        return caught.value

    said = [deposit(alice, number) for number in range(40)]
    judged = [no for no in said if no.reason == TAKEN]
    assert len(judged) <= REFUSED_DEPOSIT_BYTES // 16_000 + 1
    assert {no.name for no in said[len(judged) :]} == {"TOO_MANY_REFUSALS"}
    assert deposit(bob, 100).reason == TAKEN
    assert alice.pay(bob.number, 1)
    world.clock.advance(int(said[-1].metadata["retry_time_ms"]) - world.clock.now_ms())
    assert deposit(alice, 200).reason == TAKEN


def test_the_roots_ruling_goes_on_to_the_device(world: World, alice: Holder) -> None:
    answer = refused_deposit(1, b"\0chain", TAKEN, ruling=b"r" * 107)
    world.central.deposit = lambda _: [answer]  # type: ignore[method-assign]
    with pytest.raises(Refusal) as caught:
        world.bank.offline.deposits.deposit(deposit_order(alice), 0.0)
    assert caught.value.metadata["ruling"] == (b"r" * 107).hex()


def test_a_holder_is_told_what_a_deposit_waits_for(world: World, alice: Holder) -> None:
    order = deposit_order(alice)
    short = errors_pb2.REASON_RESERVES_SHORT
    for reason in (short, 0):
        waits = registration_pb2.DepositOutcome(
            number=1, state=registration_pb2.OUTCOME_STATE_PENDING, reason=reason
        )
        world.central.deposit = lambda _, said=waits: [said]  # type: ignore[method-assign, misc]
        state, fen, _, why = world.bank.offline.deposits.deposit(order, 0.0)
        assert (state, fen, why) == (PENDING, 0, reason)


def test_a_load_is_refused_by_the_feed_and_not_by_an_answer(world: World, alice: Holder) -> None:
    order = load_order(world, alice)

    def no(number: int, *_: Any) -> registration_pb2.RegisterTokensResponse:
        state, why = registration_pb2.OUTCOME_STATE_REFUSED, errors_pb2.REASON_DEVICE_REVOKED
        outcome = registration_pb2.Outcome(number=number, state=state, reason=why)
        return registration_pb2.RegisterTokensResponse(outcome=outcome)

    world.central.register = no  # type: ignore[method-assign]
    world.bank.offline.questions.waiting = threading.BoundedSemaphore(1)
    world.bank.offline.questions.waiting.acquire()  # nobody waits for the feed here
    assert world.bank.offline.loads.load(order)[0] == PENDING
    assert alice.held_fen == 5_000


def test_what_nothing_was_written_down_for_is_asked_for_again(world: World, alice: Holder) -> None:
    world.central.silent = True
    key = made_key()
    order = alice.certifying(key)
    for call in (
        lambda: world.bank.offline.certifying.certify(order),
        world.bank.offline.trust_bundle,
    ):
        with pytest.raises(Refusal) as caught:
            call()
        assert caught.value.name == "PEER_UNAVAILABLE"


def test_few_calls_of_wallets_wait_for_a_centre_that_hangs(world: World, alice: Holder) -> None:
    asked = []

    def hang(items: Any) -> Any:
        asked.append(items)
        if len(asked) < 100:
            # As if others came while the centre hangs.
            assert world.bank.offline.deposits.deposit(deposit_order(alice), 0.0)[0] == PENDING
        raise NoAnswer("after a while")

    world.central.deposit = hang  # type: ignore[method-assign]
    assert world.bank.offline.deposits.deposit(deposit_order(alice), 0.0)[0] == PENDING
    assert len(asked) == MAX_ASKING
    assert world.bank.offline.deposits.deposit(deposit_order(alice), 0.0)[0] == PENDING
    assert len(asked) == MAX_ASKING, "and none right after a silence"


def test_a_wallet_has_a_bounded_number_of_deposits_under_way(
    world: World, alice: Holder, bob: Holder
) -> None:
    refuse(world, errors_pb2.REASON_BANK_SUSPENDED)
    first = deposit_order(alice)
    world.bank.offline.deposits.deposit(first, 0.0)
    for number in range(MAX_PENDING_DEPOSITS - 1):
        world.bank.offline.deposits.deposit(deposit_order(alice, b"chain %d" % number), 0.0)
    with pytest.raises(Refusal) as caught:
        world.bank.offline.deposits.deposit(deposit_order(alice, b"one more"), 0.0)
    assert caught.value.name == "OVERLOADED"
    assert world.bank.offline.deposits.deposit(first, 0.0)[0] == PENDING
    assert world.bank.offline.deposits.deposit(deposit_order(bob), 0.0)[0] == PENDING
