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
from tests.operator_bank.system import Holder, System
from tests.refusals import refused_for

PENDING = states_pb2.PAYMENT_STATE_PENDING
REFUSED = states_pb2.PAYMENT_STATE_REFUSED
SETTLED = registration_pb2.OUTCOME_STATE_SETTLED
OF_THE_BANK = [
    errors_pb2.REASON_BANK_SUSPENDED,
    errors_pb2.REASON_BANK_NOT_ADMITTED,
    errors_pb2.REASON_OVERLOADED,
    errors_pb2.REASON_STOPPING,
    errors_pb2.REASON_NOT_SERVING,
    errors_pb2.REASON_INTERNAL,
    errors_pb2.REASON_SIGNATURE_INVALID,
    errors_pb2.REASON_EXPIRED,
    errors_pb2.REASON_NOT_YET_VALID,
    errors_pb2.REASON_MESSAGE_UNREADABLE,
    errors_pb2.REASON_AMOUNT_INVALID,
]


def load_order(system: System, holder: Holder, fen: int = 5_000) -> SignedEnvelope:
    key = made_key()
    order = holder.certifying(key)
    system.bank.offline.certifying.certify(order)
    return holder.signed(
        orders_pb2.LoadOrder, sequence=holder.next(), amount_fen=fen, device_key=key
    )


def deposit_order(holder: Holder, payment: bytes = b"\0chain") -> SignedEnvelope:
    return holder.depositing(payment)


