"""What a holder does with offline money: without a bank (pay, accept), and with one (load,
deposit)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from currency.amount import format_yuan
from currency.reasons import in_words
from dcep.bank.v1 import offline_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from language import N_, _
from offline_token.formats import Token
from offline_token.possession import NONCE_BYTES
from runtime.checks import amount
from runtime.errors import BadAnswer, NoAnswer, Refusal, reason_name
from wallet.offline import text_format
from wallet.offline.outcomes import LinkError
from wallet.orders.submitter import OrderSubmitter, Placed
from wallet.orders.types import CERTIFY, DEPOSIT, LOAD
from wallet.secure_element.interface import Device, Loadable
from wallet.secure_element.limits import TOKENS_KEPT_MS


class NotTaken(NoAnswer):
    """A load is paid for, and the device does not take it now.

    Attributes:
        following: what can be done, in English.
    """

    following = N_(
        "Make room: `wallet offline deposit`, or for a card `wallet offline tap SOCKET --deposit`; "
        "then repeat the same command: it does not load twice. What is never taken comes back into "
        "the wallet some weeks after it has expired."
    )


class Lapsed(NotTaken):
    """A load is done whose tokens expired so long ago that no device takes them any more.

    Repeated, the command makes a new load.
    """

    following = N_(
        "What was not spent of it comes back into the wallet by itself; `wallet history` shows it. "
        "The same command again makes a new load."
    )


@dataclass
class Deposited:
    """What came of depositing.

    Attributes:
        amount_fen: what is in the wallet now.
        available_fen: the wallet's available balance after the last deposit.
        pending: how many pieces wait for the bank's decision.
        refused: a refusal for each piece that was refused.
    """

    amount_fen: int = 0
    available_fen: int = 0
    pending: int = 0
    refused: list[Refusal] = field(default_factory=list)


class OfflinePayments:
    """What a device does without a bank. Its texts are those of `wallet.offline.text_format`.

    The methods raise Refusal, FIELD_INVALID for a text that is not of the expected kind.
    """

    def __init__(self, device: Device) -> None:
        self.device = device

    def balance_fen(self) -> int:
        """What the device holds and has not signed over."""
        return self.device.holdings.balance_fen()

    def request(self, amount_fen: int) -> str:
        """Makes a request for an offline payment, as text."""
        amount(amount_fen)
        return text_format.write(text_format.REQUEST, self.device.payee.request(amount_fen))

    def pay(self, request: str) -> str:
        """Pays a request; returns the payment's text, the same for the same request."""
        payment = self.device.payer.pay(_bytes(text_format.REQUEST, request, "request_text"))
        return text_format.write(text_format.PAYMENT, payment)

    def has_paid(self, request: str) -> bool:
        """Whether this very request has been paid before."""
        return self.device.payer.has_paid(_bytes(text_format.REQUEST, request, "request_text"))

    def accept(self, payment: str) -> int:
        """Verifies a payment and takes it; returns its value in fen."""
        return self.device.payee.accept(_bytes(text_format.PAYMENT, payment, "payment_text"))

    def receipt(self, payment: str) -> bytes:
        """The device's signature, 64 bytes, that it took a payment."""
        return self.device.payee.receipt(_bytes(text_format.PAYMENT, payment, "payment_text"))

    def return_payment(self, payment: str) -> str:
        """Gives back a payment that was not accepted, as text; Refusal if it is not given back."""
        back = self.device.payee.return_payment(
            _bytes(text_format.PAYMENT, payment, "payment_text")
        )
        return text_format.write(text_format.BACK, back)

    def gives_back(self, text: str) -> bool:
        """Whether a text is the return of a payment."""
        try:
            return text_format.gives_back(text)
        except text_format.PaperError:
            return False

    def take_back(self, back: str) -> int:
        """Takes back a payment of this device that its payee gave back; returns its fen."""
        return self.device.payer.take_back(_bytes(text_format.BACK, back, "payment_text"))

    def has_taken(self, payment: str) -> bool:
        """Whether this very payment was accepted before."""
        return self.device.payee.has_taken(_bytes(text_format.PAYMENT, payment, "payment_text"))


