"""Defines what a bank asks of the central bank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from dcep.bank.v1 import inbound_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.registration.v1 import aliases_pb2, registration_pb2


class CentralBankPort(Protocol):
    """The central bank, as a bank calls it. Every call raises NoAnswer or Refusal."""

    def submit(self, batch: registration_pb2.OutboundBatch) -> Sequence[registration_pb2.Outcome]:
        """Asks for settlement of a batch's payments. The rest of the batch is filled in, and it is
        signed.
        """
        ...

    def feed(
        self,
        after: registration_pb2.FeedPlace,
        journal_position: int,
        acts_number: int,
        tip: SignedEnvelope | None,
    ) -> Iterator[registration_pb2.FollowFeedResponse]:
        """Yields the bank's feed after a place, as it comes.

        Args:
            after: the place that was applied last.
            journal_position: where the bank's own journal ends, which the central bank is told.
            acts_number: of the last act of the bank's officers, which it is told too.
            tip: the newest signed place that was applied, if there is one.
        """
        ...

    def acknowledge(
        self,
        place: registration_pb2.FeedPlace,
        acts: registration_pb2.ActsPlace,
        journal_position: int,
        announced_number: int,
    ) -> None:
        """Signs how far the feed is durably applied, where the officers' acts and the journal end,
        and which announcement this bank follows as the last.
        """
        ...

    def register(
        self, number: int, amount_fen: int, device_certificate: bytes, possession: bytes
    ) -> registration_pb2.RegisterTokensResponse:
        """Registers a load: the central bank makes tokens.

        Args:
            number: of the load at this bank.
            amount_fen: how much.
            device_certificate: encoded.
            possession: what the device signed to be certified by this bank.
        """
        ...

    def deposit(
        self, items: Sequence[registration_pb2.TokenDepositItem]
    ) -> Sequence[registration_pb2.DepositOutcome]:
        """Deposits tokens; returns an outcome for each."""
        ...

    def carry(self, prefix: str, items: Sequence[inbound_pb2.CarriedRequest]) -> None:
        """Has requests to pay, or changes of them, carried to another bank.

        Args:
            prefix: of the numbers of that bank's wallets.
            items: up to 100.
        """
        ...

    def change_aliases(
        self, changes: Sequence[aliases_pb2.AliasChange]
    ) -> Sequence[aliases_pb2.AliasOutcome]:
        """Changes what the directory has of this bank. The rest of each change is filled in, and it
        is signed.

        Args:
            changes: up to 100, each with label, action and a number above all before.
        """
        ...

    def ask_aliases(self, labels: Sequence[bytes]) -> Sequence[aliases_pb2.AliasOutcome]:
        """How up to 500 labels stand for this bank."""
        ...

    def alias_claims(self, after: bytes) -> Sequence[aliases_pb2.ClaimedLabel]:
        """Labels of this bank that others claim, in order after one; fewer than 500 at the end."""
        ...

    def find_alias(self, label: bytes, nonce: bytes) -> bytes:
        """What the bank that has a label says of it, sealed; as many random bytes for nothing."""
        ...

    def request_issuance(self, request_id: str, amount_fen: int) -> bool:
        """Asks for issuance; returns True while the central bank's officers have not decided."""
        ...

    def revoke(self, device_certificates: Sequence[bytes], cause: str) -> None:
        """Has devices revoked that this bank certified."""
        ...

    def announcements(self) -> Sequence[SignedEnvelope]:
        """What the central bank has announced, in order."""
        ...

    def trust_bundle(self) -> bytes:
        """The root's key, 32 bytes, and the signed trust bundle."""
        ...

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """The root's statements about devices and their banks that the trust bundle does not
        cover.
        """
        ...

    def own_revoked(self, since_time_ms: int) -> tuple[Sequence[bytes], int]:
        """This bank's devices that were revoked since a time, and when the last of them was.

        If there are `MAX_OWN_REVOKED` of them, there may be more; ask again from the time returned.
        """
        ...
