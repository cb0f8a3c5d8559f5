"""Orders: signed by the wallet they name, in their time, once by their sequence."""

from __future__ import annotations

import pytest

from currency.number import make
from dcep.bank.v1 import orders_pb2, states_pb2
from offline_token.deposit import MAX_DEPOSIT_BYTES
from operator_bank.limits import (
    CLOCK_SKEW_MS,
    MAX_ORDER_VALIDITY_MS,
    MAX_SEQUENCE,
    MAX_SEQUENCES_AHEAD,
)
from runtime.bounds import greatest_bytes
from runtime.envelope import sign_payload
from runtime.errors import Refusal
from settlement.limits import MAX_NOTE_BYTES
from tests.operator_bank.fake_central_bank import NOW_MS
from tests.operator_bank.system import FOREIGN, GET_WALLET, PREFIX, Holder, System
from tests.refusals import refused

LIST_PAYMENTS = "dcep.bank.v1.PaymentService/ListPayments"
SETTLED = states_pb2.PAYMENT_STATE_SETTLED


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sequence": 0}, ("SEQUENCE_INVALID", "sequence")),
        ({"sequence": MAX_SEQUENCE + 1}, ("SEQUENCE_INVALID", "sequence")),
        ({"amount_fen": 0}, ("AMOUNT_INVALID", "amount_fen")),
        ({"amount_fen": -1}, ("AMOUNT_INVALID", "amount_fen")),
        ({"memo": "x" * 141}, ("FIELD_INVALID", "memo")),
        ({"payee_number": "6201000000000013"}, ("FIELD_INVALID", "payee_number")),
        ({"payee_number": ""}, ("FIELD_MISSING", "payee_number")),
        ({"created_time_ms": 0}, ("FIELD_MISSING", "created_time_ms")),
        ({"expires_time_ms": 0}, ("FIELD_MISSING", "expires_time_ms")),
        ({"expires_time_ms": NOW_MS - 1}, ("FIELD_INVALID", "expires_time_ms")),
        ({"created_time_ms": NOW_MS + CLOCK_SKEW_MS + 1}, ("NOT_YET_VALID", "created_time_ms")),
        (
            {"expires_time_ms": NOW_MS + MAX_ORDER_VALIDITY_MS + 1},
            ("VALIDITY_TOO_LONG", "expires_time_ms"),
        ),
        (
            {"created_time_ms": NOW_MS - 9, "expires_time_ms": NOW_MS - 1},
            ("EXPIRED", "expires_time_ms"),
        ),
    ],
)
def test_a_wrong_order_is_refused_by_field(
    alice: Holder, bob: Holder, changes: dict, expected: tuple[str, str]
) -> None:
    assert refused(lambda: alice.pay(bob.number, 5, **changes)) == expected
    assert (alice.fen, bob.fen) == (100_000, 0)


def test_only_the_wallets_own_key_moves_its_money(
    system: System, alice: Holder, bob: Holder
) -> None:
    pay = system.bank.payments.pay
    forged = alice.order(bob.number, 5)
    forged.signature = bob.order(bob.number, 5).signature
    assert refused(lambda: pay(forged, 0.0))[0] == "SIGNATURE_INVALID"

    bobs = bob.order(bob.number, 5, wallet_number=alice.number)
    assert refused(lambda: pay(bobs, 0.0)) == ("WRONG_WALLET", "wallet_number")
    bobs.key_id = alice.number.encode()
    assert refused(lambda: pay(bobs, 0.0))[0] == "SIGNATURE_INVALID"

    query = alice.signed(orders_pb2.Query)
    assert refused(lambda: pay(query, 0.0))[0] == "SIGNATURE_INVALID"
    assert alice.fen == 100_000


