"""The public port over gRPC: translates, and decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from dcep.bank.v1 import bank_pb2, bank_pb2_grpc
from operator_bank.app import Bank
from operator_bank.exchange.exchange import Exchanged
from operator_bank.limits import ANSWER_MARGIN_S, CALLERS_GONE_S
from operator_bank.payments.payments import Paid
from operator_bank.wallets.directory import Wallet
from operator_bank.wallets.wallet import WalletState
from runtime.errors import Refusal

_WALLET, _PAYMENT = "dcep.bank.v1.WalletService/", "dcep.bank.v1.PaymentService/"


class GrpcWallets(bank_pb2_grpc.WalletServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def OpenWallet(
        self, request: bank_pb2.OpenWalletRequest, context: grpc.ServicerContext
    ) -> bank_pb2.OpenWalletResponse:  # noqa: N802
        return self._opened(self._bank.opening.open(request.order))

    def OpenWallets(
        self, request: bank_pb2.OpenWalletsRequest, context: grpc.ServicerContext
    ) -> bank_pb2.OpenWalletsResponse:  # noqa: N802
        made = self._bank.opening.open_many([item.order for item in request.items])
        return bank_pb2.OpenWalletsResponse(items=[self._opened(wallet) for wallet in made])

    def GetWallet(
        self, request: bank_pb2.GetWalletRequest, context: grpc.ServicerContext
    ) -> bank_pb2.GetWalletResponse:  # noqa: N802
        wallet = self._bank.holder.asking(request.query, f"{_WALLET}GetWallet")
        return self._shown(self._bank.holder.state(wallet))

    def CloseWallet(
        self, request: bank_pb2.CloseWalletRequest, context: grpc.ServicerContext
    ) -> bank_pb2.CloseWalletResponse:  # noqa: N802
        self._bank.holder.close(request.order)
        return bank_pb2.CloseWalletResponse()

    def _opened(self, wallet: Wallet) -> bank_pb2.OpenWalletResponse:
        return bank_pb2.OpenWalletResponse(
            wallet_number=wallet.number,
            wallet_class=wallet.wallet_class,  # type: ignore[arg-type]
            bank=self._bank.name,
            has_deposit_account=wallet.deposit_account is not None,
        )

    def _shown(self, state: WalletState) -> bank_pb2.GetWalletResponse:
        cap, single, day, year = state.limits_fen
        return bank_pb2.GetWalletResponse(
            wallet_number=state.wallet.number,
            bank=self._bank.name,
            wallet_class=state.wallet.wallet_class,  # type: ignore[arg-type]
            status=state.status,  # type: ignore[arg-type]
            available_fen=state.available_fen,
            held_fen=state.held_fen,
            has_deposit_account=state.deposit_fen is not None,
            deposit_fen=state.deposit_fen or 0,
            limits=bank_pb2.Limits(
                balance_cap_fen=cap, single_fen=single, day_fen=day, year_fen=year
            ),
            day_spent_fen=state.day_spent_fen,
            year_spent_fen=state.year_spent_fen,
            last_sequence=state.last_sequence,
        )


class GrpcExchange(bank_pb2_grpc.ExchangeServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def Exchange(
        self, request: bank_pb2.ExchangeRequest, context: grpc.ServicerContext
    ) -> bank_pb2.ExchangeResponse:  # noqa: N802
        done, available = self._bank.exchange.exchange(request.order)
        return bank_pb2.ExchangeResponse(available_fen=available, repeated=done.repeated)

    def SettleCashOut(
        self, request: bank_pb2.SettleCashOutRequest, context: grpc.ServicerContext
    ) -> bank_pb2.SettleCashOutResponse:  # noqa: N802
        state = self._bank.exchange.settle_cash_out(request.question)
        return bank_pb2.SettleCashOutResponse(state=state)  # type: ignore[arg-type]

    def ExchangeMany(
        self, request: bank_pb2.ExchangeManyRequest, context: grpc.ServicerContext
    ) -> bank_pb2.ExchangeManyResponse:  # noqa: N802
        answers = self._bank.exchange.exchange_many(request.orders)
        return bank_pb2.ExchangeManyResponse(items=_items(answers))


class GrpcPayments(bank_pb2_grpc.PaymentServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def Pay(
        self, request: bank_pb2.PayRequest, context: grpc.ServicerContext
    ) -> bank_pb2.PayResponse:  # noqa: N802
        return pay_response(*self._bank.payments.pay(request.order, patience_s(context)))

    def PayMany(
        self, request: bank_pb2.PayManyRequest, context: grpc.ServicerContext
    ) -> bank_pb2.PayManyResponse:  # noqa: N802
        return bank_pb2.PayManyResponse(items=_items(self._bank.payments.pay_many(request.orders)))

    def GetPayment(
        self, request: bank_pb2.GetPaymentRequest, context: grpc.ServicerContext
    ) -> bank_pb2.GetPaymentResponse:  # noqa: N802
        wallet = self._bank.holder.asking(request.query, f"{_PAYMENT}GetPayment")
        payment = self._bank.history.get(wallet, request.payment_id)
        return bank_pb2.GetPaymentResponse(payment=payment)

    def ListPayments(
        self, request: bank_pb2.ListPaymentsRequest, context: grpc.ServicerContext
    ) -> bank_pb2.ListPaymentsResponse:  # noqa: N802
        wallet = self._bank.holder.asking(request.query, f"{_PAYMENT}ListPayments")
        payments, token = self._bank.history.page(wallet, request.page_size, request.page_token)
        return bank_pb2.ListPaymentsResponse(payments=payments, next_page_token=token)


class GrpcOffline(bank_pb2_grpc.OfflineServiceServicer):
    """See protos/dcep/bank/v1."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def CertifyDevice(
        self, request: bank_pb2.CertifyDeviceRequest, context: grpc.ServicerContext
    ) -> bank_pb2.CertifyDeviceResponse:  # noqa: N802
        device, bank = self._bank.offline.certify(request.order)
        return bank_pb2.CertifyDeviceResponse(device_certificate=device, bank_certificate=bank)

    def LoadTokens(
        self, request: bank_pb2.LoadTokensRequest, context: grpc.ServicerContext
    ) -> bank_pb2.LoadTokensResponse:  # noqa: N802
        state, tokens, reason = self._bank.offline.load(request.order)
        return bank_pb2.LoadTokensResponse(state=state, tokens=tokens, reason=reason)  # type: ignore[arg-type]

    def DepositTokens(
        self, request: bank_pb2.DepositTokensRequest, context: grpc.ServicerContext
    ) -> bank_pb2.DepositTokensResponse:  # noqa: N802
        state, fen, available, reason = self._bank.offline.deposit(
            request.order, patience_s(context)
        )
        return bank_pb2.DepositTokensResponse(
            state=state,  # type: ignore[arg-type]
            amount_fen=fen,
            available_fen=available,
            reason=reason,
        )

    def GetTrustBundle(
        self, request: bank_pb2.GetTrustBundleRequest, context: grpc.ServicerContext
    ) -> bank_pb2.GetTrustBundleResponse:  # noqa: N802
        offline = self._bank.offline
        if request.certificates:
            said = offline.statements(request.certificates)
            return bank_pb2.GetTrustBundleResponse(statements=said)
        return bank_pb2.GetTrustBundleResponse(trust_bundle=offline.trust_bundle())


