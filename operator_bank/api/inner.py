"""The inner port over gRPC: answers the central bank's questions, and shows officers what they may
see.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import grpc

from dcep.bank.v1 import inbound_pb2, inbound_pb2_grpc, officers_pb2, officers_pb2_grpc
from dcep.errors.v1 import errors_pb2
from officers.grpc_acts import SERVICE_PATH
from officers.people import Officers
from operator_bank.app import OperatorBank
from operator_bank.wallets.classes import limits_of
from runtime.errors import Refusal
from runtime.pagination import decode_token, encode_token, page_size
from runtime.server import Authorizer
from runtime.tls import Identity

_OFFICE = "/dcep.bank.v1.OfficeService/"
_INBOUND = "/dcep.bank.v1.InboundService/"


def inner_authorizer(officers: Officers, revoked: Callable[[], Collection[str]]) -> Authorizer:
    """Admits registered officers of this bank to the office, and the central bank to its own
    questions.

    Args:
        revoked: gives the fingerprints of certificates that the central bank has revoked.
    """

    def authorize(who: Identity | None, method: str) -> None:
        if who is None:
            raise Refusal(
                errors_pb2.REASON_CERTIFICATE_REQUIRED, "show a certificate with one role"
            )
        if method.startswith((_OFFICE, SERVICE_PATH)):
            officers.known(who)
            return
        if method.startswith(_INBOUND) and who.role == "central-bank":
            if who.fingerprint in revoked():
                raise Refusal(
                    errors_pb2.REASON_ROLE_NOT_ALLOWED,
                    "this certificate is the central bank's no more: it is revoked",
                )
            return
        raise Refusal(
            errors_pb2.REASON_ROLE_NOT_ALLOWED,
            f"{who.role} {who.name} may not call {method.rpartition('/')[2]}",
        )

    return authorize


class GrpcInbound(inbound_pb2_grpc.InboundServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def CheckPayees(
        self, request: inbound_pb2.CheckPayeesRequest, context: grpc.ServicerContext
    ) -> inbound_pb2.CheckPayeesResponse:  # noqa: N802
        # An older copy of the database would deny wallets that were opened since.
        self._bank.standing.check()
        said = self._bank.inbound.can_be_paid(request.wallet_numbers)
        return inbound_pb2.CheckPayeesResponse(can_be_paid=said)

    def ReserveForRedemption(
        self, request: inbound_pb2.ReserveForRedemptionRequest, context: grpc.ServicerContext
    ) -> inbound_pb2.ReserveForRedemptionResponse:  # noqa: N802
        self._bank.vault.reserve_for_redemption(request.number, request.amount_fen)
        return inbound_pb2.ReserveForRedemptionResponse()


class GrpcOffice(officers_pb2_grpc.OfficeServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def GetBooks(
        self, request: officers_pb2.GetBooksRequest, context: grpc.ServicerContext
    ) -> officers_pb2.GetBooksResponse:  # noqa: N802
        books = self._bank.vault.books()
        return officers_pb2.GetBooksResponse(
            mirror_fen=books.mirror_fen,
            vault_fen=books.vault_fen,
            wallets_fen=books.wallets_fen,
            holds_fen=books.holds_fen,
            suspense_fen=books.suspense_fen,
            lost_fen=books.lost_fen,
            wallets=len(self._bank.directory),
            feed_position=books.feed_position,
            journal_position=books.journal_position,
            projected_position=books.projected_position,
            pending_outbound=books.pending_outbound,
            probing_wallets=self._bank.probing(),
        )

    def GetPolicy(
        self, request: officers_pb2.GetPolicyRequest, context: grpc.ServicerContext
    ) -> officers_pb2.GetPolicyResponse:  # noqa: N802
        return officers_pb2.GetPolicyResponse(classes=limits_of(self._bank.policy.table))

    def GetFeed(
        self, request: officers_pb2.GetFeedRequest, context: grpc.ServicerContext
    ) -> officers_pb2.GetFeedResponse:  # noqa: N802
        place, stopped = self._bank.follower.place, self._bank.follower.stopped
        acts = self._bank.acts.chain.place()
        return officers_pb2.GetFeedResponse(
            ledger=place.ledger,
            number=place.number,
            hash=place.hash,
            position=place.position,
            stopped_cause=stopped.cause if stopped is not None else "",
            stopped_since_ms=stopped.since_ms if stopped is not None else 0,
            contradictions=[
                officers_pb2.Contradiction(about=about, cause=said.cause, since_ms=said.since_ms)
                for about, said in self._bank.contradictions.now().items()
            ],
            behind=self._bank.standing.is_behind,
            incarnation=self._bank.windows.incarnation,
            journal_position=self._bank.books.ledger.position(),
            last_deposit=self._bank.offline.deposits.last(),
            acts_number=acts.number,
            acts_hash=acts.hash,
        )

    def ListLost(
        self, request: officers_pb2.ListLostRequest, context: grpc.ServicerContext
    ) -> officers_pb2.ListLostResponse:  # noqa: N802
        size, after = page_size(request.page_size), decode_token(request.page_token, 1)
        found = self._bank.lost.page(size, after[0] if after else 0)
        token = encode_token(found[-1].entry) if len(found) == size else ""
        return officers_pb2.ListLostResponse(entries=found, next_page_token=token)

    def ListSuspense(
        self, request: officers_pb2.ListSuspenseRequest, context: grpc.ServicerContext
    ) -> officers_pb2.ListSuspenseResponse:  # noqa: N802
        size, after = page_size(request.page_size), decode_token(request.page_token, 1)
        found = self._bank.suspense.page(size, after[0] if after else 0)
        token = encode_token(found[-1].position) if len(found) == size else ""
        return officers_pb2.ListSuspenseResponse(entries=found, next_page_token=token)