class TokenLoading:
    """What a device does with a bank: it has keys certified, loads, and deposits.

    Args:
        submitter: places orders at the wallet's bank.
        device: the wallet's own, or a card.
    """

    def __init__(self, submitter: OrderSubmitter, device: Loadable) -> None:
        self._submitter = submitter
        self._device = device

    def prepare(self) -> None:
        """Gets the newest bundle, and a certificate if the device needs one to be paid."""
        if not self._device.keys.certified():
            self._certified_key()
        self._device.trust.follow(self._submitter.bank.trust_bundle())
        if not self._device.keys.certified():  # the new bundle says that the bank's key was revoked
            self._certified_key()
        self._ask_for_statements()

    def load(
        self, amount_fen: int, *, request_id: str = "", anew: bool = False
    ) -> Placed[offline_pb2.LoadTokensResponse]:
        """Loads money of the wallet into the device, as tokens for a new key.

        A load that got no answer is sent again, with the key that it was made with.

        Args:
            amount_fen: how much.
            request_id: names the load, so that it can be repeated; "" for a fresh one.
            anew: place a new load although an earlier one has no answer yet.

        Raises:
            Refusal: the bank or the device refused the load.
            NotTaken: it is paid for, and the device has no room for it any more.
            Lapsed: its answer came so late that the device does not take the tokens.
            NoAnswer: repeat the same call to finish the load.
        """
        amount(amount_fen)
        self._device.trust.follow(self._submitter.bank.trust_bundle())
        key = b""

        def ready() -> dict[str, bytes]:
            nonlocal key
            self._check_room(amount_fen)
            key = self._certified_key(anew=anew)
            self._ask_for_statements()
            return {"device_key": key}

        def check() -> None:
            self._check_room(amount_fen)
            if not self._device.keys.holds(key):
                # Another command has loaded and spent under this key meanwhile.
                raise NoAnswer(_("another load came in between; repeat the command"))

        placed = self._submitter.place(
            LOAD,
            request_id=request_id,
            anew=anew,
            take=self._keep_tokens,
            check=check,
            ready=ready,
            ours=lambda load: self._device.keys.holds(load.device_key),
            amount_fen=amount_fen,
        )
        self._check_lapsed(placed.message.tokens)
        return placed

    def renew(self, device: Device) -> Deposited:
        """Deposits every piece that has changed hands or cannot be paid, to be loaded anew.

        Raises NoAnswer as `deposit` does.

        Args:
            device: the device that is loaded.
        """
        return self._deposit_all(
            device.deposits.begin(
                self._submitter.bank_name, self._submitter.number, used_alone=True
            )
        )

    def deposit(self) -> Deposited:
        """Deposits everything in the device into the wallet, piece by piece.

        Raises NoAnswer at the first piece without an answer; the same call again goes on there.
        """
        return self._deposit_all(
            self._device.deposits.begin(self._submitter.bank_name, self._submitter.number)
        )

    def _deposit_all(self, deposits: list[bytes]) -> Deposited:
        done = Deposited()
        for deposit in deposits:
            self._deposit_one(deposit, done)
        with suppress(NoAnswer, Refusal, LinkError):
            # A holder who is only ever paid gets certificates and bundles here. If this fails, or a
            # card is taken away by now, the money is deposited all the same.
            self.prepare()
        return done

    def _deposit_one(self, deposit: bytes, done: Deposited) -> None:
        nonce, body = deposit[:NONCE_BYTES], deposit[NONCE_BYTES:]
        try:
            placed = self._submitter.place(DEPOSIT, offline_payment=body, nonce=nonce)
        except Refusal as refusal:
            done.refused.append(refusal)
            if refusal.reason in _ABOUT_THE_PIECE:
                ruling = _hex(refusal.metadata.get("ruling", ""))
                self._device.deposits.refuse(deposit, ruling, refusal.message)
            # Else the order was refused, and not the money, which stays for the next deposit.
            return
        if placed.pending:
            done.pending += 1
            why = reason_name(placed.message.reason) if placed.message.reason else ""
            self._device.deposits.note(deposit, why)
            return
        self._device.deposits.end(deposit)
        done.amount_fen += placed.message.amount_fen
        done.available_fen = placed.message.available_fen

    def _certified_key(self, *, anew: bool = False) -> bytes:
        """The key for the next load, certified. After a load that was cut off, it already is."""
        busy = {load.device_key for load in self._submitter.unanswered(LOAD)}
        key = self._device.keys.load_key(self._submitter.number, busy)

        def ready() -> dict[str, bytes]:
            proof = self._device.keys.prove(key, self._submitter.bank_name, self._submitter.number)
            return {"nonce": proof[:NONCE_BYTES], "possession": proof[NONCE_BYTES:]}

        take = self._keep_certificates
        self._submitter.place(CERTIFY, anew=anew, take=take, ready=ready, device_key=key)
        return key

    def _ask_for_statements(self) -> None:
        """Asks the bank about devices on which the bundle says too little."""
        if wanted := self._device.trust.wanted():
            self._device.trust.note(self._submitter.bank.statements(wanted))

    def _keep_certificates(
        self, _: orders_pb2.CertifyDeviceOrder, answer: offline_pb2.CertifyDeviceResponse
    ) -> None:
        self._device.keys.certify(answer.device_certificate, answer.bank_certificate)

    def _check_room(self, amount_fen: int) -> None:
        """Raises Refusal if the device would not take so much besides what is on its way."""
        coming_fen = self._coming_fen()
        try:
            self._device.holdings.check_load(amount_fen + coming_fen)
        except Refusal as no:
            if not coming_fen:
                raise
            why = _(
                "{why}; {yuan} yuan of loads without an answer count too: repeat those first"
            ).format(why=in_words(no.name, no.message, no.metadata), yuan=format_yuan(coming_fen))
            raise Refusal(no.reason, why) from no

    def _coming_fen(self) -> int:
        """What loads without an answer may bring; no bank has taken one that is dated ahead."""
        now_ms = self._submitter.clock.now_ms()
        return sum(
            load.amount_fen
            for load in self._submitter.unanswered(LOAD)
            if load.created_time_ms <= now_ms and self._device.keys.holds(load.device_key)
        )

    def _check_lapsed(self, tokens: Sequence[bytes]) -> None:
        """Raises Lapsed if a device that has the newest bundle does not take all of a load."""
        kept_from_ms = self._submitter.clock.now_ms() - TOKENS_KEPT_MS
        found = map(Token.decode, tokens)
        lapsed_fen = sum(token.value_fen for token in found if token.expires_time_ms < kept_from_ms)
        if lapsed_fen:
            raise Lapsed(
                _(
                    "{yuan} yuan of this load expired so long ago that no device takes them any "
                    "more"
                ).format(yuan=format_yuan(lapsed_fen))
            )

    def _keep_tokens(
        self, load: orders_pb2.LoadOrder, answer: offline_pb2.LoadTokensResponse
    ) -> None:
        """Keeps what a load has brought. Raises BadAnswer if that is not what was ordered."""
        try:
            self._device.holdings.load(list(answer.tokens))
        except Refusal as no:
            raise NotTaken(
                _(
                    "the load has left the wallet, and the device does not take it now: {why}"
                ).format(why=in_words(no.name, no.message, no.metadata))
            ) from no
        worth_fen = _worth_fen(load, answer.tokens)
        if worth_fen != load.amount_fen:
            raise BadAnswer(
                _("it has sent {worth} yuan for a load of {yuan} yuan").format(
                    worth=format_yuan(worth_fen), yuan=format_yuan(load.amount_fen)
                )
            )


def _worth_fen(load: orders_pb2.LoadOrder, tokens: Sequence[bytes]) -> int:
    """What tokens are worth that are for the key of this load, each counted once.

    Tokens that had expired before the load was ordered are worth nothing.
    """
    found = {token.id: token for token in map(Token.decode, tokens)}
    return sum(
        token.value_fen
        for token in found.values()
        if token.owner == load.device_key and token.expires_time_ms > load.created_time_ms
    )


_ABOUT_THE_PIECE = frozenset((errors_pb2.REASON_ALREADY_DEPOSITED, errors_pb2.REASON_TOKEN_INVALID))


def _hex(text: str) -> bytes:
    """The bytes of a ruling that a bank shows in hex; b"" if it is no hex."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _bytes(prefix: str, text: str, field: str) -> bytes:
    try:
        return text_format.read(prefix, text)
    except text_format.PaperError as error:
        raise Refusal(errors_pb2.REASON_FIELD_INVALID, str(error), field=field) from None
