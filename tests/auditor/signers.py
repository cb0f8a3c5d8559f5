"""What tests of the audit of wallets' signers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nacl.signing import SigningKey

from dcep.bank.v1 import keys_pb2, orders_pb2, signers_pb2, states_pb2
from runtime.envelope import key_id, sign
from tests.auditor.told import ALICE, CAROL, Stack

RELEASE, SEE = states_pb2.SIGNER_ROLE_RELEASE, states_pb2.SIGNER_ROLE_SEE
SECOND = SigningKey(b"\x31" * 32)
LOOKER = SigningKey(b"\x32" * 32)
THIRD = SigningKey(b"\x33" * 32)


def signer(stack: Stack, place: int, key: SigningKey, role: int = RELEASE) -> signers_pb2.Signer:
    """A line of a list of alice's, whose key has asked for it."""
    now_ms = stack.system.clock.now_ms()
    request = keys_pb2.KeyRequest(
        wallet_number=stack.number(ALICE),
        public_key=bytes(key.verify_key),
        bank="alpha",
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    return signers_pb2.Signer(
        place=place,
        public_key=bytes(key.verify_key),
        role=role,  # type: ignore[arg-type]
        request=sign(request, key, bytes(key.verify_key).hex().encode()),
    )


def listing(
    stack: Stack,
    by: SigningKey,
    number: int,
    signers: Sequence[signers_pb2.Signer],
    threshold: int = 1,
) -> Any:
    now_ms = stack.system.clock.now_ms()
    order = signers_pb2.SignersOrder(
        wallet_number=stack.number(ALICE),
        list_number=number,
        signers=signers,
        threshold=threshold,
        bank="alpha",
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    return sign(order, by, named_by(stack, by))


def named_by(stack: Stack, key: SigningKey) -> bytes:
    number = stack.number(ALICE).encode()
    own = key == stack.system.built[ALICE].home.key()
    return number if own else number + b"-" + key_id(bytes(key.verify_key))


def paid(stack: Stack, key: SigningKey, sequence: int, **values: Any) -> Any:
    """An order of alice's, over 5 fen to carol unless said otherwise."""
    now_ms = stack.system.clock.now_ms()
    fields = {"payee_number": stack.number(CAROL), "amount_fen": 5, **values}
    order = orders_pb2.PaymentOrder(
        wallet_number=stack.number(ALICE),
        sequence=sequence,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
        **fields,
    )
    return sign(order, key, named_by(stack, key))