def patience_s(context: grpc.ServicerContext) -> float:
    """How long a handler may wait for the central bank before it answers.

    The edge waits for longer than the caller does, who is to get the answer in time.
    """
    return (context.time_remaining() or 0.0) - CALLERS_GONE_S - ANSWER_MARGIN_S


def pay_response(paid: Paid, available_fen: int) -> bank_pb2.PayResponse:
    """The answer to a single payment."""
    return bank_pb2.PayResponse(
        payment_id=paid.payment_id,
        state=paid.state,  # type: ignore[arg-type]
        repeated=paid.repeated,
        available_fen=available_fen,
        reason=paid.reason,
    )


def _items(answers: Sequence[Paid | Exchanged | Refusal]) -> list[bank_pb2.ItemAnswer]:
    """Most answers of a call are the same ones, so each is made once."""
    made: dict[tuple[int, int, bool], bank_pb2.ItemAnswer] = {}
    items = []
    key: tuple[int, int, bool]
    for answer in answers:
        if isinstance(answer, Refusal):
            key = (bank_pb2.PAYMENT_STATE_REFUSED, answer.reason, False)
        elif isinstance(answer, Exchanged):
            key = (bank_pb2.PAYMENT_STATE_SETTLED, 0, answer.repeated)
        else:
            key = (answer.state, answer.reason, answer.repeated)
        if key not in made:
            state, reason, repeated = key
            made[key] = bank_pb2.ItemAnswer(state=state, reason=reason, repeated=repeated)  # type: ignore[arg-type]
        items.append(made[key])
    return items
