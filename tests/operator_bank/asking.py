"""Wallets that ask and are asked, and what they see of it."""

from __future__ import annotations

import hashlib
from typing import Any

from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.bank.v1 import asking_pb2, inbound_pb2, orders_pb2, states_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.asking import rows
from operator_bank.asking.tables import asked
from operator_bank.payments.rows import Paid
from runtime.envelope import sign
from tests.operator_bank.system import FOREIGN, Holder, System

SETTLED, PENDING = states_pb2.PAYMENT_STATE_SETTLED, states_pb2.PAYMENT_STATE_PENDING
HOUR_MS = 3_600_000
DECLINE = orders_pb2.ASKED_CHANGE_DECLINE
WITHDRAW = orders_pb2.ASKED_CHANGE_WITHDRAW
REMIND = orders_pb2.ASKED_CHANGE_REMIND
THEIR_KEY = SigningKey(b"\x62" * 32)
"""Of a wallet at another bank."""


def request(asker: Holder, payer: str, fen: int, **values: Any) -> SignedEnvelope:
    now_ms = asker.system.clock.now_ms()
    fields = {
        "nonce": SigningKey.generate().encode()[:16],
        "payer_number": payer,
        "amount_fen": fen,
        "due_time_ms": now_ms + HOUR_MS,
        **values,
    }
    return asker.signed(orders_pb2.RequestToPay, **fields)


def ask(asker: Holder, payer: str, fen: int, **values: Any) -> str:
    return asker.system.bank.asks.ask(request(asker, payer, fen, **values))[0]


def seen(holder: Holder) -> dict[str, tuple[str, int]]:
    """State and paid fen of each request that a wallet is shown, by id."""
    found, _ = holder.system.bank.asks.page(holder.wallet, 100, "", "")
    made = {}
    for one in found:
        content = orders_pb2.RequestToPay.FromString(one.request.payload)
        word = asking_pb2.AskedState.Name(one.state).removeprefix("ASKED_STATE_")
        made[rows.id_of(content)] = (word, one.paid_fen)
    return made


def order(payer: Holder, name: str, fen: int, **values: Any) -> SignedEnvelope:
    """A payment of a request, as its payer has seen it."""
    with payer.system.engine.connect() as connection:
        payload = connection.scalar(select(asked.c.payload).where(asked.c.id == name)) or b""
    fields = {
        "request_to_pay_id": name,
        "request_to_pay_digest": hashlib.sha256(payload).digest(),
        **values,
    }
    return payer.order(values.pop("payee_number", name[:16]), fen, **fields)


def pay(payer: Holder, name: str, fen: int, **values: Any) -> Paid:
    return payer.system.bank.asked_payments.pay(order(payer, name, fen, **values), 0.0)[0]


def change(holder: Holder, name: str, how: int) -> str:
    signed = holder.signed(orders_pb2.ChangeAskedOrder, request_to_pay_id=name, change=how)
    state = holder.system.bank.asks.change(signed).state
    return asking_pb2.AskedState.Name(state).removeprefix("ASKED_STATE_")


def block(holder: Holder, asker: str, *, blocked: bool = True) -> None:
    signed = holder.signed(orders_pb2.BlockAskerOrder, asker_number=asker, blocked=blocked)
    holder.system.bank.asks.block(signed)


def carried(
    system: System, payer: str, fen: int, how: int = 0, **values: Any
) -> inbound_pb2.CarriedRequest:
    """A request of a wallet at another bank, as the central bank brings it."""
    now_ms = system.clock.now_ms()
    times = {"created_time_ms": now_ms, "expires_time_ms": now_ms + 60_000}
    fields = {
        "wallet_number": FOREIGN,
        "nonce": b"n" * 16,
        "payer_number": payer,
        "amount_fen": fen,
        "due_time_ms": now_ms + HOUR_MS,
        **times,
        **values,
    }
    content = orders_pb2.RequestToPay(**fields)
    key = bytes(THEIR_KEY.verify_key)
    item = inbound_pb2.CarriedRequest(
        request=sign(content, THEIR_KEY, FOREIGN.encode()), request_key=key
    )
    if how:
        changed = orders_pb2.ChangeAskedOrder(
            wallet_number=FOREIGN,
            request_to_pay_id=rows.id_of(content),
            change=how,  # type: ignore[arg-type]
            **times,
        )
        item.change.CopyFrom(sign(changed, THEIR_KEY, FOREIGN.encode()))
        item.change_key = key
    return item
