"""What tests of the audit of wallets' keys share."""

from __future__ import annotations

from typing import Any

from nacl.signing import SigningKey

from dcep.bank.v1 import keys_pb2, orders_pb2
from dcep.office.v1 import office_pb2
from runtime.envelope import sign
from tests.auditor.officers import by_two
from tests.auditor.simulated import KEY_WAIT_MS
from tests.auditor.told import ALICE, CAROL, Stack


def approved(stack: Stack, name: str, key: SigningKey) -> None:
    """Alpha's officers approve another key for a wallet."""
    now_ms = stack.system.clock.now_ms()
    request = keys_pb2.KeyRequest(
        wallet_number=stack.number(name),
        public_key=bytes(key.verify_key),
        bank="alpha",
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    wish = office_pb2.ReplaceKey(
        wallet_number=stack.number(name),
        request=sign(request, key, bytes(key.verify_key).hex().encode()),
        holder_name=name,
        wait_ms=KEY_WAIT_MS,
    )
    by_two(stack, wish)


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
