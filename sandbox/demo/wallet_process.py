"""People with wallets: each wallet is a process of its own, used over its own gRPC service."""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path
from typing import Any

import grpc

from console.cash_machine import CashMachine
from currency.parties import HOLDER
from dcep.wallet.v1 import wallet_pb2, wallet_pb2_grpc
from deployment.connections import ask, serving, stub
from deployment.ports import free_ports
from deployment.processes import ProcessFailed, Running, ServiceCommand
from deployment.topology import HOST, StackPlan
from runtime.channel import connect
from runtime.errors import NoAnswer, Refusal
from runtime.tls import channel_credentials
from sandbox.limits import HEALTH_POLL_S, START_TIMEOUT_S


class Person:
    """A holder, with the folder of a wallet and the wallet service that runs in it."""

    def __init__(self, plan: StackPlan, name: str, folder: Path, *, database_url: str = "") -> None:
        self.plan = plan
        self.name = name
        self.home = folder / name
        self.address = f"{HOST}:{free_ports(1)[0]}"
        self.number = ""
        self.bank = ""
        where = ("--home", str(self.home), "--listen", self.address)
        arguments = (*where, "--stack", str(plan.folder))
        self._environment = {"DCEP_DATABASE_URL": database_url} if database_url else {}
        log = plan.logs / f"wallet-{name}.log"
        self._command = ServiceCommand(f"wallet-{name}", "wallet", arguments, log)
        self._process: Running | None = None
        self._channel: grpc.Channel | None = None
        self._service: Any = None

    def start(self) -> None:
        """Start the wallet service and wait until it is healthy. Raises ProcessFailed."""
        self._process = Running.start(self._command, self._environment)
        ends_at = time.monotonic() + START_TIMEOUT_S
        while not self._reached():
            if not self._process.alive():
                raise ProcessFailed(self._process.ended())
            if time.monotonic() > ends_at:
                raise ProcessFailed(self._process.late(START_TIMEOUT_S))
            time.sleep(HEALTH_POLL_S)

    def stop(self) -> None:
        """Stop the wallet service."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Kill the wallet service as a power cut would."""
        if self._process is not None:
            self._process.kill()
        self.stop()

    def open(self, bank: str, *, holder_name: str = "", phone: str = "") -> str:
        """Open a wallet at a bank; returns its number."""
        request = wallet_pb2.OpenRequest(
            bank_address=self.plan.bank(bank).public_address, holder_name=holder_name, phone=phone
        )
        self.bank = bank
        self.number = ask(self._service.Open, request, wallet_pb2.OpenResponse).number
        return self.number

    def show(self) -> wallet_pb2.ShowResponse:
        """Balances, class, status."""
        return ask(self._service.Show, wallet_pb2.ShowRequest(), wallet_pb2.ShowResponse)

    def top_up(self, amount_fen: int, *, cash: bool = False, request_id: str = "") -> int:
        """Deposit or cash into the wallet; returns what is available, in fen."""
        receipt = b""
        if cash:
            machine = CashMachine.of(self.plan, self.bank)
            receipt = machine.receipt(self.number, amount_fen).SerializeToString()
        request = wallet_pb2.TopUpRequest(
            request_id=request_id or _new_id(), amount_fen=amount_fen, cash_receipt=receipt
        )
        return ask(self._service.TopUp, request, wallet_pb2.TopUpResponse).available_fen

    def cash_out(self, amount_fen: int, *, receipt: bytes = b"", request_id: str = "") -> int:
        """Money from the wallet into deposit or cash; returns what is available, in fen."""
        request = wallet_pb2.CashOutRequest(
            request_id=request_id or _new_id(), amount_fen=amount_fen, cash_receipt=receipt
        )
        return ask(self._service.CashOut, request, wallet_pb2.CashOutResponse).available_fen

    def pay(
        self, payee: str, amount_fen: int, memo: str = "", request_id: str = ""
    ) -> wallet_pb2.PayResponse:
        """Pay a wallet number."""
        request = wallet_pb2.PayRequest(
            request_id=request_id or _new_id(),
            payee_number=payee,
            amount_fen=amount_fen,
            memo=memo,
        )
        return ask(self._service.Pay, request, wallet_pb2.PayResponse)

    def refund(
        self, payment_id: str, amount_fen: int = 0, memo: str = "", request_id: str = ""
    ) -> wallet_pb2.RefundResponse:
        """Give a payment back that was received; all that is left of it without an amount."""
        request = wallet_pb2.RefundRequest(
            request_id=request_id or _new_id(),
            payment_id=payment_id,
            amount_fen=amount_fen,
            memo=memo,
        )
        return ask(self._service.Refund, request, wallet_pb2.RefundResponse)

    def history(self) -> list[wallet_pb2.HistoryItem]:
        """The whole history, newest first, page by page."""
        found: list[wallet_pb2.HistoryItem] = []
        token = ""
        while True:
            request = wallet_pb2.HistoryRequest(page_size=100, page_token=token)
            page = ask(self._service.History, request, wallet_pb2.HistoryResponse)
            found.extend(page.items)
            token = page.next_page_token
            if not token:
                return found

    def watch(self) -> ArrivalWatch:
        """Begin to watch money arrive."""
        return ArrivalWatch(self._service)

    def offline_load(self, amount_fen: int, request_id: str = "") -> int:
        """Money into the secure element; returns how much is in there, in fen."""
        request = wallet_pb2.OfflineLoadRequest(
            request_id=request_id or _new_id(), amount_fen=amount_fen
        )
        answer = ask(self._service.OfflineLoad, request, wallet_pb2.OfflineLoadResponse)
        return answer.offline_fen

    def offline_request(self, amount_fen: int) -> str:
        """The text of a request for an offline payment."""
        request = wallet_pb2.OfflineRequestRequest(amount_fen=amount_fen)
        return ask(self._service.OfflineRequest, request, wallet_pb2.OfflineRequestResponse).text

    def offline_pay(self, request_text: str) -> str:
        """The text of the payment that answers a request."""
        request = wallet_pb2.OfflinePayRequest(request_text=request_text)
        return ask(self._service.OfflinePay, request, wallet_pb2.OfflinePayResponse).text

    def offline_accept(self, payment_text: str) -> int:
        """Verify and take a payment; returns its value in fen, 0 when it is given back."""
        return self.offline_answer(payment_text).amount_fen

    def offline_answer(self, text: str) -> wallet_pb2.OfflineAcceptResponse:
        """Give the wallet the text of a payment, or of one that is given back; its answer."""
        request = wallet_pb2.OfflineAcceptRequest(payment_text=text)
        return ask(self._service.OfflineAccept, request, wallet_pb2.OfflineAcceptResponse)

    def offline_deposit(self) -> wallet_pb2.OfflineDepositResponse:
        """Deposit everything accepted."""
        request = wallet_pb2.OfflineDepositRequest()
        return ask(self._service.OfflineDeposit, request, wallet_pb2.OfflineDepositResponse)

    def _reached(self) -> bool:
        """Whether the service answers; the wallet makes its certificate when it starts."""
        certificate, key = self.home / "tls.crt", self.home / "tls.key"
        if not (certificate.exists() and key.exists()):
            return False
        if self._channel is None:
            credentials = channel_credentials(certificate, certificate, key)
            self._channel = connect(self.address, credentials, HOLDER)
            self._service = stub(wallet_pb2_grpc.WalletServiceStub, self._channel)
        return serving(self._channel)


class ArrivalWatch:
    """A stream of arrivals, read by a thread of its own into a list."""

    def __init__(self, service: Any) -> None:
        self.seen: list[wallet_pb2.HistoryItem] = []
        self._arrived = threading.Condition()
        self._stream = service.Watch(wallet_pb2.WatchRequest())
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for(self, count: int, timeout_s: float) -> bool:
        """Whether ``count`` arrivals were seen within the time."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self.seen) >= count, timeout_s)

    def close(self) -> None:
        """End the stream."""
        self._stream.cancel()
        self._thread.join(5.0)

    def _read(self) -> None:
        try:
            for message in self._stream:
                with self._arrived:
                    self.seen.append(message.item)
                    self._arrived.notify_all()
        except (NoAnswer, Refusal):
            return  # cancelled, or the other side went away: what was seen stays


def _new_id() -> str:
    return str(uuid.uuid4())
