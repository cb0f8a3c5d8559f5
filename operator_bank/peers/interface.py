"""What a bank needs of the central bank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import registration_pb2


class CentralBank(Protocol):
    """The central bank, as a bank sees it. Every call raises NoAnswer or Refusal."""

    def submit(self, batch: registration_pb2.OutboundBatch) -> Sequence[registration_pb2.Outcome]:
        """Asks for settlement of a batch's payments; fills in the rest of it and signs it."""
        ...

    def feed(
        self, after: registration_pb2.FeedPlace, journal_position: int
    ) -> Iterator[registration_pb2.FollowFeedResponse]:
        """The bank's feed after a place, as it comes; and where the bank's own journal ends."""
        ...

    def acknowledge(
        self,
        place: registration_pb2.FeedPlace,
        acts: registration_pb2.ActsPlace,
        journal_position: int,
    ) -> None:
        """Signs how far the feed has durably been applied, and where its officers' acts end, and
        its journal.
        """
        ...

    def register(
        self, number: int, amount_fen: int, device_certificate: bytes, possession: bytes
    ) -> registration_pb2.RegisterTokensResponse:
        """Registers tokens for a device that has asked this bank for its certificate."""
        ...

    def deposit(
        self, items: Sequence[registration_pb2.TokenDepositItem]
    ) -> Sequence[registration_pb2.DepositOutcome]:
        """Deposits tokens."""
        ...

    def request_issuance(self, request_id: str, amount_fen: int) -> bool:
        """Asks for issuance; True while the central bank's officers have not decided."""
        ...

    def revoke(self, device_certificates: Sequence[bytes], cause: str) -> None:
        """Has devices revoked that the bank certified."""
        ...

    def key_successions(self) -> Sequence[SignedEnvelope]:
        """What it has announced of its business keys, in order."""
        ...

    def trust_bundle(self) -> bytes:
        """The root's key and the signed trust bundle."""
        ...

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """What the root says of devices and their banks, where the trust bundle does not."""
        ...

    def own_revoked(self, since_time_ms: int) -> tuple[Sequence[bytes], int]:
        """This bank's devices that were revoked from a time on, and when the last of these was.

        A full answer has `MAX_OWN_REVOKED`; the rest is asked for from that time on.
        """
        ...
