"""The service of aliases over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from dcep.bank.v1 import aliases_pb2, aliases_pb2_grpc
from operator_bank.app import OperatorBank

_SERVICE = "dcep.bank.v1.AliasService/"


class GrpcAliases(aliases_pb2_grpc.AliasServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def AddAlias(
        self, request: aliases_pb2.AddAliasRequest, context: grpc.ServicerContext
    ) -> aliases_pb2.AddAliasResponse:  # noqa: N802
        return aliases_pb2.AddAliasResponse(alias=self._bank.aliases.add(request))

    def RemoveAlias(
        self, request: aliases_pb2.RemoveAliasRequest, context: grpc.ServicerContext
    ) -> aliases_pb2.RemoveAliasResponse:  # noqa: N802
        return aliases_pb2.RemoveAliasResponse(alias=self._bank.aliases.remove(request.order))

    def ListAliases(
        self, request: aliases_pb2.ListAliasesRequest, context: grpc.ServicerContext
    ) -> aliases_pb2.ListAliasesResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, f"{_SERVICE}ListAliases")
        return aliases_pb2.ListAliasesResponse(
            aliases=self._bank.aliases.listed(wallet),
            lookups_left=self._bank.alias_finding.left(wallet),
        )

    def FindAlias(
        self, request: aliases_pb2.FindAliasRequest, context: grpc.ServicerContext
    ) -> aliases_pb2.FindAliasResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, f"{_SERVICE}FindAlias")
        payee = self._bank.alias_finding.find(wallet, request.alias)
        return aliases_pb2.FindAliasResponse(payee=payee)
