"""The service of sub-wallets over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from currency.sub_limits import LADDER_FEN
from dcep.bank.v1 import sub_wallets_pb2, sub_wallets_pb2_grpc
from operator_bank.app import OperatorBank

_LIST = "dcep.bank.v1.SubWalletService/ListSubWallets"


class GrpcSubWallets(sub_wallets_pb2_grpc.SubWalletServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def OrderSubWallet(
        self, request: sub_wallets_pb2.OrderSubWalletRequest, context: grpc.ServicerContext
    ) -> sub_wallets_pb2.OrderSubWalletResponse:  # noqa: N802
        done = self._bank.sub_wallets.order(request.order)
        return sub_wallets_pb2.OrderSubWalletResponse(sub_wallet=done)

    def ListSubWallets(
        self, request: sub_wallets_pb2.ListSubWalletsRequest, context: grpc.ServicerContext
    ) -> sub_wallets_pb2.ListSubWalletsResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, _LIST)
        return sub_wallets_pb2.ListSubWalletsResponse(
            sub_wallets=self._bank.sub_wallets.page(wallet), ladder_fen=LADDER_FEN
        )
