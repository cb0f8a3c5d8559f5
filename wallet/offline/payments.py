"""Offline money: what a holder does with the secure element, with a bank and without."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from dcep.bank.v1 import offline_pb2
from dcep.errors.v1 import errors_pb2
from language import _
from offline_token.possession import NONCE_BYTES
from runtime.checks import amount
from runtime.errors import NoAnswer, Refusal, reason_name
from wallet.offline import text_format
from wallet.orders.submitter import OrderSubmitter, Placed
from wallet.orders.types import CERTIFY, DEPOSIT, LOAD
from wallet.secure_element.interface import Device, Loadable


@dataclass
class Deposited:
    """What came of depositing: money in the wallet, pieces refused, pieces still on their way."""

    amount_fen: int = 0
    available_fen: int = 0
    pending: int = 0
    refused: list[Refusal] = field(default_factory=list)


class OfflinePayments:
    """Use-cases that need nobody."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def balance_fen(self) -> int:
        """What can be paid offline."""
        return self.device.balance_fen()

    def request(self, amount_fen: int) -> str:
        """A request for an offline payment, as text."""
        amount(amount_fen)
        return text_format.write(text_format.REQUEST, self.device.request(amount_fen))

    def pay(self, request: str) -> str:
        """The payment that a request asks for, as text; for the same request always the same."""
        payment = self.device.pay(_bytes(text_format.REQUEST, request, "request_text"))
        return text_format.write(text_format.PAYMENT, payment)

    def has_paid(self, request: str) -> bool:
        """Whether this very request has been paid before."""
        return self.device.has_paid(_bytes(text_format.REQUEST, request, "request_text"))

    def accept(self, payment: str) -> int:
        """Verifies and takes a payment; returns its value in fen."""
        return self.device.accept(_bytes(text_format.PAYMENT, payment, "payment_text"))

    def receipt(self, payment: str) -> bytes:
        """The signature that it has taken a payment."""
        return self.device.receipt(_bytes(text_format.PAYMENT, payment, "payment_text"))

    def return_payment(self, payment: str) -> str:
        """What gives a payment back that was not accepted, as text; Refusal when nothing does."""
        back = self.device.return_payment(_bytes(text_format.PAYMENT, payment, "payment_text"))
        return text_format.write(text_format.BACK, back)

    def gives_back(self, text: str) -> bool:
        """Whether a text is one that gives a payment back."""
        try:
            return text_format.gives_back(text)
        except text_format.PaperError:
            return False

    def take_back(self, back: str) -> int:
        """Takes back what this device paid; returns its value in fen."""
        return self.device.take_back(_bytes(text_format.BACK, back, "payment_text"))

    def has_taken(self, payment: str) -> bool:
        """Whether this very payment was accepted before."""
        return self.device.has_taken(_bytes(text_format.PAYMENT, payment, "payment_text"))