@pytest.fixture(autouse=True)
def owner(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is deposited is the wallet's."""
    monkeypatch.setattr(system.bank.offline.deposits, "_check_owners", lambda order: [])


def refuse(system: System, reason: int) -> None:
    def no(*_: Any) -> Any:
        raise Refusal(reason, "the call is refused", field="number")

    system.central.register = system.central.deposit = no  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("reason", OF_THE_BANK)
def test_a_load_whose_call_is_refused_is_pending_and_happens_later(
    system: System, alice: Holder, reason: int
) -> None:
    order = load_order(system, alice)
    refuse(system, reason)
    for _ in range(2):
        state, tokens, why = system.bank.offline.loads.load(order)
        assert (state, tokens, why) == (PENDING, [], errors_pb2.REASON_PEER_UNAVAILABLE)
    assert alice.held_fen == 5_000
    calls = []

    def yes(number: int, fen: int, *_: bytes) -> registration_pb2.RegisterTokensResponse:
        calls.append(fen)
        outcome = registration_pb2.Outcome(number=number, state=SETTLED)
        return registration_pb2.RegisterTokensResponse(outcome=outcome, tokens=[b"token"])

    system.central.register = yes  # type: ignore[method-assign]
    system.bank.offline.resending.step_loads()
    assert calls == [5_000]
    assert system.bank.offline.loads.load(order)[1] == [b"token"]


def test_a_load_that_the_feed_has_ended_is_refused_whoever_can_be_asked(
    system: System, alice: Holder
) -> None:
    order = load_order(system, alice)
    refuse(system, errors_pb2.REASON_BANK_SUSPENDED)
    system.bank.offline.loads.load(order)
    with system.engine.connect() as connection:
        number = connection.execute(select(outbound.c.number)).scalar_one()
    ended = registration_pb2.OutgoingEnded(
        number=number,
        state=registration_pb2.OUTCOME_STATE_REFUSED,
        reason=errors_pb2.REASON_DEVICE_REVOKED,
    )
    system.hear(outgoing_ended=ended)
    assert system.bank.offline.loads.load(order) == (REFUSED, [], errors_pb2.REASON_DEVICE_REVOKED)
    assert alice.held_fen == 0


@pytest.mark.parametrize("reason", OF_THE_BANK)
def test_a_deposit_whose_call_is_refused_is_pending_and_happens_later(
    system: System, alice: Holder, reason: int
) -> None:
    order = deposit_order(alice)
    refuse(system, reason)
    for _ in range(2):
        state, fen, _, why = system.bank.offline.deposits.deposit(order, 0.0)
        assert (state, fen, why) == (PENDING, 0, 0)
    sent: list[object] = []

    def yes(items: Any) -> Any:
        sent.extend(item.offline_payment for item in items)
        return [registration_pb2.DepositOutcome(number=i.number, state=SETTLED) for i in items]

    system.central.deposit = yes  # type: ignore[method-assign]
    system.bank.offline.resending.step_deposits()
    assert sent == [b"\0chain"]


def test_a_deposit_that_settled_is_never_said_to_be_refused(system: System, alice: Holder) -> None:
    order = deposit_order(alice)
    refuse(system, errors_pb2.REASON_BANK_SUSPENDED)
    system.bank.offline.deposits.deposit(order, 0.0)
    system.hear(
        tokens_deposited=registration_pb2.TokensDeposited(number=1, amount_fen=7, whole_fen=7)
    )
    late = refused_deposit(1, b"\0chain", errors_pb2.REASON_ALREADY_DEPOSITED)
    with system.engine.connect() as connection:
        row = connection.execute(select(token_deposits)).one()
    system.bank.offline.deposits.end_refused(row, late)
    assert system.bank.offline.deposits.deposit(order, 0.0)[:2] == (
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
        "signed as something else": refused_deposit(
            number, payment, TAKEN, kind=registration_pb2.FeedTip
        ),
        "of another deposit": of_another,
        "of another payment": refused_deposit(number, b"\0other", TAKEN),
        "of another bank": refused_deposit(number, payment, TAKEN, bank="beta"),
    }


@pytest.mark.parametrize("wrong", list(made_up(1, b"\0chain")))
def test_a_refusal_that_the_central_bank_has_not_signed_ends_no_deposit(
    system: System, alice: Holder, wrong: str
) -> None:
    """Whoever could speak in its place would have the holder give up good money."""
    order = deposit_order(alice)
    asked: list[int] = []

    def lie(items: Any) -> Any:
        asked.append(items[0].number)
        return [made_up(items[0].number, items[0].offline_payment)[wrong]]

    system.central.deposit = lie  # type: ignore[method-assign]
    assert system.bank.offline.deposits.deposit(order, 0.0)[0] == PENDING
    system.bank.offline.resending.step_deposits()
    assert system.bank.offline.deposits.deposit(order, 0.0)[0] == PENDING
    assert asked == [1, 1, 1]


def test_a_signed_refusal_ends_a_deposit_and_is_kept(system: System, alice: Holder) -> None:
    """What it says counts, not what stands beside it."""
    order = deposit_order(alice)
    answer = refused_deposit(1, b"\0chain", TAKEN)
    answer.reason = errors_pb2.REASON_TOKEN_INVALID
    answer.verdict = registration_pb2.TOKEN_VERDICT_ENDORSEMENT_FORGED
    system.central.deposit = lambda _: [answer]  # type: ignore[method-assign]
    for bank in (system.bank, system.restart()):
        with pytest.raises(Refusal) as caught:
            bank.offline.deposits.deposit(order, 0.0)
        assert (caught.value.reason, caught.value.metadata["verdict"]) == (TAKEN, "")
    with system.engine.connect() as connection:
        kept = connection.execute(select(token_deposits.c.refusal)).scalar_one()
    envelope = SignedEnvelope.FromString(kept)
    told = verify(registration_pb2.DepositRefusal, envelope, bytes(CENTRAL_KEY.verify_key))
    assert registration_pb2.DepositRefusal.FromString(told).reason == TAKEN


def test_a_wallet_fills_no_table_with_deposits_that_are_refused(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operator_bank.offline.deposits.MAX_REFUSED_DEPOSITS", 3)
    system.central.deposit = lambda items: [  # type: ignore[method-assign]
        refused_deposit(item.number, item.offline_payment, TAKEN) for item in items
    ]
    for number in range(8):
        with pytest.raises(Refusal):
            system.bank.offline.deposits.deposit(deposit_order(alice, b"\0%d" % number), 0.0)
    with system.engine.connect() as connection:
        kept = connection.execute(select(token_deposits.c.id)).scalars().all()
    assert len(kept) == 3


def test_long_deposits_that_are_refused_fill_no_disk_and_hold_up_no_payment(
    system: System, alice: Holder, bob: Holder
) -> None:
    system.central.deposit = lambda items: [  # type: ignore[method-assign]
        refused_deposit(item.number, item.offline_payment, TAKEN) for item in items
    ]

    def deposit(holder: Holder, number: int) -> Refusal:
        payment = number.to_bytes(2, "big") + bytes(16_000)
        with pytest.raises(Refusal) as caught:
            system.bank.offline.deposits.deposit(deposit_order(holder, payment), 0.0)
        return caught.value

    said = [deposit(alice, number) for number in range(40)]
    judged = [no for no in said if no.reason == TAKEN]
    assert len(judged) <= REFUSED_DEPOSIT_BYTES // 16_000 + 1
    assert {no.name for no in said[len(judged) :]} == {"TOO_MANY_REFUSALS"}
    assert deposit(bob, 100).reason == TAKEN
    assert alice.pay(bob.number, 1)
    system.clock.advance(int(said[-1].metadata["retry_time_ms"]) - system.clock.now_ms())
    assert deposit(alice, 200).reason == TAKEN


def test_the_roots_ruling_goes_on_to_the_device(system: System, alice: Holder) -> None:
    answer = refused_deposit(1, b"\0chain", TAKEN, ruling=b"r" * 107)
    system.central.deposit = lambda _: [answer]  # type: ignore[method-assign]
    with pytest.raises(Refusal) as caught:
        system.bank.offline.deposits.deposit(deposit_order(alice), 0.0)
    assert caught.value.metadata["ruling"] == (b"r" * 107).hex()


def test_a_holder_is_told_what_a_deposit_waits_for(system: System, alice: Holder) -> None:
    order = deposit_order(alice)
    short = errors_pb2.REASON_RESERVES_SHORT
    for reason in (short, errors_pb2.REASON_UNSPECIFIED):
        waits = registration_pb2.DepositOutcome(
            number=1, state=registration_pb2.OUTCOME_STATE_PENDING, reason=reason
        )
        system.central.deposit = lambda _, said=waits: [said]  # type: ignore[method-assign, misc]
        state, fen, _, why = system.bank.offline.deposits.deposit(order, 0.0)
        assert (state, fen, why) == (PENDING, 0, reason)


def test_a_load_is_refused_by_the_feed_and_not_by_an_answer(system: System, alice: Holder) -> None:
    order = load_order(system, alice)

    def no(number: int, *_: Any) -> registration_pb2.RegisterTokensResponse:
        state, why = registration_pb2.OUTCOME_STATE_REFUSED, errors_pb2.REASON_DEVICE_REVOKED
        outcome = registration_pb2.Outcome(number=number, state=state, reason=why)
        return registration_pb2.RegisterTokensResponse(outcome=outcome)

    system.central.register = no  # type: ignore[method-assign]
    system.bank.offline.questions.waiting = threading.BoundedSemaphore(1)
    system.bank.offline.questions.waiting.acquire()  # nobody waits for the feed here
    assert system.bank.offline.loads.load(order)[0] == PENDING
    assert alice.held_fen == 5_000


def test_what_nothing_was_written_down_for_is_asked_for_again(
    system: System, alice: Holder
) -> None:
    system.central.silent = True
    key = made_key()
    order = alice.certifying(key)
    for call in (
        lambda: system.bank.offline.certifying.certify(order),
        system.bank.offline.trust_bundle,
    ):
        assert refused_for(call) == "PEER_UNAVAILABLE"


def test_few_calls_of_wallets_wait_for_a_centre_that_hangs(system: System, alice: Holder) -> None:
    asked = []

    def hang(items: Any) -> Any:
        asked.append(items)
        if len(asked) < 100:
            # As if others came while the centre hangs.
            assert system.bank.offline.deposits.deposit(deposit_order(alice), 0.0)[0] == PENDING
        raise NoAnswer("after a while")

    system.central.deposit = hang  # type: ignore[method-assign]
    assert system.bank.offline.deposits.deposit(deposit_order(alice), 0.0)[0] == PENDING
    assert len(asked) == MAX_ASKING
    assert system.bank.offline.deposits.deposit(deposit_order(alice), 0.0)[0] == PENDING
    assert len(asked) == MAX_ASKING, "and none right after a silence"


def test_a_wallet_has_a_bounded_number_of_deposits_under_way(
    system: System, alice: Holder, bob: Holder
) -> None:
    refuse(system, errors_pb2.REASON_BANK_SUSPENDED)
    first = deposit_order(alice)
    system.bank.offline.deposits.deposit(first, 0.0)
    for number in range(MAX_PENDING_DEPOSITS - 1):
        system.bank.offline.deposits.deposit(deposit_order(alice, b"chain %d" % number), 0.0)
    assert (
        refused_for(system.bank.offline.deposits.deposit, deposit_order(alice, b"one more"), 0.0)
        == "OVERLOADED"
    )
    assert system.bank.offline.deposits.deposit(first, 0.0)[0] == PENDING
    assert system.bank.offline.deposits.deposit(deposit_order(bob), 0.0)[0] == PENDING


def test_the_newest_deposit_is_told_by_its_number(system: System, alice: Holder) -> None:
    refuse(system, errors_pb2.REASON_OVERLOADED)
    deposits = system.bank.offline.deposits
    assert deposits.last() == 0
    for number in (1, 2):
        deposits.deposit(deposit_order(alice, b"\0%d" % number), 0.0)
        assert deposits.last() == number
