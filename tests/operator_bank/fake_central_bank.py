"""A central bank in memory, as a bank sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nacl.signing import SigningKey

from dcep.bank.v1 import inbound_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import aliases_pb2, registration_pb2
from offline_token.bundle import TrustBundle
from offline_token.signing import sign_bundle
from operator_bank.limits import MAX_OWN_REVOKED
from runtime.clock import ManualClock
from runtime.errors import NoAnswer, Refusal
from tests.feeds import Teller

NOW_MS, DAY_MS = 1_750_000_000_000, 86_400_000
ROOT = SigningKey(b"r" * 32)


@dataclass
class FakeCentralBank:
    """A `CentralBankPort` of `operator_bank.peers` that notes what it is asked, or is silent."""

    silent: bool = False
    refuses_the_feed: Refusal | None = None
    max_holding_fen: int = 50_000
    makes_tokens: bool = False
    submitted: list[registration_pb2.OutboundPayment] = field(default_factory=list)
    issuance: dict[str, int] = field(default_factory=dict)
    decided: set[str] = field(default_factory=set)
    alias_changes: list[aliases_pb2.AliasChange] = field(default_factory=list)
    carried: list[tuple[str, inbound_pb2.CarriedRequest]] = field(default_factory=list)
    revoked: list[bytes] = field(default_factory=list)
    reported: list[bytes] = field(default_factory=list)
    teller: Teller = field(default_factory=Teller)
    receipts: list[registration_pb2.FeedPlace] = field(default_factory=list)
    acts_told: list[registration_pb2.ActsPlace] = field(default_factory=list)
    journals: list[int] = field(default_factory=list)
    followed: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    acts_shown: list[int] = field(default_factory=list)
    announced: list[SignedEnvelope] = field(default_factory=list)
    clock: ManualClock | None = None
    bundle_time_ms: int = 0
    said: dict[bytes, bytes] = field(default_factory=dict)
    own: list[tuple[bytes, int]] = field(default_factory=list)
    since_time_ms: int = 0

    def submit(self, batch: registration_pb2.OutboundBatch) -> Sequence[registration_pb2.Outcome]:
        self._answer()
        self.submitted += batch.payments
        return []

    def change_aliases(
        self, changes: Sequence[aliases_pb2.AliasChange]
    ) -> Sequence[aliases_pb2.AliasOutcome]:
        self._answer()
        self.alias_changes += changes
        standing = aliases_pb2.ALIAS_STANDING_HELD
        return [aliases_pb2.AliasOutcome(standing=standing) for _ in changes]

    def ask_aliases(self, labels: Sequence[bytes]) -> Sequence[aliases_pb2.AliasOutcome]:
        self._answer()
        standing = aliases_pb2.ALIAS_STANDING_HELD
        return [aliases_pb2.AliasOutcome(standing=standing) for _ in labels]

    def alias_claims(self, after: bytes) -> Sequence[aliases_pb2.ClaimedLabel]:
        self._answer()
        return []

    def find_alias(self, label: bytes, nonce: bytes) -> bytes:
        self._answer()
        return bytes(256)

    def carry(self, prefix: str, items: Sequence[inbound_pb2.CarriedRequest]) -> None:
        self._answer()
        self.carried += [(prefix, item) for item in items]

    def request_issuance(self, request_id: str, amount_fen: int) -> bool:
        self._answer()
        self.issuance[request_id] = amount_fen
        return request_id not in self.decided

    def feed(
        self,
        after: registration_pb2.FeedPlace,
        journal_position: int,
        acts_number: int,
        _: SignedEnvelope | None,
    ) -> Iterator[registration_pb2.FollowFeedResponse]:
        self._answer()
        self.shown.append(journal_position)
        self.acts_shown.append(acts_number)
        if self.refuses_the_feed is not None:
            raise self.refuses_the_feed
        yield self.teller.message(after.number)

    def acknowledge(
        self,
        place: registration_pb2.FeedPlace,
        acts: registration_pb2.ActsPlace,
        journal_position: int,
        announced_number: int,
    ) -> None:
        self._answer()
        self.followed.append(announced_number)
        self.journals.append(journal_position)
        self.receipts.append(place)
        self.acts_told.append(acts)

    def register(self, number: int, *_: Any) -> registration_pb2.RegisterTokensResponse:
        if not self.makes_tokens:
            raise NotImplementedError
        outcome = registration_pb2.Outcome(
            number=number, state=registration_pb2.OUTCOME_STATE_SETTLED
        )
        return registration_pb2.RegisterTokensResponse(outcome=outcome, tokens=[b"%d" % number])

    def deposit(self, *_: Any) -> Sequence[registration_pb2.DepositOutcome]:
        raise NotImplementedError

    def revoke(self, device_certificates: Sequence[bytes], cause: str) -> None:
        self._answer()
        self.reported += device_certificates

    def announcements(self) -> Sequence[SignedEnvelope]:
        self._answer()
        return self.announced

    def trust_bundle(self) -> bytes:
        self._answer()
        if self.clock is not None:
            self.bundle_time_ms = max(self.bundle_time_ms + 1, self.clock.now_ms())
        bundle = TrustBundle(
            self.bundle_time_ms,
            30 * DAY_MS,
            max_hops=16,
            max_value_fen=1,
            max_payment_fen=1,
            max_holding_fen=self.max_holding_fen,
            banks=(),
            revoked=tuple(self.revoked),
            since_time_ms=self.since_time_ms,
        )
        return bytes(ROOT.verify_key) + sign_bundle(ROOT, bundle).encode()

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        self._answer()
        return [self.said[each] for each in certificates if each in self.said]

    def own_revoked(self, since_time_ms: int) -> tuple[Sequence[bytes], int]:
        self._answer()
        found = [(name, at) for name, at in self.own if at >= since_time_ms][:MAX_OWN_REVOKED]
        return [name for name, _ in found], found[-1][1] if found else 0

    def _answer(self) -> None:
        if self.silent:
            raise NoAnswer("silence")