def test_a_wallet_that_there_is_not_is_told_like_a_wrong_signature(
    system: System, alice: Holder, bob: Holder
) -> None:
    """Who may not speak for a wallet does not learn whether it is there."""
    told = []
    for key_id in (bob.number, make(PREFIX, 99_999), FOREIGN, "6201000000000000", "x"):
        order = alice.order(bob.number, 5, wallet_number=key_id)
        order.key_id = key_id.encode()
        for call in (
            lambda order=order: system.bank.payments.pay(order, 0.0),
            lambda order=order: system.bank.exchange.exchange(order),
            lambda order=order: system.bank.wallets.asking(order, GET_WALLET),
        ):
            with pytest.raises(Refusal) as caught:
                call()
            told.append((caught.value.name, caught.value.message, caught.value.field))
            assert caught.value.metadata == {}
    assert len(set(told)) == 1, told
    assert told[0][0] == "SIGNATURE_INVALID"


@pytest.mark.parametrize("key_id", [b"\xff\xfe", "６２０１".encode(), b"6201\x80"])
def test_a_key_id_is_ascii(system: System, alice: Holder, bob: Holder, key_id: bytes) -> None:
    order = alice.order(bob.number, 5)
    order.key_id = key_id
    assert refused(lambda: system.bank.payments.pay(order, 0.0)) == ("FIELD_INVALID", "key_id")
    [answer] = system.bank.payments.pay_many([order])
    assert isinstance(answer, Refusal) and answer.field == "key_id"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"\xff", "MESSAGE_UNREADABLE"), (b"\x98\x06\x05", "FIELD_UNKNOWN")],
)
def test_what_is_signed_must_be_an_order(
    system: System, alice: Holder, payload: bytes, reason: str
) -> None:
    envelope = sign_payload(orders_pb2.PaymentOrder, payload, alice.key, alice.number.encode())
    assert refused(lambda: system.bank.payments.pay(envelope, 0.0))[0] == reason


def test_an_order_counts_once(system: System, alice: Holder, bob: Holder) -> None:
    order = alice.order(bob.number, 500)
    first = system.bank.payments.pay(order, 0.0)[0]
    system.restart()
    again = system.bank.payments.pay(order, 0.0)[0]
    assert (first.repeated, again.repeated) == (False, True)
    assert first.payment_id == again.payment_id == f"{alice.number}-{alice.sequence}"
    assert bob.fen == 500


def test_an_order_that_was_settled_is_still_known_when_it_has_expired(
    system: System, alice: Holder, bob: Holder
) -> None:
    order = alice.order(bob.number, 500)
    system.bank.payments.pay(order, 0.0)
    system.clock.advance(120_000)
    again = system.bank.payments.pay(order, 0.0)[0]
    assert (again.state, again.repeated) == (SETTLED, True)


def test_a_mistaken_sequence_does_not_use_up_all_the_others(
    system: System, alice: Holder, bob: Holder
) -> None:
    highest = alice.sequence + MAX_SEQUENCES_AHEAD
    for sequence in (MAX_SEQUENCE, highest + 1):
        far = alice.order(bob.number, 5, sequence=sequence)
        for call in (
            lambda far=far: system.bank.payments.pay(far, 0.0),
            lambda far=far: system.bank.exchange.exchange(
                alice.exchange_order(5, sequence=MAX_SEQUENCE)
            ),
            lambda far=far: system.bank.wallets.close(
                alice.signed(orders_pb2.CloseOrder, sequence=MAX_SEQUENCE)
            ),
        ):
            with pytest.raises(Refusal) as caught:
                call()
            assert (caught.value.name, caught.value.field) == ("SEQUENCE_INVALID", "sequence")
            assert caught.value.metadata["highest"] == str(highest)
    alice.sequence = highest - MAX_SEQUENCES_AHEAD
    bob.exchange(5)
    orders = [alice.order(bob.number, 1), alice.order(bob.number, 1, sequence=highest + 1),
              bob.order(alice.number, 1), alice.order(bob.number, 1)]  # fmt: skip
    answers = system.bank.payments.pay_many(orders)
    names = [a.name if isinstance(a, Refusal) else a.state for a in answers]
    assert names == [SETTLED, "SEQUENCE_INVALID", SETTLED, SETTLED]
    assert alice.pay(bob.number, 1, sequence=highest).state == SETTLED


