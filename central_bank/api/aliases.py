"""The directory of aliases over gRPC: translates, and waits; decides nothing."""

from __future__ import annotations

import asyncio

import grpc

from central_bank.aliases.changes import AliasChanges
from central_bank.aliases.finding import AliasFinding, said
from central_bank.authentication.banks import AdmittedBank, Registry
from central_bank.ledger.standing import Standing
from central_bank.limits import ALIASES_FOUND, ALIASES_FOUND_EACH, FIND_ALIAS_S
from dcep.registration.v1 import aliases_pb2, aliases_pb2_grpc
from runtime.calls import Call
from runtime.shares import Shares
from runtime.tls import peer


class GrpcAliasDirectory(aliases_pb2_grpc.AliasDirectoryServiceServicer):
    """See protos/dcep/registration/v1."""

    def __init__(
        self,
        registry: Registry,
        changes: AliasChanges,
        finding: AliasFinding,
        standing: Standing,
    ) -> None:
        self._registry = registry
        self._changes = changes
        self._finding = finding
        self._standing = standing
        # One bank's questions take no place that another one needs.
        self._places = Shares("lookups", whole=ALIASES_FOUND, each=ALIASES_FOUND_EACH)

    def ChangeAliases(
        self, request: aliases_pb2.ChangeAliasesRequest, context: grpc.ServicerContext
    ) -> aliases_pb2.ChangeAliasesResponse:  # noqa: N802
        self._standing.check_heard()
        outcomes = self._changes.change(self._bank(context), request.changes)
        return aliases_pb2.ChangeAliasesResponse(outcomes=outcomes)

    def AskAliases(
        self, request: aliases_pb2.AskAliasesRequest, context: grpc.ServicerContext
    ) -> aliases_pb2.AskAliasesResponse:  # noqa: N802
        self._standing.check_heard()
        outcomes = self._changes.ask(self._bank(context), request.labels)
        return aliases_pb2.AskAliasesResponse(outcomes=outcomes)

    def ListClaims(
        self, request: aliases_pb2.ListClaimsRequest, context: grpc.ServicerContext
    ) -> aliases_pb2.ListClaimsResponse:  # noqa: N802
        claims = self._changes.claims(self._bank(context), request.after)
        return aliases_pb2.ListClaimsResponse(claims=claims)

    async def FindAlias(
        self, request: aliases_pb2.FindAliasRequest, call: Call
    ) -> aliases_pb2.FindAliasResponse:  # noqa: N802
        self._standing.check()
        # No thread waits for the other bank, and each answer comes as long after its question,
        # whatever it says.
        bank = self._bank(call)
        until = asyncio.get_running_loop().time() + FIND_ALIAS_S
        with self._places.place(bank.name):
            begun = await call.in_thread(self._finding.begin, bank, request.label, request.nonce)
            await asyncio.sleep(until - asyncio.get_running_loop().time())
            return aliases_pb2.FindAliasResponse(answer=said(begun))

    def _bank(self, context: grpc.ServicerContext | Call) -> AdmittedBank:
        return self._registry.require_active(peer(context))
