"""Feeds in tests: what a centre would say and sign, and what one has said to a bank."""

from __future__ import annotations

import hashlib
from typing import Any

from google.protobuf.message import Message
from nacl.signing import SigningKey

from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.peers.central_keys import CentralKeys
from runtime.envelope import key_id, sign, sign_payload
from runtime.hash_chain import beginning, linked

FeedEntry = registration_pb2.FeedEntry
CENTRAL_KEY = SigningKey(b"\x02" * 32)
CENTRAL_KEYS = CentralKeys([bytes(CENTRAL_KEY.verify_key)])
NO_ACTS = registration_pb2.ActsPlace(hash=bytes(32))
LEDGER = b"\x07" * 16


class Teller:
    """A centre that says to one bank what a test wants, in a chain as it should be."""

    def __init__(self, bank: str = "alpha", ledger: bytes = LEDGER) -> None:
        self.bank = bank
        self.ledger = ledger
        self.said: list[bytes] = []

    def say(self, entry: FeedEntry) -> FeedEntry:
        """The next entry; its number is set."""
        entry.number = len(self.said) + 1
        self.said.append(entry.SerializeToString())
        return entry

    def place(self, number: int) -> registration_pb2.FeedPlace:
        """The place of an entry."""
        digest = beginning("feed/v1", self.ledger, self.bank.encode())
        for data in self.said[:number]:
            digest = linked(digest, data)
        return registration_pb2.FeedPlace(ledger=self.ledger, number=number, hash=digest)

    def message(
        self, after: int, upto: int | None = None, *, key: SigningKey = CENTRAL_KEY, **tip: Any
    ) -> registration_pb2.FollowFeedResponse:
        """The entries after a number, signed; `tip` changes what is signed."""
        upto = len(self.said) if upto is None else upto
        told = registration_pb2.FeedTip(
            **{
                "bank": self.bank,
                "place": self.place(upto),
                "signed_time_ms": 1,
                "acts": NO_ACTS,
                **tip,
            }
        )
        name = key_id(bytes(key.verify_key))
        envelope = sign(told, key, name)
        return registration_pb2.FollowFeedResponse(entries=self.said[after:upto], tip=envelope)


def refused_deposit(
    number: int,
    payment: bytes,
    reason: errors_pb2.Reason,
    verdict: registration_pb2.TokenVerdict = registration_pb2.TOKEN_VERDICT_UNSPECIFIED,
    *,
    key: SigningKey = CENTRAL_KEY,
    kind: type[Message] = registration_pb2.DepositRefusal,
    **signed: Any,
) -> registration_pb2.DepositOutcome:
    """The answer that a deposit of bank alpha is refused; `signed` changes what is signed."""
    values = {
        "bank": "alpha",
        "number": number,
        "payment_digest": hashlib.sha256(payment).digest(),
        "reason": reason,
        "verdict": verdict,
        "signed_time_ms": 1,
        **signed,
    }
    payload = registration_pb2.DepositRefusal(**values).SerializeToString()
    return registration_pb2.DepositOutcome(
        number=number,
        state=registration_pb2.OUTCOME_STATE_REFUSED,
        reason=reason,
        verdict=verdict,
        refusal=sign_payload(kind, payload, key, key_id(bytes(key.verify_key))),
    )


def told(central: Any, bank: Any, after: int = 0) -> list[FeedEntry]:
    """All entries of a bank's feed after a number, as a central bank tells them."""
    link = central.feed.start(bank, registration_pb2.FeedPlace())
    found: list[FeedEntry] = []
    while True:
        message, read = central.feed.after(bank, link)
        if message is not None:
            found += [FeedEntry.FromString(data) for data in message.entries]
        if read.position == link.position:
            return found[after:]
        link = read


def payment_in(event: Any) -> registration_pb2.OutboundPayment:
    """The payment that an incoming or outgoing event carries."""
    return registration_pb2.OutboundPayment.FromString(event.payment)
