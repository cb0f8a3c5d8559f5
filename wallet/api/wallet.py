"""The wallet's own gRPC service: translation, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc

from dcep.errors.v1 import errors_pb2
from dcep.wallet.v1 import wallet_pb2, wallet_pb2_grpc
from runtime import checks
from runtime.errors import NoAnswer, Refusal
from wallet.api.answers import homely, item, unanswered
from wallet.app import App, NotOpened
from wallet.offline.link_payments import accept_or_return
from wallet.offline.outcomes import PaymentReturned
from wallet.offline.payments import Lapsed
from wallet.online.account import refunded_fen
from wallet.peers.bank_directory import BankNotFound, find_bank


class GrpcWallet(wallet_pb2_grpc.WalletServiceServicer):
    """`dcep.wallet.v1.WalletService` over an `App`."""

    def __init__(self, app: App, stack: Path) -> None:
        self._app = app
        self._stack = stack

    @homely(wallet_pb2.OpenResponse)
    def Open(
        self, request: wallet_pb2.OpenRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.OpenResponse:
        """Makes the keys and opens the wallet."""
        checks.required(request.bank_address, "bank_address")
        try:
            bank = find_bank(self._stack, request.bank_address)
        except BankNotFound as error:
            raise Refusal(
                errors_pb2.REASON_BANK_UNKNOWN, str(error), field="bank_address"
            ) from None
        profile = self._app.open(bank, holder_name=request.holder_name, phone=request.phone)
        self._app.prepare_offline()
        return wallet_pb2.OpenResponse(number=profile.number, bank=profile.bank)

    @homely(wallet_pb2.ShowResponse)
    def Show(
        self, request: wallet_pb2.ShowRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.ShowResponse:
        """Balances, class, status."""
        profile = self._app.profile()
        state = self._app.holder().show()
        return wallet_pb2.ShowResponse(
            number=profile.number,
            bank=profile.bank,
            available_fen=state.available_fen,
            held_fen=state.held_fen,
            offline_fen=self._app.offline_fen() or 0,
            deposit_fen=state.deposit_fen,
            wallet_class=state.wallet_class,
            status=state.status,
        )

    @homely(wallet_pb2.TopUpResponse)
    def TopUp(
        self, request: wallet_pb2.TopUpRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.TopUpResponse:
        """Deposit or cash into the wallet."""
        placed = self._app.holder().top_up(
            request.amount_fen,
            receipt=request.cash_receipt,
            request_id=checks.request_id(request.request_id),
        )
        return wallet_pb2.TopUpResponse(available_fen=placed.message.available_fen)

    @homely(wallet_pb2.CashOutResponse)
    def CashOut(
        self, request: wallet_pb2.CashOutRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.CashOutResponse:
        """The wallet's money into deposit or cash."""
        placed = self._app.holder().cash_out(
            request.amount_fen,
            receipt=request.cash_receipt,
            request_id=checks.request_id(request.request_id),
        )
        return wallet_pb2.CashOutResponse(available_fen=placed.message.available_fen)

    @homely(wallet_pb2.PayResponse)
    def Pay(
        self, request: wallet_pb2.PayRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.PayResponse:
        """Pays."""
        placed = self._app.holder().pay(
            request.payee_number,
            request.amount_fen,
            request.memo,
            request_id=checks.request_id(request.request_id),
        )
        return wallet_pb2.PayResponse(
            payment_id=placed.order.payment_id,
            state=placed.message.state,
            available_fen=placed.message.available_fen,
        )

    @homely(wallet_pb2.RefundResponse)
    def Refund(
        self, request: wallet_pb2.RefundRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.RefundResponse:
        """Gives back what was received."""
        placed = self._app.holder().refund(
            request.payment_id,
            request.amount_fen,
            request.memo,
            request_id=checks.request_id(request.request_id),
        )
        return wallet_pb2.RefundResponse(
            payment_id=placed.order.payment_id,
            state=placed.message.state,
            amount_fen=refunded_fen(placed.order),
            available_fen=placed.message.available_fen,
        )

    @homely(wallet_pb2.HistoryResponse)
    def History(
        self, request: wallet_pb2.HistoryRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.HistoryResponse:
        """Newest first."""
        entries, token = self._app.holder().history(request.page_size, request.page_token)
        return wallet_pb2.HistoryResponse(
            items=[item(entry) for entry in entries], next_page_token=token
        )

    def Watch(
        self, request: wallet_pb2.WatchRequest, context: grpc.ServicerContext
    ) -> Iterator[wallet_pb2.WatchResponse]:
        """Money arriving."""
        try:
            holder = self._app.holder()
            watching = holder.watching()
            context.add_callback(watching.cancel)
            for arrival in watching:
                yield wallet_pb2.WatchResponse(item=item(holder.entry(arrival)))
        except NoAnswer as error:
            unanswered(context, error)
        except NotOpened as error:
            raise Refusal(errors_pb2.REASON_WALLET_UNKNOWN, str(error)) from None

    @homely(wallet_pb2.OfflineLoadResponse)
    def OfflineLoad(
        self, request: wallet_pb2.OfflineLoadRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.OfflineLoadResponse:
        """Loads an amount into the secure element."""
        request_id = checks.request_id(request.request_id)
        try:
            placed = self._app.loading().load(request.amount_fen, request_id=request_id)
        except Lapsed as late:  # for good: under this id nothing else will be answered
            raise Refusal(errors_pb2.REASON_EXPIRED, str(late)) from None
        if placed.pending:
            raise NoAnswer("the central bank has not answered yet")
        return wallet_pb2.OfflineLoadResponse(
            offline_fen=self._app.offline_payments().balance_fen()
        )

    @homely(wallet_pb2.OfflineRequestResponse)
    def OfflineRequest(
        self, request: wallet_pb2.OfflineRequestRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.OfflineRequestResponse:
        """A request for an offline payment."""
        text = self._app.offline_payments().request(request.amount_fen)
        return wallet_pb2.OfflineRequestResponse(text=text)

    @homely(wallet_pb2.OfflinePayResponse)
    def OfflinePay(
        self, request: wallet_pb2.OfflinePayRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.OfflinePayResponse:
        """Pays a request offline."""
        offline_payments = self._app.offline_payments()
        text = offline_payments.pay(request.request_text)
        return wallet_pb2.OfflinePayResponse(text=text, offline_fen=offline_payments.balance_fen())

    @homely(wallet_pb2.OfflineAcceptResponse)
    def OfflineAccept(
        self, request: wallet_pb2.OfflineAcceptRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.OfflineAcceptResponse:
        """Verifies and takes an offline payment, or what gives one back."""
        offline_payments, text = self._app.offline_payments(), request.payment_text
        answer = wallet_pb2.OfflineAcceptResponse()
        try:
            if offline_payments.gives_back(text):
                answer.came_back_fen = offline_payments.take_back(text)
            else:
                answer.amount_fen = accept_or_return(offline_payments, text).amount_fen
        except PaymentReturned as back:
            answer.return_text, answer.refusal = back.text, str(back)
        answer.offline_fen = offline_payments.balance_fen()
        return answer

    @homely(wallet_pb2.OfflineDepositResponse)
    def OfflineDeposit(
        self, request: wallet_pb2.OfflineDepositRequest, context: grpc.ServicerContext
    ) -> wallet_pb2.OfflineDepositResponse:
        """Deposits everything accepted."""
        done = self._app.loading().deposit()
        if done.pending and not done.amount_fen:
            raise NoAnswer("the central bank has not answered yet")
        return wallet_pb2.OfflineDepositResponse(
            amount_fen=done.amount_fen,
            available_fen=done.available_fen,
            refused=[f"{no.name}: {no.message}" for no in done.refused],
        )
