"""Calls the central bank over gRPC; implements `operator_bank.peers.interface.CentralBankPort`."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from dcep.authentication.v1 import authentication_pb2, authentication_pb2_grpc
from dcep.bank.v1 import inbound_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.issuance.v1 import issuance_pb2, issuance_pb2_grpc
from dcep.registration.v1 import (
    aliases_pb2,
    aliases_pb2_grpc,
    registration_pb2,
    registration_pb2_grpc,
)
from operator_bank.limits import SUBMIT_VALIDITY_MS
from runtime.clock import Clock
from runtime.envelope import sign
from runtime.errors import Refusal
from runtime.logs import logger
from runtime.signing_keys import Signer

_TIMEOUT_S = 15.0
_SESSION_BYTES = 16
_OF_THE_CLOCK = (errors_pb2.REASON_EXPIRED, errors_pb2.REASON_NOT_YET_VALID)
_TIME = re.compile("[0-9]{1,15}")
T = TypeVar("T")


class GrpcCentralBank:
    """The central bank over one channel. Every batch is signed with the bank's business key."""

    def __init__(self, channel: grpc.Channel, bank: str, key: Signer, clock: Clock) -> None:
        self._bank = bank
        self._key = key
        self._clock = clock
        self._registration = registration_pb2_grpc.RegistrationServiceStub(channel)
        self._aliases = aliases_pb2_grpc.AliasDirectoryServiceStub(channel)
        self._issuance = issuance_pb2_grpc.IssuanceServiceStub(channel)
        self._authentication = authentication_pb2_grpc.AuthenticationServiceStub(channel)
        self._lock = threading.Lock()
        self._feed: grpc.Call | None = None
        self._session = secrets.token_bytes(_SESSION_BYTES)
        self.incarnation: Callable[[], int] = lambda: 0
        """The number that everything signed here names; see
        `operator_bank.lost.windows.ComeBacks`."""
        self._behind_ms = 0
        """How far this bank's clock is behind the central bank's, once a call was refused for
        that."""

    def submit(self, batch: registration_pb2.OutboundBatch) -> Sequence[registration_pb2.Outcome]:
        """See `peers.CentralBank.submit`."""
        batch.bank, batch.incarnation = self._bank, self.incarnation()

        def call() -> Sequence[registration_pb2.Outcome]:
            batch.created_time_ms, batch.expires_time_ms = self._window()
            request = registration_pb2.SubmitPaymentsRequest(batch=self._sign(batch))
            return list(self._registration.SubmitPayments(request, timeout=_TIMEOUT_S).outcomes)

        return self._in_time(call)

    def feed(
        self,
        after: registration_pb2.FeedPlace,
        journal_position: int,
        acts_number: int,
        tip: SignedEnvelope | None,
    ) -> Iterator[registration_pb2.FollowFeedResponse]:
        """See `peers.CentralBank.feed`."""
        request = registration_pb2.FollowFeedRequest(
            after=after,
            incarnation=self.incarnation(),
            journal_position=journal_position,
            acts_number=acts_number,
            session=self._session,
            tip=tip,
        )
        stream = self._registration.FollowFeed(request)
        with self._lock:
            self._feed = stream
        try:
            yield from stream
        finally:
            stream.cancel()

    def acknowledge(
        self,
        place: registration_pb2.FeedPlace,
        acts: registration_pb2.ActsPlace,
        journal_position: int,
        announced_number: int,
    ) -> None:
        """See `peers.CentralBank.acknowledge`."""
        created, expires = self._window()
        receipt = registration_pb2.FeedReceipt(
            bank=self._bank,
            created_time_ms=created,
            expires_time_ms=expires,
            place=place,
            acts=acts,
            incarnation=self.incarnation(),
            journal_position=journal_position,
            announced_number=announced_number,
        )
        request = registration_pb2.AcknowledgeFeedRequest(
            receipt=self._sign(receipt), session=self._session
        )
        try:
            self._registration.AcknowledgeFeed(request, timeout=_TIMEOUT_S)
        except Refusal as refusal:
            if refusal.reason == errors_pb2.REASON_FEED_STEPPED_BACK:
                # Another process is taken for the one that follows, perhaps one of before that was
                # heard late. Whoever follows anew is it again, or learns that it is an older copy.
                self.stop_feed()
            raise

    def stop_feed(self) -> None:
        """Ends the feed that is being followed, so that its thread can stop."""
        with self._lock:
            if self._feed is not None:
                self._feed.cancel()

    def register(
        self, number: int, amount_fen: int, device_certificate: bytes, possession: bytes
    ) -> registration_pb2.RegisterTokensResponse:
        """See `peers.CentralBank.register`."""

        def call() -> registration_pb2.RegisterTokensResponse:
            created, expires = self._window()
            order = registration_pb2.TokenRegistration(
                bank=self._bank,
                number=number,
                amount_fen=amount_fen,
                device_certificate=device_certificate,
                possession=possession,
                created_time_ms=created,
                expires_time_ms=expires,
                incarnation=self.incarnation(),
            )
            request = registration_pb2.RegisterTokensRequest(registration=self._sign(order))
            answer: registration_pb2.RegisterTokensResponse
            answer = self._registration.RegisterTokens(request, timeout=_TIMEOUT_S)
            return answer

        return self._in_time(call)

    def deposit(
        self, items: Sequence[registration_pb2.TokenDepositItem]
    ) -> Sequence[registration_pb2.DepositOutcome]:
        """See `peers.CentralBank.deposit`."""

        def call() -> Sequence[registration_pb2.DepositOutcome]:
            created, expires = self._window()
            order = registration_pb2.TokenDeposit(
                bank=self._bank,
                created_time_ms=created,
                expires_time_ms=expires,
                items=items,
                incarnation=self.incarnation(),
            )
            request = registration_pb2.DepositTokensRequest(deposit=self._sign(order))
            return list(self._registration.DepositTokens(request, timeout=_TIMEOUT_S).outcomes)

        return self._in_time(call)

    def carry(self, prefix: str, items: Sequence[inbound_pb2.CarriedRequest]) -> None:
        """See `peers.CentralBank.carry`."""
        request = registration_pb2.CarryRequestsRequest(prefix=prefix, items=items)
        self._registration.CarryRequests(request, timeout=_TIMEOUT_S)

    def change_aliases(
        self, changes: Sequence[aliases_pb2.AliasChange]
    ) -> Sequence[aliases_pb2.AliasOutcome]:
        """See `peers.CentralBank.change_aliases`."""

        def call() -> Sequence[aliases_pb2.AliasOutcome]:
            created, expires = self._window()
            for change in changes:
                change.bank, change.incarnation = self._bank, self.incarnation()
                change.created_time_ms, change.expires_time_ms = created, expires
            signed = [self._sign(change) for change in changes]
            request = aliases_pb2.ChangeAliasesRequest(changes=signed)
            return list(self._aliases.ChangeAliases(request, timeout=_TIMEOUT_S).outcomes)

        return self._in_time(call)

    def ask_aliases(self, labels: Sequence[bytes]) -> Sequence[aliases_pb2.AliasOutcome]:
        """See `peers.CentralBank.ask_aliases`."""
        request = aliases_pb2.AskAliasesRequest(labels=labels)
        return list(self._aliases.AskAliases(request, timeout=_TIMEOUT_S).outcomes)

    def alias_claims(self, after: bytes) -> Sequence[aliases_pb2.ClaimedLabel]:
        """See `peers.CentralBank.alias_claims`."""
        request = aliases_pb2.ListClaimsRequest(after=after)
        return list(self._aliases.ListClaims(request, timeout=_TIMEOUT_S).claims)

    def find_alias(self, label: bytes, nonce: bytes) -> bytes:
        """See `peers.CentralBank.find_alias`."""
        request = aliases_pb2.FindAliasRequest(label=label, nonce=nonce)
        return bytes(self._aliases.FindAlias(request, timeout=_TIMEOUT_S).answer)

    def request_issuance(self, request_id: str, amount_fen: int) -> bool:
        """See `peers.CentralBank.request_issuance`."""
        request = issuance_pb2.CreateRequestRequest(
            request_id=request_id,
            bank=self._bank,
            direction=issuance_pb2.DIRECTION_ISSUE,
            amount_fen=amount_fen,
        )
        answer = self._issuance.CreateRequest(request, timeout=_TIMEOUT_S)
        return bool(answer.request.state == issuance_pb2.REQUEST_STATE_WAITING)

    def revoke(self, device_certificates: Sequence[bytes], cause: str) -> None:
        """See `peers.CentralBank.revoke`."""
        request = authentication_pb2.RevokeOwnDevicesRequest(
            device_certificates=device_certificates, cause=cause
        )
        self._authentication.RevokeOwnDevices(request, timeout=_TIMEOUT_S)

    def announcements(self) -> Sequence[SignedEnvelope]:
        """See `peers.CentralBank.announcements`."""
        request = authentication_pb2.ListCentralKeysRequest()
        answer = self._authentication.ListCentralKeys(request, timeout=_TIMEOUT_S)
        return list(answer.announcements)

    def trust_bundle(self) -> bytes:
        """See `peers.CentralBank.trust_bundle`."""
        request = authentication_pb2.GetTrustBundleRequest()
        return bytes(self._authentication.GetTrustBundle(request, timeout=_TIMEOUT_S).trust_bundle)

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """See `peers.CentralBank.statements`."""
        request = authentication_pb2.GetTrustBundleRequest(certificates=certificates)
        answer = self._authentication.GetTrustBundle(request, timeout=_TIMEOUT_S)
        return [bytes(statement) for statement in answer.statements]

    def own_revoked(self, since_time_ms: int) -> tuple[Sequence[bytes], int]:
        """See `peers.CentralBank.own_revoked`."""
        request = authentication_pb2.GetTrustBundleRequest(revoked_since_time_ms=since_time_ms)
        answer = self._authentication.GetTrustBundle(request, timeout=_TIMEOUT_S)
        names = [bytes(name) for name in answer.own_revoked]
        return names, int(answer.own_revoked_until_time_ms)

    def _in_time(self, call: Callable[[], T]) -> T:
        """Makes a signed call; if the clocks differ, once more by the central bank's time.

        Only the central bank decides, by its own clock, how long a call is good. So its time is
        believed for that, and for nothing else.
        """
        try:
            return call()
        except Refusal as refusal:
            if not self._heed(refusal):
                raise
        return call()

    def _heed(self, refusal: Refusal) -> bool:
        """Whether a refusal says that the clocks differ; notes by how much."""
        said = refusal.metadata.get("now_ms", "")
        if refusal.reason not in _OF_THE_CLOCK or not _TIME.fullmatch(said):
            return False
        self._behind_ms = int(said) - self._clock.now_ms()
        logger("central-bank").warning("its clock differs", ahead_ms=self._behind_ms)
        return True

    def _window(self) -> tuple[int, int]:
        now_ms = self._clock.now_ms() + self._behind_ms
        return now_ms, now_ms + SUBMIT_VALIDITY_MS

    def _sign(self, statement: Message) -> SignedEnvelope:
        return sign(statement, self._key, self._bank.encode())
