"""What officers of a bank may see, over gRPC: books, feed, suspense and what is lost."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import officers_pb2, officers_pb2_grpc
from operator_bank.app import OperatorBank
from runtime.pagination import decode_token, page_of, page_size
from runtime.tls import peer


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

    def GetFeed(
        self, request: officers_pb2.GetFeedRequest, context: grpc.ServicerContext
    ) -> officers_pb2.GetFeedResponse:  # noqa: N802
        place, stopped = self._bank.follower.place, self._bank.follower.stopped
        acts = self._bank.follower.acts_known()
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
            announced_number=self._bank.central_keys.followed,
        )

    def ListLost(
        self, request: officers_pb2.ListLostRequest, context: grpc.ServicerContext
    ) -> officers_pb2.ListLostResponse:  # noqa: N802
        size, after = page_size(request.page_size), decode_token(request.page_token, 1)
        found = self._bank.lost.page(size + 1, after[0] if after else 0)
        entries, token = page_of(found, size, lambda entry: [entry.entry])
        return officers_pb2.ListLostResponse(entries=entries, next_page_token=token)

    def ListKeyRequests(
        self, request: officers_pb2.ListKeyRequestsRequest, context: grpc.ServicerContext
    ) -> officers_pb2.ListKeyRequestsResponse:  # noqa: N802
        return self._bank.keys.asked(request.wallet_number)

    def LookAtCustomer(
        self, request: officers_pb2.LookAtCustomerRequest, context: grpc.ServicerContext
    ) -> officers_pb2.LookAtCustomerResponse:  # noqa: N802
        return self._bank.looks.look(peer(context), request.look)

    def ListLooks(
        self, request: officers_pb2.ListLooksRequest, context: grpc.ServicerContext
    ) -> officers_pb2.ListLooksResponse:  # noqa: N802
        officer = self._bank.officers.known(peer(context))
        size, before = page_size(request.page_size), decode_token(request.page_token, 1)
        found = self._bank.looks.page(size + 1, before[0] if before else None)
        rows, token = page_of(found, size, lambda row: [row.id])
        last = self._bank.looks.last(officer.name)
        answer = officers_pb2.ListLooksResponse(
            next_page_token=token, next_number=last.number + 1, previous_time_ms=last.time_ms
        )
        for row in rows:
            recorded = answer.looks.add(time_ms=row.time_ms)
            recorded.look.payload = bytes(row.payload)
            recorded.look.signature = bytes(row.signature)
            recorded.look.key_id = row.officer.encode()
        return answer

    def ListSuspense(
        self, request: officers_pb2.ListSuspenseRequest, context: grpc.ServicerContext
    ) -> officers_pb2.ListSuspenseResponse:  # noqa: N802
        size, after = page_size(request.page_size), decode_token(request.page_token, 1)
        found = self._bank.suspense.page(size + 1, after[0] if after else 0)
        entries, token = page_of(found, size, lambda entry: [entry.position])
        return officers_pb2.ListSuspenseResponse(entries=entries, next_page_token=token)
