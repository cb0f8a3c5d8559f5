"""Opens and funds the wallets of a replay: one for each party, spread over the banks."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message
from nacl.signing import SigningKey

from dcep.bank.v1 import orders_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from runtime.chunks import chunks
from runtime.envelope import sign
from sandbox.limits import MAX_NAME, OPENING_VALID_MS, ORDER_VALID_MS
from sandbox.replay.peers import BankPeer

_SALT_BYTES = 16


@dataclass
class ReplayWallet:
    """A party's wallet.

    Attributes:
        bank: the index of its bank.
        number: the wallet's.
        key: it signs the wallet's orders.
        next_sequence: of the next order.
    """

    bank: int
    number: str
    key: SigningKey
    next_sequence: int = 1

    def payment(self, payee: str, amount_fen: int, now_ms: int) -> SignedEnvelope:
        """A signed order to pay ``amount_fen`` to the wallet ``payee``."""
        order = orders_pb2.PaymentOrder(
            wallet_number=self.number,
            sequence=self._take_sequence(),
            payee_number=payee,
            amount_fen=amount_fen,
            created_time_ms=now_ms,
            expires_time_ms=now_ms + ORDER_VALID_MS,
        )
        return self._sign(order)

    def top_up(self, receipt: SignedEnvelope, amount_fen: int, now_ms: int) -> SignedEnvelope:
        """A signed order to put cash into the wallet, with the machine's receipt for it."""
        order = orders_pb2.ExchangeOrder(
            wallet_number=self.number,
            sequence=self._take_sequence(),
            direction=orders_pb2.EXCHANGE_DIRECTION_TOP_UP,
            medium=orders_pb2.EXCHANGE_MEDIUM_CASH,
            amount_fen=amount_fen,
            created_time_ms=now_ms,
            expires_time_ms=now_ms + ORDER_VALID_MS,
            cash_receipt=receipt,
        )
        return self._sign(order)

    def _take_sequence(self) -> int:
        sequence = self.next_sequence
        self.next_sequence += 1
        return sequence

    def _sign(self, order: Message) -> SignedEnvelope:
        return sign(order, self.key, self.number.encode())


def open_wallets(
    peers: Sequence[BankPeer],
    parties: Sequence[str],
    now_ms: Callable[[], int],
    items_per_call: int,
) -> Iterator[list[tuple[int, ReplayWallet]]]:
    """Open a wallet for each party, party i at bank i mod n.

    The party's name in the file becomes the holder's name, as far as a bank takes it.

    Yields:
        After each bulk call, its pairs of a party's index and wallet.
    """
    for index, peer in enumerate(peers):
        mine = range(index, len(parties), len(peers))
        for chunk in chunks(mine, items_per_call):
            keys = [SigningKey.generate() for _ in chunk]
            requests = [
                _opening(key, holder_name(parties[party]), peer.name, now_ms())
                for party, key in zip(chunk, keys, strict=True)
            ]
            answers = peer.open_many(requests)
            yield [
                (party, ReplayWallet(bank=index, number=answer.wallet_number, key=key))
                for party, key, answer in zip(chunk, keys, answers, strict=True)
            ]


def holder_name(party: str) -> str:
    """A holder's name for a party, whose name in the file may be any text.

    Characters that cannot be printed become spaces, and a long name is cut.
    """
    printable = "".join(c if c.isprintable() else " " for c in f"party {party}")
    return " ".join(printable.split())[:MAX_NAME].rstrip()


def _opening(
    key: SigningKey, holder_name: str, bank: str, now_ms: int
) -> wallets_pb2.OpenWalletRequest:
    """A request for a wallet, signed with the key that it will have."""
    public = bytes(key.verify_key)
    # As random as the key, and nobody needs it again.
    salt = hashlib.sha256(bytes(key)).digest()[:_SALT_BYTES]
    holder = orders_pb2.Holder(salt=salt, name=holder_name).SerializeToString()
    order = orders_pb2.OpenWalletOrder(
        request_id=str(uuid.uuid4()),
        public_key=public,
        holder_digest=hashlib.sha256(holder).digest(),
        bank=bank,
        created_time_ms=now_ms,
        expires_time_ms=now_ms + OPENING_VALID_MS,
    )
    envelope = sign(order, key, public.hex().encode())
    return wallets_pb2.OpenWalletRequest(order=envelope, holder=holder)


def fund(
    peers: Sequence[BankPeer],
    wallets: Sequence[ReplayWallet],
    amounts_fen: Sequence[int],
    now_ms: int,
    items_per_call: int,
) -> Iterator[tuple[int, Counter[int]]]:
    """Top up wallet i with ``amounts_fen[i]`` of cash.

    Yields:
        After each bulk call, its number of orders, and how many were refused, by reason.
    """
    for index, peer in enumerate(peers):
        mine = [i for i, wallet in enumerate(wallets) if wallet.bank == index and amounts_fen[i]]
        for chunk in chunks(mine, items_per_call):
            orders = [
                wallets[i].top_up(
                    peer.cash_receipt(wallets[i].number, amounts_fen[i]), amounts_fen[i], now_ms
                )
                for i in chunk
            ]
            answers = peer.exchange_many(orders)
            yield len(orders), Counter(answer.reason for answer in answers if answer.reason)
