"""IssuanceService over gRPC: translates, and decides nothing."""

from __future__ import annotations

from typing import Any

import grpc
from sqlalchemy import Row

from central_bank.authentication.authorization import is_central_officer
from central_bank.authentication.banks import Registry
from central_bank.issuance import requests as rules
from central_bank.issuance.books import books
from dcep.errors.v1 import errors_pb2
from dcep.issuance.v1 import issuance_pb2, issuance_pb2_grpc
from runtime.checks import invalid
from runtime.errors import Refusal
from runtime.pagination import decode_token, page_of, page_size
from runtime.tls import Identity, peer
from settlement.ledger import Ledger

_KINDS = {
    issuance_pb2.DIRECTION_ISSUE: rules.ISSUE,
    issuance_pb2.DIRECTION_REDEEM: rules.REDEEM,
}
_DIRECTIONS = {kind: direction for direction, kind in _KINDS.items()}
_STATES = {
    rules.WAITING: issuance_pb2.REQUEST_STATE_WAITING,
    rules.APPROVED: issuance_pb2.REQUEST_STATE_APPROVED,
    rules.REJECTED: issuance_pb2.REQUEST_STATE_REJECTED,
}
_STATE_NAMES = {number: name for name, number in _STATES.items()}


class GrpcIssuance(issuance_pb2_grpc.IssuanceServiceServicer):
    """See protos/dcep/issuance/v1."""

    def __init__(
        self,
        requests: rules.BankRequests,
        registry: Registry,
        ledger: Ledger,
    ) -> None:
        self._requests = requests
        self._registry = registry
        self._ledger = ledger

    def CreateRequest(
        self, request: issuance_pb2.CreateRequestRequest, context: grpc.ServicerContext
    ) -> issuance_pb2.CreateRequestResponse:  # noqa: N802
        kind = _KINDS.get(request.direction)
        if kind is None:
            raise invalid("direction", "is DIRECTION_ISSUE or DIRECTION_REDEEM")
        bank = self._registry.require_active(peer(context))
        if request.bank != bank.name:
            raise Refusal(
                errors_pb2.REASON_ROLE_NOT_ALLOWED,
                f"{bank.name} may not ask for {request.bank!r}",
                field="bank",
            )
        row = self._requests.create(bank, request.request_id, kind, request.amount_fen)
        return issuance_pb2.CreateRequestResponse(request=self._request(row))

    def ListRequests(
        self, request: issuance_pb2.ListRequestsRequest, context: grpc.ServicerContext
    ) -> issuance_pb2.ListRequestsResponse:  # noqa: N802
        who = caller(context)
        bank = request.bank
        if not is_central_officer(who):
            if bank not in ("", who.name):
                raise Refusal(
                    errors_pb2.REASON_ROLE_NOT_ALLOWED,
                    f"{who.name} may not see requests of {bank!r}",
                    field="bank",
                )
            bank = who.name
        if request.state and request.state not in _STATE_NAMES:
            raise invalid("state", "is a RequestState")
        size = page_size(request.page_size)
        before = decode_token(request.page_token, 1)
        found = self._requests.page(
            bank, _STATE_NAMES.get(request.state, ""), size + 1, before[0] if before else None
        )
        rows, token = page_of(found, size, lambda row: [row.id])
        return issuance_pb2.ListRequestsResponse(
            requests=[self._request(row) for row in rows], next_page_token=token
        )

    def GetBooks(
        self, request: issuance_pb2.GetBooksRequest, context: grpc.ServicerContext
    ) -> issuance_pb2.GetBooksResponse:  # noqa: N802
        who = caller(context)
        paid_in, offline_float, offline_loss, banks = books(self._ledger, self._registry)
        shown = [
            issuance_pb2.BankBooks(bank=bank.name, reserves_fen=held, circulation_fen=out)
            for bank, held, out in banks
            if is_central_officer(who) or bank.name == who.institution
        ]
        if not is_central_officer(who):
            paid_in = offline_float = offline_loss = 0
        return issuance_pb2.GetBooksResponse(
            paid_in_fen=paid_in,
            offline_float_fen=offline_float,
            offline_loss_fen=offline_loss,
            banks=shown,
            journal_position=self._ledger.position(),
        )

    def _request(self, row: Row[Any]) -> issuance_pb2.Request:
        name = next(bank.name for bank in self._registry.all() if bank.index == row.bank)
        return issuance_pb2.Request(
            request_id=row.request_id,
            bank=name,
            direction=_DIRECTIONS.get(row.kind, issuance_pb2.DIRECTION_UNSPECIFIED),
            amount_fen=row.amount_fen,
            state=_STATES[row.state],
            act_number=row.act or 0,
            created_time_ms=row.created_time_ms,
            decided_time_ms=row.decided_time_ms,
        )


def caller(context: grpc.ServicerContext) -> Identity:
    """Who calls. The authorizer has made sure that there is an identity."""
    found = peer(context)
    if found is None:
        raise Refusal(errors_pb2.REASON_CERTIFICATE_REQUIRED, "show a certificate with one role")
    return found
