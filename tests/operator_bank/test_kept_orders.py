"""What a bank keeps of an order: the bytes that were signed, and the signature over them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from currency.contract_words import purpose_word
from dcep.bank.v1 import orders_pb2, states_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2
from operator_bank.api.wallets import GrpcWallets
from operator_bank.customers.tables import opening_orders
from operator_bank.ledger.accounts import Purpose
from operator_bank.offline.tables import devices
from operator_bank.payments.tables import outbound
from runtime.envelope import signed_bytes
from runtime.errors import NoAnswer, Refusal
from settlement.accounts import opening_digest
from settlement.journal import Tip
from settlement.records import Kind
from tests.device_keys import made_key
from tests.operator_bank.system import FOREIGN, Holder, System

CALL: Any = SimpleNamespace(time_remaining=lambda: 0.0)


def kept(system: System, kind: Kind) -> tuple[bytes, bytes]:
    """(payload, signature) beside the newest record of a kind."""
    newest = (b"", b"")
    for entry, _ in system.bank.books.journal.rows(Tip(), signed=True):
        for index, found in enumerate(entry.records["kind"].tolist()):
            if found == kind and entry.signature(index):
                newest = entry.note(index), entry.signature(index)
    return newest


def signed(envelope: SignedEnvelope) -> tuple[bytes, bytes]:
    return envelope.payload, envelope.signature


def test_a_payment_within_the_bank_is_kept_as_it_was_signed(
    system: System, alice: Holder, bob: Holder
) -> None:
    order = alice.order(bob.number, 300, memo="for tea")
    system.bank.payments.pay(order, 0.0)
    assert kept(system, Kind.TRANSFER) == signed(order)


def test_a_payment_to_another_bank_is_kept_with_its_hold_and_what_goes_out_follows_from_it(
    system: System, alice: Holder
) -> None:
    order = alice.order(FOREIGN, 300, memo="for tea")
    system.bank.payments.pay(order, 0.0)
    assert kept(system, Kind.HOLD) == signed(order)
    said = orders_pb2.PaymentOrder.FromString(order.payload)
    with system.engine.connect() as connection:
        body = connection.execute(select(outbound.c.body)).scalar_one()
    payment = registration_pb2.OutboundPayment.FromString(bytes(body))
    for name in ("payee_number", "amount_fen", "created_time_ms", "expires_time_ms", "memo"):
        assert getattr(payment, name) == getattr(said, name)
    assert (payment.payer_number, payment.payment_id) == (
        said.wallet_number,
        f"{said.wallet_number}-{said.sequence}",
    )


def test_a_payment_that_the_rule_refuses_is_kept_too(system: System, alice: Holder) -> None:
    order = alice.order(FOREIGN, 99_999_999)
    with pytest.raises(Refusal):
        system.bank.payments.pay(order, 0.0)
    assert kept(system, Kind.HOLD) == signed(order)


def test_an_exchange_is_kept_beside_the_first_of_its_two_records(
    system: System, alice: Holder
) -> None:
    order = alice.exchange_order(500, out=True)
    system.bank.exchange.exchange(order)
    assert kept(system, Kind.TRANSFER) == signed(order)
    *_, (last, _) = system.bank.books.journal.rows(Tip(), signed=True)
    assert last.notes == [order.payload, b""]
    assert last.signatures == [order.signature, b""]


def test_the_closing_of_a_wallet_is_kept(system: System, bob: Holder) -> None:
    order = bob.signed(orders_pb2.CloseOrder, sequence=bob.next())
    system.bank.wallets.close(order)
    assert kept(system, Kind.SET_FLAGS) == signed(order)


def test_a_load_and_the_order_to_certify_its_device_are_kept(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(*_: Any) -> registration_pb2.RegisterTokensResponse:
        raise NoAnswer("the feed will tell")

    monkeypatch.setattr(system.central, "register", unanswered)
    key = made_key(bytes(range(32)))
    certify = alice.certifying(key)
    system.bank.offline.certifying.certify(certify)
    with system.engine.connect() as connection:
        row = connection.execute(select(devices)).one()
    assert (bytes(row.order_payload), bytes(row.order_signature)) == signed(certify)
    load = alice.signed(orders_pb2.LoadOrder, sequence=alice.next(), device_key=key, amount_fen=700)
    system.bank.offline.loads.load(load)
    assert kept(system, Kind.HOLD) == signed(load)


def test_a_load_that_was_refused_stands_in_the_statement(system: System, alice: Holder) -> None:
    key = made_key(bytes(range(32)))
    certify = alice.certifying(key)
    system.bank.offline.certifying.certify(certify)
    alice.exchange(100_000, out=True)
    load = alice.signed(orders_pb2.LoadOrder, sequence=alice.next(), device_key=key, amount_fen=7)
    with pytest.raises(Refusal):
        system.bank.offline.loads.load(load)
    newest = system.bank.history.page(alice.wallet, 1, "")[0][0]
    assert (purpose_word(newest.purpose), newest.state) == (
        "offline-load",
        states_pb2.PAYMENT_STATE_REFUSED,
    )


def test_what_opened_a_wallet_is_kept_and_its_record_has_the_digest(
    system: System, alice: Holder
) -> None:
    with system.engine.connect() as connection:
        row = connection.execute(select(opening_orders)).one()
    message = signed_bytes(orders_pb2.OpenWalletOrder, bytes(row.order_payload))
    alice.key.verify_key.verify(message, bytes(row.order_signature))
    order = orders_pb2.OpenWalletOrder.FromString(bytes(row.order_payload))
    assert order.public_key == bytes(alice.key.verify_key)
    assert b"Alice" not in bytes(row.order_payload)
    digests = [
        int(record["digest"])
        for entry, _ in system.bank.books.journal.rows(Tip())
        for record in entry.records
        if record["kind"] == Kind.OPEN and record["credit"] == alice.wallet.account
    ]
    assert digests == [opening_digest(bytes(row.order_payload), Purpose.WALLET)]


def test_a_deposit_s_sequence_is_one_that_the_bank_has_seen(system: System, alice: Holder) -> None:
    """It is in no record of hers. Whoever goes on from an older home asks where to go on."""
    system.depositing(alice, 5)
    query = wallets_pb2.GetWalletRequest(query=alice.signed(orders_pb2.Query))
    shown: Any = GrpcWallets(system.bank).GetWallet(query, CALL)
    assert shown.last_sequence == alice.sequence
    system.restart()
    again: Any = GrpcWallets(system.bank).GetWallet(query, CALL)
    assert again.last_sequence == alice.sequence
