"""Opens wallets, only for somebody who proves to have the key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from dcep.bank.v1 import orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.context import Context
from operator_bank.customers.customers import Applicant, OpeningOrder
from operator_bank.limits import MAX_OPENING_VALIDITY_MS
from operator_bank.wallets.directory import Directory, Wallet, Wanted
from operator_bank.wallets.orders import check_unexpired, check_window
from runtime.bounds import too_long
from runtime.checks import invalid, of_item, public_key, request_id
from runtime.ed25519 import PUBLIC_KEY_BYTES
from runtime.envelope import begin_many, wrong_signature
from runtime.errors import Refusal
from runtime.messages import check, read_payload
from runtime.signatures import SignatureVerifier

_LONGEST = too_long(orders_pb2.OpenWalletOrder.DESCRIPTOR)


class WalletOpening:
    """The use-case behind OpenWallet and OpenWallets."""

    def __init__(self, context: Context, directory: Directory, verifier: SignatureVerifier) -> None:
        self._directory = directory
        self._clock = context.clock
        self._verifier = verifier
        self._bank = context.bank

    def open(self, envelope: SignedEnvelope) -> Wallet:
        """Opens a wallet for the key that signed the order; a repeated order opens no second
        one.
        """
        [(key, good)] = self._verified([envelope])
        return self._directory.open_many([self._wanted(envelope, key, verified=good)])[0]

    def open_many(self, envelopes: Sequence[SignedEnvelope]) -> list[Wallet]:
        """Opens wallets, all or none; a Refusal names the item."""
        wanted = []
        for index, (key, good) in enumerate(self._verified(envelopes)):
            try:
                wanted.append(self._wanted(envelopes[index], key, verified=good))
            except Refusal as refusal:
                raise of_item(f"items[{index}]", refusal) from None
        return self._directory.open_many(wanted)

    def _verified(self, envelopes: Sequence[SignedEnvelope]) -> list[tuple[bytes | None, bool]]:
        """For each envelope its key, or None if its key_id is no key, and whether the key signed
        it.
        """
        keys = [_key(envelope.key_id) for envelope in envelopes]
        good = begin_many(
            orders_pb2.OpenWalletOrder, envelopes, keys, self._verifier, most=_LONGEST
        )()
        return list(zip(keys, good.tolist(), strict=True))

    def _wanted(self, envelope: SignedEnvelope, key: bytes | None, *, verified: bool) -> Wanted:
        check(envelope)
        if key is None:
            raise invalid("key_id", f"is the new key, {2 * PUBLIC_KEY_BYTES} hexadecimal digits")
        public_key(key, "public_key")
        if not verified:
            raise wrong_signature()
        order = read_payload(orders_pb2.OpenWalletOrder, envelope.payload)
        if order.public_key != key:
            raise invalid("public_key", "is another key than the one that signed")
        if order.bank != self._bank:
            raise invalid("bank", f"is not this bank, {self._bank}")
        now_ms = self._clock.now_ms()
        created_ms, expires_ms = order.created_time_ms, order.expires_time_ms
        check_window(created_ms, expires_ms, now_ms, longest_ms=MAX_OPENING_VALIDITY_MS)
        check_unexpired(expires_ms, now_ms)
        applicant = Applicant.of(order)
        content = b"\0".join([key, order.holder_name.encode(), order.phone.encode()])
        return Wanted(
            request_id=request_id(order.request_id),
            public_key=key,
            applicant=applicant,
            order=OpeningOrder(
                hashlib.sha256(content).digest(), envelope.payload, envelope.signature
            ),
            opened_time_ms=now_ms,
        )


def _key(key_id: bytes) -> bytes | None:
    """The key of a key_id in lower-case hex; None for anything else."""
    try:
        key = bytes.fromhex(key_id.decode("ascii"))
    except ValueError:
        return None
    return key if len(key) == PUBLIC_KEY_BYTES and key.hex().encode() == key_id else None
