"""The service of wallets over gRPC: translates, and decides nothing."""

from __future__ import annotations

import grpc

from currency.days import begin_ms, year_end_ms
from dcep.bank.v1 import sub_wallets_pb2, wallets_pb2, wallets_pb2_grpc
from operator_bank.app import OperatorBank
from operator_bank.keys.keys import place_of
from operator_bank.wallets.directory import Wallet
from operator_bank.wallets.wallet import WalletState

_SERVICE = "dcep.bank.v1.WalletService/"


class GrpcWallets(wallets_pb2_grpc.WalletServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def OpenWallet(
        self, request: wallets_pb2.OpenWalletRequest, context: grpc.ServicerContext
    ) -> wallets_pb2.OpenWalletResponse:  # noqa: N802
        return self._opened(self._bank.opening.open(request))

    def OpenWallets(
        self, request: wallets_pb2.OpenWalletsRequest, context: grpc.ServicerContext
    ) -> wallets_pb2.OpenWalletsResponse:  # noqa: N802
        made = self._bank.opening.open_many(request.items)
        return wallets_pb2.OpenWalletsResponse(items=[self._opened(wallet) for wallet in made])

    def SendCode(
        self, request: wallets_pb2.SendCodeRequest, context: grpc.ServicerContext
    ) -> wallets_pb2.SendCodeResponse:  # noqa: N802
        return wallets_pb2.SendCodeResponse(expires_time_ms=self._bank.opening.send_code(request))

    def ChangeClass(
        self, request: wallets_pb2.ChangeClassRequest, context: grpc.ServicerContext
    ) -> wallets_pb2.ChangeClassResponse:  # noqa: N802
        wallet = self._bank.class_changes.change(request)
        return wallets_pb2.ChangeClassResponse(
            wallet_class=wallet.wallet_class,  # type: ignore[arg-type]
            limits=_limits(self._bank.wallets.state(wallet)),
            has_deposit_account=wallet.deposit_account is not None,
        )

    def GetWallet(
        self, request: wallets_pb2.GetWalletRequest, context: grpc.ServicerContext
    ) -> wallets_pb2.GetWalletResponse:  # noqa: N802
        wallet = self._bank.wallets.asking(request.query, f"{_SERVICE}GetWallet")
        answer = self._shown(self._bank.wallets.state(wallet))
        if (place := place_of(wallet, wallet.public_key)) is not None:
            answer.signer.CopyFrom(place)
        return answer

    def CloseWallet(
        self, request: wallets_pb2.CloseWalletRequest, context: grpc.ServicerContext
    ) -> wallets_pb2.CloseWalletResponse:  # noqa: N802
        self._bank.wallets.close(request.order)
        return wallets_pb2.CloseWalletResponse()

    def OrderSweep(
        self, request: wallets_pb2.OrderSweepRequest, context: grpc.ServicerContext
    ) -> wallets_pb2.OrderSweepResponse:  # noqa: N802
        return wallets_pb2.OrderSweepResponse(repeated=self._bank.sweep_orders.order(request.order))

    def _opened(self, wallet: Wallet) -> wallets_pb2.OpenWalletResponse:
        return wallets_pb2.OpenWalletResponse(
            wallet_number=wallet.number,
            wallet_class=wallet.wallet_class,  # type: ignore[arg-type]
            bank=self._bank.context.bank,
            has_deposit_account=wallet.deposit_account is not None,
        )

    def _shown(self, state: WalletState) -> wallets_pb2.GetWalletResponse:
        coming = self._bank.keys.replacements.waiting_for(state.wallet.number)
        sub = self._bank.sub_wallets.families.find(state.wallet.account)
        # The class of a sub-wallet is that of its parent now.
        classed, belongs_to = state.wallet, None
        if sub is not None:
            classed = self._bank.directory.get(self._bank.directory.number_of(sub.parent))
            belongs_to = sub_wallets_pb2.SubWalletOf(parent_number=classed.number, terms=sub.terms)
        of_deposits = self._bank.offline.deposits.last_sequence(state.wallet.row_id)
        wallet = state.wallet
        consent = self._bank.sweep_orders.shown(wallet.account, wallet.key_number)
        return wallets_pb2.GetWalletResponse(
            wallet_number=state.wallet.number,
            bank=self._bank.context.bank,
            wallet_class=classed.wallet_class,  # type: ignore[arg-type]
            belongs_to=belongs_to,
            status=state.status,  # type: ignore[arg-type]
            available_fen=state.available_fen,
            held_fen=state.held_fen,
            has_deposit_account=state.deposit_fen is not None,
            deposit_fen=state.deposit_fen or 0,
            limits=_limits(state),
            day_spent_fen=state.day_spent_fen,
            year_spent_fen=state.year_spent_fen,
            last_sequence=max(state.last_sequence, of_deposits),
            day_turns_time_ms=begin_ms(state.day + 1),
            year_turns_time_ms=year_end_ms(state.day),
            successor_key=coming.key if coming is not None else b"",
            successor_time_ms=coming.due_ms if coming is not None else 0,
            sweeps=consent is not None,
            sweep_above_fen=consent.above_fen if consent is not None else 0,
        )


def _limits(state: WalletState) -> wallets_pb2.Limits:
    cap, single, day, year = state.limits_fen
    return wallets_pb2.Limits(balance_cap_fen=cap, single_fen=single, day_fen=day, year_fen=year)
