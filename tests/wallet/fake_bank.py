"""A bank in memory: verifies, keeps balances, answers each order once, and can fall silent."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from currency.contract_words import purpose_of
from currency.days import begin_ms, day_of, year_end_ms
from currency.number import make
from dcep.bank.v1 import (
    exchange_pb2,
    offline_pb2,
    orders_pb2,
    payments_pb2,
    states_pb2,
    wallets_pb2,
)
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from offline_token.deposit import Deposit
from offline_token.possession import Possession, account_of
from runtime.clock import Clock
from runtime.envelope import verify
from runtime.errors import NoAnswer, Refusal, as_reason
from tests.offline.devices import deposited
from tests.offline.signers import NOW, Signers
from tests.wallet.fake_aliases import FakeAliases
from tests.wallet.fake_arrivals import Arrivals, check_question
from tests.wallet.fake_asking import FakeAsking
from tests.wallet.fake_classes import FakeClasses
from tests.wallet.fake_keys import FakeKeys, Keyed
from tests.wallet.fake_sub_wallets import FakeSubWallets
from tests.wallet.fake_sweeps import FakeSweeps
from wallet.peers.interface import GET_PAYMENT, GET_WALLET, LIST_PAYMENTS, WATCH_PAYMENTS

PREFIX = "6201"
DEPOSIT_FEN = 1_000_000


@dataclass
class Account(Keyed):
    """One wallet at the bank."""

    available_fen: int = 0
    deposit_fen: int = DEPOSIT_FEN
    has_deposit: bool = True
    status: wallets_pb2.WalletStatus = wallets_pb2.WALLET_STATUS_OPEN
    history: list[payments_pb2.Payment] = field(default_factory=list)


@dataclass
class FakeBank(FakeClasses, FakeKeys, FakeAsking, FakeAliases, FakeSubWallets, FakeSweeps):
    """`wallet.peers.interface.BankPort`.

    Attributes:
        mute_before: so many orders are lost on their way to the bank.
        mute_after: so many answers are lost on their way back.
        mute_kind: the answer to the next order of this kind is lost.
        pending: so many payments are answered with PENDING.
        not_now: payees about whom it does not decide in a call with many items, and why.
        received: every order that reached the bank, repeats too.
        signers: sign offline money; None for a bank that has none.
        revoked: devices that its trust bundle lists.
    """

    clock: Clock
    mute_before: int = 0
    mute_after: int = 0
    mute_kind: type[Message] | None = None
    pending: int = 0
    not_now: dict[str, errors_pb2.Reason] = field(default_factory=dict)
    down: bool = False
    accounts: dict[str, Account] = field(default_factory=dict)
    received: list[bytes] = field(default_factory=list)
    signers: Signers | None = None
    revoked: tuple[bytes, ...] = ()
    _opened: dict[str, str] = field(default_factory=dict)
    _answers: dict[tuple[str, int], tuple[bytes, Any]] = field(default_factory=dict)
    positions: int = 10
    _news: threading.Condition = field(default_factory=threading.Condition)
    _streams: list[Arrivals] = field(default_factory=list)

    def open_wallet(self, request: wallets_pb2.OpenWalletRequest) -> wallets_pb2.OpenWalletResponse:
        self._lose("mute_before")
        key = bytes.fromhex(request.order.key_id.decode())
        payload = verify(orders_pb2.OpenWalletOrder, request.order, key)
        order = orders_pb2.OpenWalletOrder.FromString(payload)
        assert (order.public_key, order.bank) == (key, "alpha")
        assert order.holder_digest == hashlib.sha256(request.holder).digest()
        holder = orders_pb2.Holder.FromString(request.holder)
        if holder.name == "Nobody":
            raise Refusal(errors_pb2.REASON_FIELD_INVALID, "holder_name: not you")
        self.check_code(request.code)
        if order.request_id not in self._opened:
            number = make(PREFIX, len(self._opened) + 1)
            self._opened[order.request_id] = number
            self.accounts[number] = Account(order.public_key)
            if order.recovery_key:
                self.phrases[order.recovery_key] = number
        self._lose("mute_after")
        return wallets_pb2.OpenWalletResponse(
            wallet_number=self._opened[order.request_id],
            wallet_class="WALLET_CLASS_II" if holder.name else "WALLET_CLASS_IV",
            bank="alpha",
            has_deposit_account=bool(holder.name),
        )

    def get_wallet(self, query: SignedEnvelope) -> wallets_pb2.GetWalletResponse:
        number, account = self._asker(query, GET_WALLET)
        return wallets_pb2.GetWalletResponse(
            wallet_number=number,
            bank="alpha",
            wallet_class=self.wallet_class,  # type: ignore[arg-type]
            status=account.status,
            available_fen=account.available_fen,
            has_deposit_account=account.has_deposit,
            deposit_fen=account.deposit_fen if account.has_deposit else 0,
            last_sequence=account.last_sequence,
            limits=wallets_pb2.Limits(balance_cap_fen=50_000_000),
            belongs_to=self.belongs_to(number),
            sweeps=self.sweeping.get(number) is not None,
            sweep_above_fen=self.sweeping.get(number) or 0,
            day_turns_time_ms=begin_ms(day_of(self.clock.now_ms()) + 1),
            year_turns_time_ms=year_end_ms(day_of(self.clock.now_ms())),
        )

    def _take_key(self, number: str, key: bytes) -> None:
        self.accounts[number] = Account(key)

    def close_wallet(self, order: SignedEnvelope) -> wallets_pb2.CloseWalletResponse:
        return self._once(orders_pb2.CloseOrder, order, self._close)

    def exchange(self, order: SignedEnvelope) -> exchange_pb2.ExchangeResponse:
        return self._once(orders_pb2.ExchangeOrder, order, self._exchange)

    def pay(self, order: SignedEnvelope) -> payments_pb2.PayResponse:
        if self.pending:
            self.pending -= 1
            parsed = orders_pb2.PaymentOrder.FromString(order.payload)
            self.received.append(order.payload)
            return payments_pb2.PayResponse(
                payment_id=f"{parsed.wallet_number}-{parsed.sequence}",
                state=states_pb2.PAYMENT_STATE_PENDING,
            )
        return self._once(orders_pb2.PaymentOrder, order, self._pay)

    def refund(self, order: SignedEnvelope) -> payments_pb2.RefundResponse:
        return self._once(orders_pb2.RefundOrder, order, self._refund)

    def pay_many(self, orders: Sequence[SignedEnvelope]) -> Sequence[states_pb2.ItemAnswer]:
        self._lose("mute_before")
        items = [self._item(order) for order in orders]
        self._lose("mute_after")
        return items

    def _item(self, order: SignedEnvelope) -> states_pb2.ItemAnswer:
        parsed = orders_pb2.PaymentOrder.FromString(order.payload)
        try:
            if parsed.payee_number in self.not_now:
                raise Refusal(self.not_now[parsed.payee_number], "not now")
            return states_pb2.ItemAnswer(state=self.pay(order).state)
        except Refusal as refusal:
            return states_pb2.ItemAnswer(
                state=states_pb2.PAYMENT_STATE_REFUSED,
                reason=as_reason(refusal.reason),
            )

    def get_payment(self, query: SignedEnvelope, payment_id: str) -> payments_pb2.Payment:
        _, account = self._asker(query, GET_PAYMENT)
        for payment in account.history:
            if payment.payment_id == payment_id:
                return payment
        raise Refusal(errors_pb2.REASON_PAYMENT_UNKNOWN, "no such payment")

    def list_payments(
        self, query: SignedEnvelope, page_size: int, page_token: str
    ) -> payments_pb2.ListPaymentsResponse:
        _, account = self._asker(query, LIST_PAYMENTS)
        newest = list(reversed(account.history))
        start = int(page_token or 0)
        end = start + (page_size or 50)
        token = str(end) if end < len(newest) else ""
        return payments_pb2.ListPaymentsResponse(payments=newest[start:end], next_page_token=token)

    def watch(self, query: SignedEnvelope, after_position: int) -> Arrivals:
        _, account = self._asker(query, WATCH_PAYMENTS)
        stream = Arrivals(self._news, account, after_position or self.positions)
        with self._news:
            self._streams.append(stream)
            self._news.notify_all()
        return stream

    def use_elsewhere(self, number: str, sequence: int) -> None:
        """Takes another order with a sequence of a wallet, as from a copy of its home."""
        self._answers[number, sequence] = (b"another order", None)

    def cut_watches(self) -> None:
        """Ends all streams, once there is one, as a bank that stops does."""
        with self._news:
            assert self._news.wait_for(lambda: self._streams, 10)
            cut, self._streams[:] = list(self._streams), []
        for stream in cut:
            stream.cut()

    def certify_device(self, order: SignedEnvelope) -> offline_pb2.CertifyDeviceResponse:
        return self._once(orders_pb2.CertifyDeviceOrder, order, self._certify)

    def load_tokens(self, order: SignedEnvelope) -> offline_pb2.LoadTokensResponse:
        return self._once(orders_pb2.LoadOrder, order, self._load)

    def deposit_tokens(self, order: SignedEnvelope) -> offline_pb2.DepositTokensResponse:
        return self._once(orders_pb2.DepositOrder, order, self._deposit)

    def statements(self, certificates: Sequence[bytes]) -> Sequence[bytes]:
        """None: its trust bundle says all that there is."""
        return []

    def trust_bundle(self) -> bytes:
        signers = self._offline()
        if not self.revoked:
            return signers.root_public + signers.bundle().encode()
        newer = signers.bundle(created_time_ms=NOW, revoked=self.revoked)
        return signers.root_public + newer.encode()

    def _offline(self) -> Signers:
        if self.signers is None:
            raise Refusal(errors_pb2.REASON_DEVICE_UNKNOWN, "this bank certifies no devices")
        return self.signers

    def _certify(self, order: orders_pb2.CertifyDeviceOrder) -> offline_pb2.CertifyDeviceResponse:
        signers = self._offline()
        proof = Possession(account_of(order.wallet_number, order.nonce), order.possession)
        assert proof.proves(order.device_key, "alpha")
        return offline_pb2.CertifyDeviceResponse(
            device_certificate=signers.certify(order.device_key, "alpha").encode(),
            bank_certificate=signers.bank_certificate("alpha").encode(),
        )

    def _load(self, order: orders_pb2.LoadOrder) -> offline_pb2.LoadTokensResponse:
        account = self.accounts[order.wallet_number]
        if account.available_fen < order.amount_fen:
            raise Refusal(errors_pb2.REASON_INSUFFICIENT_FUNDS, "available: too little")
        account.available_fen -= order.amount_fen
        number = 10_000 + len(self.received)
        token = self._offline().mint(order.device_key, order.amount_fen, number=number).token
        return offline_pb2.LoadTokensResponse(
            state=states_pb2.PAYMENT_STATE_SETTLED, tokens=[token.encode()]
        )

    def _deposit(self, order: orders_pb2.DepositOrder) -> offline_pb2.DepositTokensResponse:
        deposit = Deposit.decode(order.offline_payment)
        verdict = deposited(self._offline(), order.nonce + order.offline_payment)
        if deposit.account != account_of(order.wallet_number, order.nonce):
            raise Refusal(errors_pb2.REASON_NOT_THE_OWNER, "signed over to another wallet")
        if not verdict.good:
            raise Refusal(errors_pb2.REASON_TOKEN_INVALID, verdict.reason.name)
        account = self.accounts[order.wallet_number]
        account.available_fen += verdict.value_fen
        return offline_pb2.DepositTokensResponse(
            state=states_pb2.PAYMENT_STATE_SETTLED,
            amount_fen=verdict.value_fen,
            available_fen=account.available_fen,
        )

    def _asker(self, query: SignedEnvelope, method: str) -> tuple[str, Account]:
        if self.down:
            raise NoAnswer("UNAVAILABLE: down")
        number = query.key_id.decode()
        account = self._account(number)
        asked = verify(orders_pb2.Query, query, account.key)
        check_question(asked, method, self.clock.now_ms())
        return number, account

    def _account(self, number: str) -> Account:
        if number not in self.accounts:
            raise Refusal(errors_pb2.REASON_WALLET_UNKNOWN, f"no wallet {number}")
        return self.accounts[number]

    def _once(self, kind: Any, envelope: SignedEnvelope, act: Callable[[Any], Any]) -> Any:
        self._lose("mute_before")
        number = envelope.key_id.decode()
        order = kind.FromString(verify(kind, envelope, self._account(number).key))
        self.received.append(envelope.payload)
        identity = (number, order.sequence)
        if identity not in self._answers:
            if order.expires_time_ms < self.clock.now_ms():
                raise Refusal(errors_pb2.REASON_EXPIRED, "the order has expired")
            self.accounts[number].last_sequence = order.sequence
            self._answers[identity] = (envelope.payload, self._decide(act, order))
        payload, answer = self._answers[identity]
        if payload != envelope.payload:
            raise Refusal(
                errors_pb2.REASON_ID_REUSED, "another order had this sequence", field="sequence"
            )
        self._lose("mute_after")
        if kind is self.mute_kind:
            self.mute_kind = None
            raise NoAnswer(f"lost: {kind}")
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def _decide(self, act: Callable[[Any], Any], order: Any) -> Any:
        try:
            return act(order)
        except Refusal as refusal:
            return refusal

    def _lose(self, which: str) -> None:
        if self.down:
            raise NoAnswer("UNAVAILABLE: down")
        if getattr(self, which):
            setattr(self, which, getattr(self, which) - 1)
            raise NoAnswer(f"lost: {which}")

    def _close(self, order: orders_pb2.CloseOrder) -> wallets_pb2.CloseWalletResponse:
        account = self.accounts[order.wallet_number]
        if account.available_fen:
            raise Refusal(errors_pb2.REASON_WALLET_NOT_EMPTY, "there is money in it")
        account.status = wallets_pb2.WALLET_STATUS_CLOSED
        return wallets_pb2.CloseWalletResponse()

    def _exchange(self, order: orders_pb2.ExchangeOrder) -> exchange_pb2.ExchangeResponse:
        account = self.accounts[order.wallet_number]
        into = order.direction == orders_pb2.EXCHANGE_DIRECTION_TOP_UP
        change_fen = order.amount_fen if into else -order.amount_fen
        if account.available_fen + change_fen < 0:
            raise Refusal(errors_pb2.REASON_INSUFFICIENT_FUNDS, "available: too little")
        if account.deposit_fen - change_fen < 0:
            raise Refusal(errors_pb2.REASON_DEPOSIT_SHORT, "deposit: too little")
        account.available_fen += change_fen
        account.deposit_fen -= change_fen
        self._write(order, order.wallet_number, change_fen, "top-up" if into else "cash-out")
        return exchange_pb2.ExchangeResponse(available_fen=account.available_fen)

    def _pay(self, order: orders_pb2.PaymentOrder) -> payments_pb2.PayResponse:
        account, payee = self.accounts[order.wallet_number], self._account(order.payee_number)
        if account.deposit_fen < order.top_up_fen:
            raise Refusal(errors_pb2.REASON_DEPOSIT_SHORT, "deposit: too little")
        if account.available_fen + order.top_up_fen < order.amount_fen:
            raise Refusal(errors_pb2.REASON_INSUFFICIENT_FUNDS, "available: too little")
        account.deposit_fen -= order.top_up_fen
        account.available_fen -= order.amount_fen - order.top_up_fen
        payee.available_fen += order.amount_fen
        change_fen = order.top_up_fen - order.amount_fen
        line = self._write(order, order.wallet_number, change_fen, "payment")
        line.top_up_fen = order.top_up_fen
        self._write(order, order.payee_number, order.amount_fen, "payment")
        return payments_pb2.PayResponse(
            payment_id=f"{order.wallet_number}-{order.sequence}",
            state=states_pb2.PAYMENT_STATE_SETTLED,
            available_fen=account.available_fen,
        )

    def _refund(self, order: orders_pb2.RefundOrder) -> payments_pb2.RefundResponse:
        account = self.accounts[order.wallet_number]
        [paid] = [one for one in account.history if one.position == order.refunds_position]
        assert paid.payment_id == order.refunds_payment_id
        left_fen = paid.change_fen - paid.refunded_fen
        if order.amount_fen > left_fen:
            raise Refusal(errors_pb2.REASON_REFUND_TOO_LARGE, "too much", left_fen=str(left_fen))
        paid.refunded_fen += order.amount_fen
        changes = {order.wallet_number: -order.amount_fen, paid.payer_number: order.amount_fen}
        for number, fen in changes.items():
            self.accounts[number].available_fen += fen
            line = self._write(order, number, fen, "refund")
            line.payee_number, line.refunds_payment_id = paid.payer_number, paid.payment_id
        return payments_pb2.RefundResponse(
            payment_id=f"{order.wallet_number}-{order.sequence}",
            state=states_pb2.PAYMENT_STATE_SETTLED,
            available_fen=account.available_fen,
        )

    def _write(self, order: Any, number: str, change_fen: int, kind: str) -> payments_pb2.Payment:
        account = self.accounts[number]
        payment = payments_pb2.Payment(
            payment_id=f"{order.wallet_number}-{order.sequence}",
            state=states_pb2.PAYMENT_STATE_SETTLED,
            payer_number=order.wallet_number,
            payee_number=getattr(order, "payee_number", order.wallet_number),
            amount_fen=order.amount_fen,
            time_ms=self.clock.now_ms(),
            memo=getattr(order, "memo", ""),
            balance_after_fen=account.available_fen,
            purpose=purpose_of(kind),
            change_fen=change_fen,
        )
        with self._news:
            self.positions += 1
            payment.position = self.positions
            account.history.append(payment)
            self._news.notify_all()
        return payment
