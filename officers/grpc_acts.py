"""ActService over gRPC: translates, and decides nothing. Both tiers serve it."""

from __future__ import annotations

import grpc

from dcep.office.v1 import office_pb2, office_pb2_grpc
from officers.acts import Acts
from officers.effects import Act
from officers.people import Officer, Officers
from runtime.checks import invalid
from runtime.errors import as_reason
from runtime.pagination import decode_token, page_of, page_size
from runtime.server import Service
from runtime.tls import peer

SERVICE_PATH = "/dcep.office.v1.ActService/"


class GrpcActs(office_pb2_grpc.ActServiceServicer):
    """See protos/dcep/office/v1."""

    def __init__(self, acts: Acts, officers: Officers) -> None:
        self._acts = acts
        self._officers = officers

    def ProposeAct(
        self, request: office_pb2.ProposeActRequest, context: grpc.ServicerContext
    ) -> office_pb2.ProposeActResponse:  # noqa: N802
        act = self._acts.propose(peer(context), request.proposal)
        return office_pb2.ProposeActResponse(act=shown(act))

    def ApproveAct(
        self, request: office_pb2.ApproveActRequest, context: grpc.ServicerContext
    ) -> office_pb2.ApproveActResponse:  # noqa: N802
        act = self._acts.approve(peer(context), request.approval)
        return office_pb2.ApproveActResponse(act=shown(act))

    def RejectAct(
        self, request: office_pb2.RejectActRequest, context: grpc.ServicerContext
    ) -> office_pb2.RejectActResponse:  # noqa: N802
        act = self._acts.reject(peer(context), request.rejection)
        return office_pb2.RejectActResponse(act=shown(act))

    def GetAct(
        self, request: office_pb2.GetActRequest, context: grpc.ServicerContext
    ) -> office_pb2.GetActResponse:  # noqa: N802
        self._officers.known(peer(context))
        return office_pb2.GetActResponse(act=shown(self._acts.get(request.act_id)))

    def ListActs(
        self, request: office_pb2.ListActsRequest, context: grpc.ServicerContext
    ) -> office_pb2.ListActsResponse:  # noqa: N802
        self._officers.known(peer(context))
        if request.state not in office_pb2.ActState.values():
            raise invalid("state", "is an ActState")
        size = page_size(request.page_size)
        before = decode_token(request.page_token, 1)
        found = self._acts.page(
            request.state, size + 1, before[0] if before else None, kind=request.kind
        )
        acts, token = page_of(found, size, lambda act: [act.number])
        return office_pb2.ListActsResponse(acts=[shown(act) for act in acts], next_page_token=token)

    def ListOfficers(
        self, request: office_pb2.ListOfficersRequest, context: grpc.ServicerContext
    ) -> office_pb2.ListOfficersResponse:  # noqa: N802
        self._officers.known(peer(context))
        people = [_person(officer) for officer in self._officers.all()]
        return office_pb2.ListOfficersResponse(officers=people)


def act_service(acts: Acts, officers: Officers) -> Service:
    """The service for a server."""
    servicer = GrpcActs(acts, officers)
    return Service(
        "dcep.office.v1.ActService",
        lambda server: office_pb2_grpc.add_ActServiceServicer_to_server(servicer, server),
    )


def shown(act: Act) -> office_pb2.Act:
    """An act as the contract has it."""
    return office_pb2.Act(
        number=act.number,
        proposal=act.proposal,
        state=act.state,  # type: ignore[arg-type]
        proposed_by=act.proposer,
        proposed_time_ms=act.proposed_time_ms,
        decision=act.decision,
        decided_by=act.decider,
        decided_time_ms=act.decided_time_ms,
        position=act.position,
        reason=as_reason(act.reason),
    )


def _person(officer: Officer) -> office_pb2.Officer:
    return office_pb2.Officer(
        name=officer.name,
        rights=sorted(officer.rights),  # type: ignore[arg-type]
        removed=officer.removed,
        credentials=[
            office_pb2.Credential(
                certificate_fingerprint=known.fingerprint,
                signing_key=known.signing_key,
                from_time_ms=known.from_time_ms,
                until_time_ms=known.until_time_ms,
            )
            for known in officer.credentials
        ],
    )
