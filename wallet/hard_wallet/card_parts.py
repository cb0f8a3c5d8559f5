"""The parts of a hard wallet that its reader loads and takes deposits from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import NamedTuple

from dcep.errors.v1 import errors_pb2
from language import _
from offline_token.formats import CERTIFICATE_BYTES
from offline_token.ruling import RULING_BYTES
from runtime.errors import Refusal
from wallet.hard_wallet import messages
from wallet.hard_wallet.messages import CardCommand
from wallet.offline.outcomes import LinkError
from wallet.secure_element.interface import BundleNews, DeviceTrust
from wallet.secure_element.limits import MAX_PIECES

Ask = Callable[[CardCommand, bytes], bytes]
"""Sends one command to the card, as bytes, and returns what it says to it."""


class CardKeys:
    """The card's keys.

    Args:
        certified: whether it has a key that a bank has certified, as it says at first.
    """

    def __init__(self, ask: Ask, certified: bool) -> None:
        self._ask = ask
        self._certified = certified

    def holds(self, public: bytes) -> bool:
        """Whether a key is one of the card's."""
        return self._ask(CardCommand.HOLDS, public) == b"\x01"

    def certified(self) -> bool:
        """Whether it has a key that a bank has certified, for now."""
        return self._certified

    def load_key(self, wallet: str, busy: Collection[bytes]) -> bytes:
        """The card's key for a wallet's next load."""
        if len(busy) > messages.MAX_BUSY:
            raise Refusal(errors_pb2.REASON_OVERLOADED, _("too many loads have no answer yet"))
        return self._ask(CardCommand.LOAD_KEY, wallet.encode() + b"".join(busy))

    def prove(self, public: bytes, bank: str, wallet: str) -> bytes:
        """A nonce, 16 bytes, and the signature by which one of the card's keys asks to be
        certified.
        """
        return self._ask(CardCommand.PROVE, public + wallet.encode() + bank.encode())

    def certify(self, device_certificate: bytes, bank_certificate: bytes) -> None:
        """Gives the card the certificate of one of its keys."""
        self._ask(CardCommand.CERTIFY, device_certificate + bank_certificate)


class CardTrust:
    """What the card knows of the central bank and of banks."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def follow(self, bundle: bytes) -> None:
        """Gives the card a trust bundle."""
        self._ask(CardCommand.TRUST, bundle)

    def exchange_bundles(self, device: DeviceTrust) -> None:
        """Hands on the newer trust bundle, from the card to the device or the other way."""
        theirs, newer = self._news(device.news())
        with suppress(Refusal):  # a bad bundle changes nothing, and the tap goes on
            if newer:
                device.follow(newer)
            elif mine := device.newer_than(theirs):
                self.follow(mine)

    def _news(self, mine: BundleNews) -> tuple[BundleNews, bytes]:
        answer = self._ask(CardCommand.NEWS, messages.NEWS.pack(*mine))
        if len(answer) < messages.NEWS.size:
            raise LinkError(_("the card has not said which trust bundle it has"))
        theirs = BundleNews(*messages.NEWS.unpack(answer[: messages.NEWS.size]))
        return theirs, answer[messages.NEWS.size :]

    def wanted(self) -> list[bytes]:
        """Certificates of devices that the card's bundle says too little about."""
        answer = self._ask(CardCommand.WANTED, b"")
        if len(answer) % CERTIFICATE_BYTES:
            raise LinkError(_("the card has not said what it wants to know"))
        starts = range(0, len(answer), CERTIFICATE_BYTES)
        return [answer[at : at + CERTIFICATE_BYTES] for at in starts]

    def note(self, said: Sequence[bytes]) -> None:
        """Gives the card the root's statements about such devices."""
        self._ask(CardCommand.STATEMENTS, b"".join(said))


class Balances(NamedTuple):
    """What is on a card, and what of it can be paid, in fen."""

    held_fen: int
    payable_fen: int


class CardHoldings:
    """The money on the card."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def balances(self) -> Balances:
        """What the card holds, and what of it it can pay."""
        answer = self._ask(CardCommand.BALANCE, b"")
        if len(answer) != messages.BALANCES.size:
            raise LinkError(_("the card has not said what it holds"))
        return Balances(*messages.BALANCES.unpack(answer))

    def check_load(self, amount_fen: int) -> None:
        """Raises Refusal if the card would not take a load of so much."""
        self._ask(CardCommand.CHECK_LOAD, messages.AMOUNT.pack(amount_fen))

    def load(self, tokens: Sequence[bytes]) -> None:
        """Gives the card fresh tokens."""
        for at in range(0, len(tokens), messages.MAX_LOADED):
            self._ask(CardCommand.LOAD, b"".join(tokens[at : at + messages.MAX_LOADED]))


class CardDeposits:
    """Pieces on the card, signed over to a wallet."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def begin(self, bank: str, wallet: str) -> list[bytes]:
        """Pieces of this wallet's keys in the card, signed over to the wallet; each as
        `wallet.secure_element.interface.Deposits.begin` gives it.
        """
        deposits: list[bytes] = []
        whom = wallet.encode() + bank.encode()
        while deposit := self._deposit(len(deposits), whom):
            if len(deposits) >= MAX_PIECES:
                raise LinkError(_("no card holds so many pieces"))
            deposits.append(deposit)
        return deposits

    def end(self, deposit: bytes) -> None:
        """Tells the card that a deposit is in the wallet: the piece is gone."""
        self._ask(CardCommand.DEPOSIT, bytes([messages.DEPOSITED]) + deposit)

    def refuse(self, deposit: bytes, ruling: bytes, why: str = "") -> None:
        """Tells the card that a deposit was refused; only the root's ruling ends the piece."""
        said = ruling if len(ruling) == RULING_BYTES else bytes(RULING_BYTES)
        self._ask(CardCommand.DEPOSIT, bytes([messages.REFUSED]) + said + deposit)

    def note(self, deposit: bytes, why: str) -> None:
        """Does nothing: a card shows nothing."""

    def _deposit(self, at: int, whom: bytes) -> bytes:
        number = messages.NUMBER.pack(at)
        return self._ask(CardCommand.DEPOSIT, bytes([messages.LISTED]) + number + whom)
