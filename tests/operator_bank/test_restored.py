"""What is left of expired tokens: the feed brings it to the wallet that loaded them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import insert, select

from currency.contract_words import purpose_word
from dcep.bank.v1 import orders_pb2, states_pb2
from dcep.registration.v1 import registration_pb2
from offline_token.signing import certify_device
from operator_bank.feed.chain import FeedBroken
from operator_bank.offline.tables import devices
from operator_bank.payments.tables import outbound
from runtime.errors import NoAnswer
from tests.operator_bank.fake_central_bank import NOW_MS
from tests.operator_bank.system import Holder, System

DEVICE = SigningKey(b"\x0d" * 32)


def load(system: System, holder: Holder, fen: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Money of the wallet becomes tokens of its device; returns the load's number."""

    def unanswered(*_: Any) -> registration_pb2.RegisterTokensResponse:
        raise NoAnswer("the feed will tell")

    monkeypatch.setattr(system.central, "register", unanswered)
    public = bytes(DEVICE.verify_key)
    certificate = certify_device(DEVICE, "alpha", public, NOW_MS + 1)
    row = {"device_key": public, "wallet": holder.wallet.row_id, "live_until_ms": 0}
    row |= {"revocation": certificate.revocation()}
    asked = orders_pb2.CertifyDeviceOrder(
        wallet_number=holder.wallet.number, nonce=bytes(16), possession=bytes(64)
    )
    with system.engine.begin() as connection:
        signed = {"order_payload": asked.SerializeToString(), "order_signature": b""}
        values = {**row, "certificate": certificate.encode(), **signed}
        connection.execute(insert(devices), values)
    order = holder.signed(
        orders_pb2.LoadOrder, sequence=holder.next(), device_key=public, amount_fen=fen
    )
    assert system.bank.offline.loads.load(order)[0] == states_pb2.PAYMENT_STATE_PENDING
    with system.engine.connect() as connection:
        number = int(connection.execute(select(outbound.c.number)).scalar_one())
    digest = hashlib.sha256(certificate.encode()).digest()
    system.hear(
        tokens_registered=registration_pb2.TokensRegistered(
            number=number, amount_fen=fen, certificate_digest=digest
        )
    )
    return number


def restored(number: int, fen: int) -> registration_pb2.TokensRestored:
    return registration_pb2.TokensRestored(number=number, amount_fen=fen)


def test_it_comes_to_the_wallet_that_loaded_it(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = load(system, alice, 700, monkeypatch)
    assert (alice.fen, alice.held_fen) == (99_300, 0)
    system.hear(tokens_restored=restored(number, 450))
    assert alice.fen == 99_750
    page, _ = system.bank.history.page(alice.wallet, 2, "")
    assert [(purpose_word(p.purpose), p.change_fen, p.balance_after_fen) for p in page] == [
        ("offline-restore", 450, 99_750),
        ("offline-load", -700, 99_300),
    ]
    assert (page[0].payment_id, page[0].payee_number) == (f"restore-{number}", alice.number)
    assert system.bank.outgoing.state(number) == (states_pb2.PAYMENT_STATE_SETTLED, 0)


def test_for_a_closed_wallet_it_waits_in_suspense(
    system: System, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = load(system, alice, alice.fen, monkeypatch)
    system.bank.wallets.close(alice.signed(orders_pb2.CloseOrder, sequence=alice.next()))
    system.hear(tokens_restored=restored(number, 450))
    assert alice.fen == 0
    assert system.bank.vault.books().suspense_fen == 450
    assert not system.bank.returns.step(), "there is nobody to send it back to"


def test_a_load_that_is_not_ours_stops_the_feed(system: System) -> None:
    with pytest.raises(FeedBroken, match="999999, which is not ours"):
        system.hear(tokens_restored=restored(999_999, 5))
