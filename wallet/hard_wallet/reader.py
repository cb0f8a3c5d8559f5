"""Speaks to a hard wallet that is held to this wallet."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nacl.signing import SigningKey

from language import _
from offline_token.channel import is_at_channel
from offline_token.formats import (
    SIGNATURE_BYTES,
    FormatError,
    Request,
)
from offline_token.receipt import RECEIPT_BYTES
from runtime.errors import Refusal
from runtime.output import reason_of
from runtime.randomness import Randomness, SystemRandomness
from wallet.hard_wallet import messages
from wallet.hard_wallet.card_parts import CardDeposits, CardHoldings, CardKeys, CardTrust
from wallet.hard_wallet.channel import MessageError, meet
from wallet.hard_wallet.guard import wallet_part
from wallet.hard_wallet.messages import CardCommand
from wallet.hard_wallet.pin import PinWrong, Reader
from wallet.offline.link import Receipt
from wallet.offline.outcomes import LinkError

TIMEOUT_S = 15.0
_ANSWERS = {
    messages.OK: messages.LARGEST_ANSWER,
    messages.NO: messages.LARGEST_ANSWER,
}


class Card:
    """A hard wallet that is held to this wallet.

    It is a `wallet.secure_element.interface.Loadable`, and it pays and is paid. All methods raise
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
        self.free_fen: int = selected[1]
        self.keys = CardKeys(self.ask, certified=selected[0])
        self.trust = CardTrust(self.ask)
        self.holdings = CardHoldings(self.ask)
        self.deposits = CardDeposits(self.ask)

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
        answer = self.ask(CardCommand.TAKE_BACK, back)
        if len(answer) != messages.AMOUNT.size:
            raise LinkError(_("the card has not said what came back"))
        return int(messages.AMOUNT.unpack(answer)[0])

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
