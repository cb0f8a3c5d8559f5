"""A hard wallet as seen by the wallet that it is held to."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dcep.errors.v1 import errors_pb2
from offline_token.receipt import RECEIPT_BYTES
from offline_token.ruling import RULING_BYTES
from runtime.errors import Refusal
from wallet import card_messages as messages
from wallet.card_messages import Command, MessageError
from wallet.link import LinkError, Receipt

TIMEOUT_S = 15.0
_ANSWERS = {
    messages.OK: messages.LARGEST_ANSWER,
    messages.NO: messages.LARGEST_ANSWER,
}


class Card:
    """A hard wallet that has been selected. `wallet.device.Loadable`, and it pays and is paid.

    Its methods raise Refusal when the card says no and LinkError when it was taken away; holding
    it there again and repeating is safe.

    Attributes:
        with_pin: whether it has a PIN.
        free_fen: what it pays without.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        answer = self._ask(Command.SELECT, messages.VERSION)
        try:
            selected = messages.SELECTED.unpack(answer)
        except struct.error:
            raise LinkError("this is no hard wallet") from None
        self._certified: bool = selected[0]
        self.with_pin: bool = selected[1]
        self.free_fen: int = selected[2]

    def holds(self, public: bytes) -> bool:
        """Whether a key is one of the card's."""
        return self._ask(Command.HOLDS, public) == b"\x01"

    def certified(self) -> bool:
        """Whether it has a key that a bank has certified, for now."""
        return self._certified

    def load_key(self, wallet: str, busy: Collection[bytes]) -> bytes:
        """The key that a wallet's next load is for."""
        if len(busy) > messages.MAX_BUSY:
            raise Refusal(errors_pb2.REASON_OVERLOADED, "too many loads have no answer yet")
        return self._ask(Command.LOAD_KEY, wallet.encode() + b"".join(busy))

    def prove(self, public: bytes, bank: str, wallet: str) -> bytes:
        """Nonce and signature by which one of its keys asks to be certified."""
        return self._ask(Command.PROVE, public + wallet.encode() + bank.encode())

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Gives it the certificate of one of its keys."""
        kind = bytes([messages.CERTIFICATES])
        self._ask(Command.CERTIFY, kind + device_certificate + bank_certificate)

    def trust(self, bundle: bytes) -> None:
        """Gives it a trust bundle."""
        self._ask(Command.CERTIFY, bytes([messages.BUNDLE]) + bundle)

    def balance_fen(self) -> int:
        """What it holds."""
        return self._balances()[0]

    def payable_fen(self) -> int:
        """What of it can be paid."""
        return self._balances()[1]

    def request(self, amount_fen: int) -> bytes:
        """It asks for a payment."""
        return self._ask(Command.REQUEST, messages.AMOUNT.pack(amount_fen))

    def pay(self, request: bytes, pin: str = "", answers: Sequence[bytes] = ()) -> bytes:
        """Its payment for a request.

        Args:
            answers: to questions about this payee's other requests; by them the card knows it
                again when it has loaded since and shows another key.
        """
        body = request + b"".join(answers)
        if not pin:
            return self._ask(Command.PAY, body)
        said = pin.encode()
        return self._ask(Command.PAY_PIN, bytes([min(len(said), 255)]) + said[:255] + body)

    def confirm(self, payment: bytes, receipt: bytes) -> None:
        """Its payment was taken, as its payee has signed."""
        self._ask(Command.CONFIRM, receipt + payment)

    def accept(self, payment: bytes) -> Receipt:
        """It takes a payment; returns what it was worth, with its signature."""
        answer = self._ask(Command.ACCEPT, payment)
        amount, receipt = answer[: messages.AMOUNT.size], answer[messages.AMOUNT.size :]
        if len(receipt) != RECEIPT_BYTES:
            raise LinkError("the card has not signed that it took the payment")
        return Receipt(int(messages.AMOUNT.unpack(amount)[0]), receipt)

    def give_back(self, payment: bytes) -> bytes:
        """What gives a payment back that it did not take."""
        return self._ask(Command.GIVE_BACK, payment)

    def take_back(self, back: bytes) -> int:
        """It takes back what it paid; returns its value in fen."""
        return int(messages.AMOUNT.unpack(self._ask(Command.TAKE_BACK, back))[0])

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal when there is no room for so much."""
        if amount_fen > self._balances()[2]:
            raise Refusal(errors_pb2.REASON_OVER_BALANCE_CAP, "more than this card may hold")

    def load(self, tokens: Sequence[bytes]) -> None:
        """Gives it fresh tokens."""
        for at in range(0, len(tokens), messages.MAX_LOADED):
            self._ask(Command.LOAD, b"".join(tokens[at : at + messages.MAX_LOADED]))

    def begin_deposit(self, bank: str, wallet: str) -> list[bytes]:
        """What lies under keys of this wallet in it, signed over to the wallet."""
        deposits: list[bytes] = []
        whom = wallet.encode() + bank.encode()
        while deposit := self._deposit(len(deposits), whom):
            deposits.append(deposit)
        return deposits

    def end_deposit(self, deposit: bytes) -> None:
        """A piece is gone."""
        self._ask(Command.DEPOSIT, bytes([messages.DEPOSITED]) + deposit)

    def refuse_deposit(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """A deposit was refused; the card ends the piece only by the root's ruling."""
        said = ruling if len(ruling) == RULING_BYTES else bytes(RULING_BYTES)
        self._ask(Command.DEPOSIT, bytes([messages.REFUSED]) + said + deposit)

    def note_deposit(self, deposit: bytes, why: str) -> None:
        """A card shows nothing."""

    def _deposit(self, at: int, whom: bytes) -> bytes:
        number = messages.NUMBER.pack(at)
        return self._ask(Command.DEPOSIT, bytes([messages.LISTED]) + number + whom)

    def _balances(self) -> tuple[int, int, int]:
        held, payable, room = messages.BALANCES.unpack(self._ask(Command.BALANCE, b""))
        return held, payable, room

    def _ask(self, command: Command, body: bytes) -> bytes:
        try:
            messages.send(self._connection, command, body)
            answer = messages.receive(self._connection, _ANSWERS)
            if answer is None:
                raise LinkError("the card was taken away")
            status, said = answer
            if status == messages.NO:
                raise Refusal(*messages.refused(said))
        except (OSError, MessageError) as error:
            raise LinkError(f"the card did not answer: {error}") from error
        return said


@contextmanager
def touched(path: Path) -> Iterator[Card]:
    """The card at a socket. Raises LinkError when there is none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        try:
            connection.connect(str(path))
        except OSError as error:
            raise LinkError(f"no card at {path}: {error.strerror or error}") from error
        yield Card(connection)
