"""Opens wallets, only for somebody who proves to have the key."""

from __future__ import annotations

from collections.abc import Sequence

from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank.context import Context
from operator_bank.customers.codes import PhoneCodes
from operator_bank.customers.customers import OpeningOrder
from operator_bank.customers.proving import Claim
from operator_bank.limits import MAX_OPENING_VALIDITY_MS
from operator_bank.wallets.directory import Directory, Wallet, Wanted
from operator_bank.wallets.orders import check_bank, check_times
from runtime.bounds import too_long
from runtime.checks import invalid, of_item, public_key, request_id
from runtime.ed25519 import PUBLIC_KEY_BYTES
from runtime.envelope import begin_many, wrong_signature
from runtime.errors import Refusal
from runtime.messages import check, read_payload
from runtime.signatures import SignatureVerifier

_LONGEST = too_long(orders_pb2.OpenWalletOrder.DESCRIPTOR)


class WalletOpening:
    """The use-case behind OpenWallet, OpenWallets and SendCode."""

    def __init__(
        self,
        context: Context,
        directory: Directory,
        codes: PhoneCodes,
        verifier: SignatureVerifier,
    ) -> None:
        self._directory = directory
        self._codes = codes
        self._clock = context.clock
        self._verifier = verifier
        self._bank = context.bank

    def send_code(self, request: wallets_pb2.SendCodeRequest) -> int:
        """Sends a code to a telephone; returns when it ends, Unix milliseconds."""
        check(request)
        return self._codes.send(request.phone, public_key(request.public_key, "public_key"))

    def open(self, asked: wallets_pb2.OpenWalletRequest) -> Wallet:
        """Opens a wallet for the key that signed the order; a repeated order opens no second
        one.
        """
        [(key, good)] = self._verified([asked.order])
        return self._directory.open_many([self._wanted(asked, key, verified=good)])[0]

    def open_many(self, asked: Sequence[wallets_pb2.OpenWalletRequest]) -> list[Wallet]:
        """Opens wallets, all or none; a Refusal names the item."""
        wanted = []
        for index, (key, good) in enumerate(self._verified([one.order for one in asked])):
            try:
                wanted.append(self._wanted(asked[index], key, verified=good))
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

    def _wanted(
        self, asked: wallets_pb2.OpenWalletRequest, key: bytes | None, *, verified: bool
    ) -> Wanted:
        envelope = asked.order
        check(envelope)
        if key is None:
            raise invalid("key_id", f"is the new key, {2 * PUBLIC_KEY_BYTES} hexadecimal digits")
        public_key(key, "public_key")
        if not verified:
            raise wrong_signature()
        order = read_payload(orders_pb2.OpenWalletOrder, envelope.payload)
        if order.public_key != key:
            raise invalid("public_key", "is another key than the one that signed")
        check_bank(order.bank, self._bank)
        now_ms = self._clock.now_ms()
        check_times(order, now_ms, longest_ms=MAX_OPENING_VALIDITY_MS)
        return Wanted(
            request_id=request_id(order.request_id),
            public_key=key,
            claim=Claim.of(key, asked.holder, order.holder_digest, asked.code),
            order=OpeningOrder(order.holder_digest, envelope.payload, envelope.signature),
            opened_time_ms=now_ms,
            recovery_key=order.recovery_key,
        )


def _key(key_id: bytes) -> bytes | None:
    """The key of a key_id in lower-case hex; None for anything else."""
    try:
        key = bytes.fromhex(key_id.decode("ascii"))
    except ValueError:
        return None
    return key if len(key) == PUBLIC_KEY_BYTES and key.hex().encode() == key_id else None