def test_a_sequence_is_not_used_for_two_orders(alice: Holder, bob: Holder) -> None:
    alice.pay(bob.number, 500)
    reused = refused(lambda: alice.pay(bob.number, 501, sequence=alice.sequence))
    assert reused == ("ID_REUSED", "sequence")
    assert bob.fen == 500


def test_many_orders_have_an_answer_each(system: System, alice: Holder, bob: Holder) -> None:
    orders = [alice.order(bob.number, fen) for fen in (1, 2, 0, 100_001, 3)]
    orders[1].signature = bytes(64)
    answers = system.bank.payments.pay_many(orders)
    names = [a.name if isinstance(a, Refusal) else a.state for a in answers]
    assert names == [SETTLED, "SIGNATURE_INVALID", "AMOUNT_INVALID", "OVER_SINGLE_LIMIT", SETTLED]
    assert bob.fen == 4


def test_a_query_expires(system: System, alice: Holder) -> None:
    query = alice.signed(orders_pb2.Query)
    assert system.bank.wallets.asking(query, GET_WALLET) == alice.wallet
    system.clock.advance(60_001)
    expired = refused(lambda: system.bank.wallets.asking(query, GET_WALLET))
    assert expired == ("EXPIRED", "expires_time_ms")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": LIST_PAYMENTS}, ("FIELD_INVALID", "method")),
        ({"method": ""}, ("FIELD_MISSING", "method")),
        ({"method": "/" + GET_WALLET}, ("FIELD_INVALID", "method")),
        ({"bank": "beta"}, ("FIELD_INVALID", "bank")),
        ({"bank": ""}, ("FIELD_MISSING", "bank")),
        ({"expires_time_ms": NOW_MS + 60_001}, ("VALIDITY_TOO_LONG", "expires_time_ms")),
        (
            {"created_time_ms": NOW_MS - 30_000, "expires_time_ms": NOW_MS + 30_001},
            ("VALIDITY_TOO_LONG", "expires_time_ms"),
        ),
    ],
)
def test_a_query_is_for_one_method_of_one_bank_and_for_a_moment(
    system: System, alice: Holder, changes: dict, expected: tuple[str, str]
) -> None:
    query = alice.signed(orders_pb2.Query, **changes)
    assert refused(lambda: system.bank.wallets.asking(query, GET_WALLET)) == expected


def test_every_order_fits_beside_its_record() -> None:
    """However long its texts: what a wallet may sign can be kept."""
    orders = [
        kind
        for kind in orders_pb2.DESCRIPTOR.message_types_by_name.values()
        if "sequence" in kind.fields_by_name or kind.name == "OpenWalletOrder"
    ]
    assert len(orders) == 9
    for kind in orders:
        assert greatest_bytes(kind) <= MAX_NOTE_BYTES, kind.name


def test_the_longest_deposit_of_nothing_is_refused_and_kept(system: System, alice: Holder) -> None:
    order = alice.depositing(b"?" * MAX_DEPOSIT_BYTES)
    assert len(order.payload) > MAX_DEPOSIT_BYTES
    for _ in range(2):
        assert (
            refused(lambda: system.bank.offline.deposits.deposit(order, 0.0))[0] == "FIELD_INVALID"
        )


def test_a_padded_order_is_refused_and_nothing_of_it_is_kept(
    system: System, alice: Holder, bob: Holder
) -> None:
    """A memo that comes again and again would be kept with every refusal."""
    memo = orders_pb2.PaymentOrder(memo="m" * 140).SerializeToString()
    good = alice.order(bob.number, 5, memo="x").payload
    before = system.bank.books.ledger.position()
    for times, reason in ((1, "MESSAGE_TOO_LONG"), (8, "MESSAGE_TOO_LONG"), (140, "FIELD_INVALID")):
        payload = memo * times + good
        signed = sign_payload(orders_pb2.PaymentOrder, payload, alice.key, alice.number.encode())
        [answer] = system.bank.payments.pay_many([signed])
        assert isinstance(answer, Refusal)
        assert (answer.name, answer.field) == (reason, "payload")
    assert system.bank.books.ledger.position() == before