class TokenLoading:
    """Use-cases that need the bank."""

    def __init__(self, submitter: OrderSubmitter, device: Loadable) -> None:
        self._desk = submitter
        self._device = device

    def prepare(self) -> None:
        """Has a key of the device certified, so that it can be paid, and its bundle renewed."""
        if not self._device.certified():
            self._certified_key()
        self._device.trust(self._desk.bank.trust_bundle())
        if not self._device.certified():  # the bundle says that the bank has revoked its key
            self._certified_key()
        self._ask_for_statements()

    def load(self, amount_fen: int, *, request_id: str = "", anew: bool = False) -> Placed:
        """Money of the wallet becomes tokens in the device, for a key that is new.

        A load without an answer is sent again with the key that it was made with.
        """
        amount(amount_fen)
        self._device.trust(self._desk.bank.trust_bundle())
        key = b""

        def ready() -> dict[str, bytes]:
            nonlocal key
            self._device.check_load(amount_fen)
            key = self._certified_key(anew=anew)
            self._ask_for_statements()
            return {"device_key": key}

        def check() -> None:
            self._device.check_load(amount_fen)
            if not self._device.holds(key):
                # Another command has loaded and spent under it meanwhile.
                raise NoAnswer(_("another load came in between; repeat the command"))

        return self._desk.place(
            LOAD,
            request_id=request_id,
            anew=anew,
            take=self._keep_tokens,
            check=check,
            ready=ready,
            ours=lambda load: self._device.holds(load.device_key),
            amount_fen=amount_fen,
        )

    def renew(self, device: Device) -> Deposited:
        """What has a history, or cannot be paid, becomes money in the wallet, to be loaded anew.

        Raises NoAnswer as `deposit` does.

        Args:
            device: the one that is loaded.
        """
        return self._deposit_all(
            device.begin_deposit(self._desk.bank_name, self._desk.number, used_alone=True)
        )

    def deposit(self) -> Deposited:
        """Everything accepted becomes money in the wallet, piece by piece.

        Raises NoAnswer at the first piece without an answer; the same call again goes on there.
        """
        return self._deposit_all(
            self._device.begin_deposit(self._desk.bank_name, self._desk.number)
        )

    def _deposit_all(self, deposits: list[bytes]) -> Deposited:
        done = Deposited()
        for deposit in deposits:
            self._deposit_one(deposit, done)
        with suppress(NoAnswer, Refusal):
            # Who is only ever paid comes by here; without it the money is deposited all the same.
            self.prepare()
        return done

    def _deposit_one(self, deposit: bytes, done: Deposited) -> None:
        nonce, body = deposit[:NONCE_BYTES], deposit[NONCE_BYTES:]
        try:
            placed = self._desk.place(DEPOSIT, offline_payment=body, nonce=nonce)
        except Refusal as refusal:
            done.refused.append(refusal)
            if refusal.reason in _ABOUT_THE_PIECE:
                ruling = _hex(refusal.metadata.get("ruling", ""))
                self._device.refuse_deposit(deposit, ruling, refusal.message)
            # Else the order was refused, not the money: it stays set aside for the next one.
            return
        if placed.pending:
            done.pending += 1
            why = reason_name(placed.message.reason) if placed.message.reason else ""
            self._device.note_deposit(deposit, why)
            return
        self._device.end_deposit(deposit)
        done.amount_fen += placed.message.amount_fen
        done.available_fen = placed.message.available_fen

    def _certified_key(self, *, anew: bool = False) -> bytes:
        """The key of the next load. The bank has it already when an earlier load was cut off."""
        busy = {load.device_key for load in self._desk.unanswered(LOAD)}
        key = self._device.load_key(self._desk.number, busy)

        def ready() -> dict[str, bytes]:
            proof = self._device.prove(key, self._desk.bank_name, self._desk.number)
            return {"nonce": proof[:NONCE_BYTES], "possession": proof[NONCE_BYTES:]}

        take = self._keep_certificates
        self._desk.place(CERTIFY, anew=anew, take=take, ready=ready, device_key=key)
        return key

    def _ask_for_statements(self) -> None:
        """What the bundle says too little of: a few devices, and those of banks not in it."""
        if wanted := self._device.wanted():
            self._device.note_statements(self._desk.bank.statements(wanted))

    def _keep_certificates(self, answer: offline_pb2.CertifyDeviceResponse) -> None:
        self._device.certify(answer.device_certificate, answer.bank_certificate)

    def _keep_tokens(self, answer: offline_pb2.LoadTokensResponse) -> None:
        self._device.load(list(answer.tokens))


_ABOUT_THE_PIECE = frozenset((errors_pb2.REASON_ALREADY_DEPOSITED, errors_pb2.REASON_TOKEN_INVALID))


def _hex(text: str) -> bytes:
    """What a bank shows as a ruling; nothing where it is no hexadecimal."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _bytes(prefix: str, text: str, field: str) -> bytes:
    try:
        return text_format.read(prefix, text)
    except text_format.PaperError as error:
        raise Refusal(errors_pb2.REASON_FIELD_INVALID, str(error), field=field) from None
