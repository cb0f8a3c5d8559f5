"""Signed orders: verified first, then parsed, then checked; one way for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from operator_bank.limits import CLOCK_SKEW_MS, MAX_ORDER_VALIDITY_MS, MAX_SEQUENCE
from operator_bank.wallets.directory import Directory, Wallet
from runtime.checks import invalid
from runtime.clock import Clock
from runtime.envelope import begin_many, verify
from runtime.errors import Refusal
from runtime.parts import parts
from runtime.server import refuse_unknown_fields
from runtime.signatures import SignatureVerifier

TAGS: dict[type[Message], str] = {
    orders_pb2.PaymentOrder: "payment-order/v1",
    orders_pb2.ExchangeOrder: "exchange-order/v1",
    orders_pb2.CloseOrder: "close-order/v1",
    orders_pb2.CertifyDeviceOrder: "certify-device-order/v1",
    orders_pb2.LoadOrder: "load-order/v1",
    orders_pb2.DepositOrder: "deposit-order/v1",
    orders_pb2.Query: "query/v1",
}
DEVICE_KEY_BYTES = 32
_AT_ONCE = 1_024
"""Orders whose signatures are verified while those before them are parsed."""
T = TypeVar("T", bound=Message)


class Order(NamedTuple, Generic[T]):
    """A verified order of a wallet.

    Attributes:
        digest: tells whether two are the same.
        payload: the content as it was signed.
        signature: over the payload, by the wallet's key.
    """

    wallet: Wallet
    content: T
    digest: int
    payload: bytes
    signature: bytes


class Orders:
    """Opens envelopes."""

    def __init__(self, directory: Directory, clock: Clock, verifier: SignatureVerifier) -> None:
        self._directory = directory
        self._clock = clock
        self._verifier = verifier

    def open(self, kind: type[T], envelope: SignedEnvelope) -> Order[T]:
        """The order in an envelope.

        Raises:
            Refusal: naming the field: unknown wallet, bad signature, expired, …
        """
        wallet = self._wallet(envelope)
        verify(TAGS[kind], envelope, wallet.public_key)
        return _parse(kind, wallet, envelope, self._clock.now_ms())

    def open_many(
        self, kind: type[T], envelopes: Sequence[SignedEnvelope]
    ) -> list[Order[T] | Refusal]:
        """For each envelope its order, or why not; verified on all cores."""
        begun = [self._begin(kind, part) for part in parts(envelopes, _AT_ONCE)]
        now_ms = self._clock.now_ms()
        answers: list[Order[T] | Refusal] = []
        for part, found, finish in begun:
            for envelope, wallet, verified in zip(part, found, finish().tolist(), strict=True):
                try:
                    if wallet is None or not verified:
                        # Slow, and only for what is refused: finds the exact reason.
                        answers.append(self.open(kind, envelope))
                    else:
                        answers.append(_parse(kind, wallet, envelope, now_ms))
                except Refusal as refusal:
                    answers.append(refusal)
        return answers

    def _begin(
        self, kind: type[T], envelopes: Sequence[SignedEnvelope]
    ) -> tuple[Sequence[SignedEnvelope], list[Wallet | None], Callable[[], NDArray[np.bool_]]]:
        """The envelopes, their wallets, and what waits for the verification of their signatures."""
        found = [self._directory.find(envelope.key_id.decode("latin-1")) for envelope in envelopes]
        keys = [wallet.public_key if wallet is not None else None for wallet in found]
        return envelopes, found, begin_many(TAGS[kind], envelopes, keys, self._verifier)

    def _wallet(self, envelope: SignedEnvelope) -> Wallet:
        if not envelope.key_id:
            raise Refusal(errors_pb2.REASON_FIELD_MISSING, "key_id is missing", field="key_id")
        wallet = self._directory.find(envelope.key_id.decode("latin-1"))
        if wallet is None:
            raise Refusal(
                errors_pb2.REASON_WALLET_UNKNOWN, "no such wallet at this bank", field="key_id"
            )
        return wallet


def _parse(kind: type[T], wallet: Wallet, envelope: SignedEnvelope, now_ms: int) -> Order[T]:
    payload = envelope.payload
    try:
        content: Any = kind.FromString(payload)
    except DecodeError:
        raise Refusal(
            errors_pb2.REASON_MESSAGE_UNREADABLE,
            "the payload cannot be parsed",
            field="payload",
        ) from None
    refuse_unknown_fields(content)
    if content.wallet_number != wallet.number:
        raise Refusal(
            errors_pb2.REASON_WRONG_WALLET,
            "the order is another wallet's than its signature",
            field="wallet_number",
        )
    if kind is not orders_pb2.Query and not 1 <= content.sequence <= MAX_SEQUENCE:
        raise Refusal(
            errors_pb2.REASON_SEQUENCE_INVALID,
            f"sequence is 1 to {MAX_SEQUENCE}",
            field="sequence",
        )
    created_ms, expires_ms = content.created_time_ms, content.expires_time_ms
    latest_ms = created_ms + MAX_ORDER_VALIDITY_MS
    if not (0 < created_ms <= now_ms + CLOCK_SKEW_MS and created_ms <= expires_ms <= latest_ms):
        _refuse_window(created_ms, expires_ms, now_ms)
    digest = int.from_bytes(hashlib.sha256(payload).digest()[:8], "little")
    return Order(wallet, content, digest, payload, envelope.signature)


def _refuse_window(created_ms: int, expires_ms: int, now_ms: int) -> NoReturn:
    """Says what is wrong with an order's times.

    Whether it has expired is the rule's word: an order that settled in time
    still gets its first answer when it is asked again later.
    """
    for field, value in (("created_time_ms", created_ms), ("expires_time_ms", expires_ms)):
        if value == 0:  # to the rule, no expiry means never
            raise Refusal(errors_pb2.REASON_FIELD_MISSING, f"{field} is missing", field=field)
        if value < 0:
            raise invalid(field, "lies before 1970")
    if created_ms > now_ms + CLOCK_SKEW_MS:
        raise Refusal(
            errors_pb2.REASON_NOT_YET_VALID,
            "it was made in the future",
            field="created_time_ms",
        )
    if expires_ms < created_ms:
        raise invalid("expires_time_ms", "lies before created_time_ms")
    raise Refusal(
        errors_pb2.REASON_VALIDITY_TOO_LONG,
        f"an order may be valid for {MAX_ORDER_VALIDITY_MS} ms at most",
        field="expires_time_ms",
    )


def load_order(note: bytes) -> orders_pb2.LoadOrder | None:
    """The order that a hold's note keeps, if it is one to load a device; else it is a payment."""
    # Field 3 is a device's key in the one, the payee's number in the other.
    order = orders_pb2.LoadOrder.FromString(note)
    return order if len(order.device_key) == DEVICE_KEY_BYTES else None


def check_unexpired(expires_ms: int, now_ms: int) -> None:
    """For what the rule does not judge: queries and certificates."""
    if expires_ms < now_ms:
        raise Refusal(errors_pb2.REASON_EXPIRED, "it has expired", field="expires_time_ms")
