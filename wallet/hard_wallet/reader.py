"""Speaks to a hard wallet that is held to this wallet."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from nacl.signing import SigningKey

from dcep.errors.v1 import errors_pb2
from language import _
from offline_token.channel import is_at_channel
from offline_token.formats import (
    CERTIFICATE_BYTES,
    SIGNATURE_BYTES,
    FormatError,
    Request,
)
from offline_token.receipt import RECEIPT_BYTES
from offline_token.ruling import RULING_BYTES
from runtime.errors import Refusal
from runtime.output import reason_of
from runtime.randomness import Randomness, SystemRandomness
from wallet.hard_wallet import messages
from wallet.hard_wallet.channel import MessageError, meet
from wallet.hard_wallet.guard import wallet_part
from wallet.hard_wallet.messages import CardCommand
from wallet.hard_wallet.pin import PinWrong, Reader
from wallet.offline.link import Receipt
from wallet.offline.outcomes import LinkError
from wallet.secure_element.interface import Device, News
from wallet.secure_element.limits import MAX_PIECES

TIMEOUT_S = 15.0
_ANSWERS = {
    messages.OK: messages.LARGEST_ANSWER,
    messages.NO: messages.LARGEST_ANSWER,
}


class Card:
    """A hard wallet that is held to this wallet.

    It is a `wallet.secure_element.interface.Loadable`, and it pays and is paid. Its methods raise
    Refusal if the card refuses, and LinkError if it was taken away or somebody is in between. Then
    it can be held to the wallet again, and repeating is safe.

    Attributes:
        free_fen: what it pays now without its PIN.
        binding: names the channel to it.
        unlocked: the right PIN was given, and it is the card with that PIN.
        owned: it answers what only its owner may ask, because of the PIN or a wallet that is paired
            with it.
    """

    def __init__(self, connection: socket.socket, randomness: Randomness | None = None) -> None:
        self._randomness = randomness or SystemRandomness()
        try:
            self._channel = meet(connection, messages.VERSION, self._randomness)
        except (OSError, MessageError) as error:
            raise LinkError(
                _("this is no hard wallet: {error}").format(error=reason_of(error))
            ) from error
        self.binding = self._channel.binding
        self.unlocked = self.owned = False
        try:
            selected = messages.SELECTED.unpack(self.ask(CardCommand.SELECT, b""))
        except struct.error:
            raise LinkError(_("this is no hard wallet")) from None
        self._certified: bool = selected[0]
        self.free_fen: int = selected[1]

    def unlock(self, pin: str) -> None:
        """Proves that the PIN is known, without saying it, and that the card has that PIN.

        Raises:
            Refusal: NOT_THE_OWNER for a wrong PIN, or after too many.
            LinkError: the other side does not know the PIN: it is another card, or somebody is in
                between.
        """
        reader = Reader(pin, self.binding, self._randomness)
        try:
            proof = reader.proof(self.ask(CardCommand.PIN_BEGIN, reader.share()))
            reader.check(self.ask(CardCommand.PIN_PROVE, proof))
        except PinWrong:
            raise LinkError(_("what answers is not the card with this PIN")) from None
        self.unlocked = self.owned = True

    def pair(self, number: str, key: bytes) -> None:
        """Pairs a wallet: from now on it may deposit what it has loaded, without the PIN."""
        self.ask(CardCommand.PAIR, number.encode() + key)

    def recognises(self, number: str, key: SigningKey) -> bool:
        """Whether the card is paired with a wallet, which signs this channel."""
        signature = key.sign(wallet_part(self.binding)).signature
        paired = self.ask(CardCommand.WALLET, number.encode() + signature) == b"\x01"
        self.owned = self.owned or paired
        return paired

    def holds(self, public: bytes) -> bool:
        """Whether a key is one of the card's."""
        return self.ask(CardCommand.HOLDS, public) == b"\x01"

    def certified(self) -> bool:
        """Whether it has a key that a bank has certified, for now."""
        return self._certified

    def load_key(self, wallet: str, busy: Collection[bytes]) -> bytes:
        """The card's key for a wallet's next load."""
        if len(busy) > messages.MAX_BUSY:
            raise Refusal(errors_pb2.REASON_OVERLOADED, _("too many loads have no answer yet"))
        return self.ask(CardCommand.LOAD_KEY, wallet.encode() + b"".join(busy))

    def prove(self, public: bytes, bank: str, wallet: str) -> bytes:
        """A nonce, 16 bytes, and the signature by which one of the card's keys asks to be
        certified.
        """
        return self.ask(CardCommand.PROVE, public + wallet.encode() + bank.encode())

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Gives the card the certificate of one of its keys."""
        self.ask(CardCommand.CERTIFY, device_certificate + bank_certificate)

    def trust(self, bundle: bytes) -> None:
        """Gives the card a trust bundle."""
        self.ask(CardCommand.TRUST, bundle)

    def exchange_bundles(self, device: Device) -> None:
        """Hands on the newer trust bundle, from the card to the device or the other way."""
        theirs, newer = self._news(device.news())
        with suppress(Refusal):  # a bad bundle changes nothing, and the tap goes on
            if newer:
                device.trust(newer)
            elif mine := device.newer_than(theirs):
                self.trust(mine)

    def _news(self, mine: News) -> tuple[News, bytes]:
        answer = self.ask(CardCommand.NEWS, messages.NEWS.pack(*mine))
        if len(answer) < messages.NEWS.size:
            raise LinkError(_("the card has not said which trust bundle it has"))
        theirs = News(*messages.NEWS.unpack(answer[: messages.NEWS.size]))
        return theirs, answer[messages.NEWS.size :]

    def wanted(self) -> list[bytes]:
        """Certificates of devices that the card's bundle says too little about."""
        answer = self.ask(CardCommand.WANTED, b"")
        if len(answer) % CERTIFICATE_BYTES:
            raise LinkError(_("the card has not said what it wants to know"))
        starts = range(0, len(answer), CERTIFICATE_BYTES)
        return [answer[at : at + CERTIFICATE_BYTES] for at in starts]

    def note_statements(self, said: Sequence[bytes]) -> None:
        """Gives the card the root's statements about such devices."""
        self.ask(CardCommand.STATEMENTS, b"".join(said))

    def balance_fen(self) -> int:
        """What the card holds, in fen."""
        return self._balances()[0]

    def payable_fen(self) -> int:
        """What the card can pay, in fen."""
        return self._balances()[1]

    def request(self, amount_fen: int) -> bytes:
        """The card's request for a payment. Raises LinkError if another device would be paid."""
        answer = self.ask(CardCommand.REQUEST, messages.AMOUNT.pack(amount_fen))
        request, signature = answer[:-SIGNATURE_BYTES], answer[-SIGNATURE_BYTES:]
        try:
            payee = Request.decode(request).certificate.key
        except FormatError as error:
            raise LinkError(_("the card's request: {error}").format(error=error)) from error
        if not is_at_channel(payee, self.binding, signature):
            raise LinkError(_("it is not the card in reach that would be paid"))
        return request

    def pay(self, request: bytes, signature: bytes, answers: Sequence[bytes] = ()) -> bytes:
        """The card's payment for a request.

        Args:
            request: encoded.
            signature: of the request's key, over the channel's binding, 64 bytes.
            answers: the answers for this payee's other requests; by them the card recognises a
                payee that has loaded since and shows another key.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise LinkError(_("the request's device has not signed"))
        known = bytes([len(answers)]) + b"".join(answers)
        return self.ask(CardCommand.PAY, signature + known + request)

    def confirm(self, payment: bytes, receipt: bytes) -> None:
        """Tells the card that its payment was taken, with the payee's receipt."""
        self.ask(CardCommand.CONFIRM, receipt + payment)

    def accept(self, payment: bytes) -> Receipt:
        """The card takes a payment; returns its worth, with the card's signature."""
        answer = self.ask(CardCommand.ACCEPT, payment)
        amount, receipt = answer[: messages.AMOUNT.size], answer[messages.AMOUNT.size :]
        if len(receipt) != RECEIPT_BYTES:
            raise LinkError(_("the card has not signed that it took the payment"))
        return Receipt(int(messages.AMOUNT.unpack(amount)[0]), receipt)

    def return_payment(self, payment: bytes) -> bytes:
        """The card's signed return of a payment that it did not take."""
        return self.ask(CardCommand.RETURN_PAYMENT, payment)

    def take_back(self, back: bytes) -> int:
        """The card takes back a payment that it made; returns its fen."""
        return int(messages.AMOUNT.unpack(self.ask(CardCommand.TAKE_BACK, back))[0])

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal if the card has no room for so much."""
        if amount_fen > self._balances()[2]:
            raise Refusal(errors_pb2.REASON_OVER_BALANCE_CAP, _("more than this card may hold"))

    def load(self, tokens: Sequence[bytes]) -> None:
        """Gives the card fresh tokens."""
        for at in range(0, len(tokens), messages.MAX_LOADED):
            self.ask(CardCommand.LOAD, b"".join(tokens[at : at + messages.MAX_LOADED]))

    def begin_deposit(self, bank: str, wallet: str) -> list[bytes]:
        """Pieces of this wallet's keys in the card, signed over to the wallet; each as
        `begin_deposit` gives it.
        """
        deposits: list[bytes] = []
        whom = wallet.encode() + bank.encode()
        while deposit := self._deposit(len(deposits), whom):
            if len(deposits) >= MAX_PIECES:
                raise LinkError(_("no card holds so many pieces"))
            deposits.append(deposit)
        return deposits

    def end_deposit(self, deposit: bytes) -> None:
        """Tells the card that a deposit is in the wallet: the piece is gone."""
        self.ask(CardCommand.DEPOSIT, bytes([messages.DEPOSITED]) + deposit)

    def refuse_deposit(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """Tells the card that a deposit was refused; only the root's ruling ends the piece."""
        said = ruling if len(ruling) == RULING_BYTES else bytes(RULING_BYTES)
        self.ask(CardCommand.DEPOSIT, bytes([messages.REFUSED]) + said + deposit)

    def note_deposit(self, deposit: bytes, why: str) -> None:
        """Does nothing: a card shows nothing."""

    def _deposit(self, at: int, whom: bytes) -> bytes:
        number = messages.NUMBER.pack(at)
        return self.ask(CardCommand.DEPOSIT, bytes([messages.LISTED]) + number + whom)

    def _balances(self) -> tuple[int, int, int]:
        answer = self.ask(CardCommand.BALANCE, b"")
        if len(answer) != messages.BALANCES.size:
            raise LinkError(_("the card has not said what it holds"))
        held, payable, room = messages.BALANCES.unpack(answer)
        return held, payable, room

    def ask(self, command: CardCommand, body: bytes) -> bytes:
        """Sends one command, as bytes, and returns what the card says to it.

        Raises:
            LinkError: the card does not answer, or says what is no answer.
            Refusal: the card's own.
        """
        try:
            self._channel.send(command, body)
            answer = self._channel.receive(_ANSWERS)
            if answer is None:
                raise LinkError(_("the card was taken away"))
            status, said = answer
            if status == messages.NO:
                raise Refusal(*messages.refused(said))
        except (OSError, MessageError) as error:
            raise LinkError(
                _("the card did not answer: {error}").format(error=reason_of(error))
            ) from error
        return said


@contextmanager
def touched(path: Path) -> Iterator[Card]:
    """A context with the card at a socket. Raises LinkError if there is none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        try:
            connection.connect(str(path))
        except OSError as error:
            raise LinkError(
                _("no card at {path}: {error}").format(path=path, error=reason_of(error))
            ) from error
        yield Card(connection)
