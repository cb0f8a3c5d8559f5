"""What tests of the audit of wallets' keys share."""

from __future__ import annotations

from typing import Any

from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2
from runtime.envelope import sign
from tests.auditor.simulated import KEY_WAIT_MS
from tests.auditor.told import ALICE, CAROL, Stack


def in_force(stack: Stack) -> None:
    stack.system.clock.advance(KEY_WAIT_MS)
    stack.system.built["alpha"].keys.replacements.step()


def paid(stack: Stack, key: SigningKey, sequence: int) -> None:
    """Alice pays carol 5 fen."""
    envelope = payment(stack, key, sequence)
    stack.system.built["alpha"].payments.pay(envelope, 0.0)


def payment(stack: Stack, key: SigningKey, sequence: int) -> Any:
    now_ms = stack.system.clock.now_ms()
    order = orders_pb2.PaymentOrder(
        wallet_number=stack.number(ALICE),
        sequence=sequence,
        payee_number=stack.number(CAROL),
        amount_fen=5,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    return sign(order, key, stack.number(ALICE).encode())
