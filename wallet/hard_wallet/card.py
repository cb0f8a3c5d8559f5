"""A hard wallet: money on a card, here a process with a Unix socket in place of the contacts.

It has its own secure element, no bank, and a clock that nobody can set back. See
`wallet.hard_wallet.messages` for its commands, and ``python -m wallet.hard_wallet --help`` for
how it runs.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from currency.amount import format_yuan
from dcep.errors.v1 import errors_pb2
from offline_token.channel import is_at_channel
from offline_token.formats import (
    CERTIFICATE_BYTES,
    KEY_BYTES,
    NAME_BYTES,
    SIGNATURE_BYTES,
    TOKEN_BYTES,
    FormatError,
    Payment,
    Request,
    statement_bytes,
)
from offline_token.receipt import RECEIPT_BYTES
from offline_token.ruling import RULING_BYTES
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.files import write_whole
from runtime.randomness import Randomness
from wallet.hard_wallet import messages
from wallet.hard_wallet.channel import Channel, MessageError, met
from wallet.hard_wallet.guard import Guard, Session, free_fen
from wallet.hard_wallet.messages import CardCommand
from wallet.hard_wallet.pin import stretched
from wallet.home.home import HomeError
from wallet.secure_element.element import SecureElement
from wallet.secure_element.interface import TAG_BYTES, BundleNews, answer_of
from wallet.secure_element.limits import MAX_PIN_CHARACTERS, MIN_PIN_CHARACTERS
from wallet.secure_element.paying import is_decided
from wallet.secure_element.remembering import paid_fen
from wallet.secure_element.state import ElementState
from wallet.secure_element.store import Store

FREE_FEN = 20_000
"""What one payment may be without the PIN, unless the holder says otherwise."""

IDLE_S = 10.0
"""A reader that says nothing for so long is disconnected."""


def personalise(
    store: Store, *, pin: str, root: bytes, free_fen: int = FREE_FEN, limit_fen: int = 0
) -> None:
    """Personalises an empty card; a card that was personalised before stays as it is.

    Args:
        pin: the holder's PIN.
        root: the central bank's key for offline money. The card believes only what this key has
            signed, or a successor that this key has introduced.
        free_fen: the most of one payment without the PIN.
        limit_fen: the most that the card holds; 0: as much as the central bank allows.

    Raises:
        HomeError: the PIN or the root is missing or invalid.
    """
    if store.read().card_root:
        return
    if not MIN_PIN_CHARACTERS <= len(pin) <= MAX_PIN_CHARACTERS:
        raise HomeError(f"a PIN has {MIN_PIN_CHARACTERS} to {MAX_PIN_CHARACTERS} characters")
    if len(root) != KEY_BYTES:
        raise HomeError(f"the root of offline money is a key of {KEY_BYTES} bytes")
    kept = stretched(pin).hex()

    def body(state: ElementState) -> None:
        if not state.card_root:
            state.card_pin, state.card_root, state.card_free_fen = kept, root.hex(), free_fen
            state.total_limit_fen = limit_fen

    store.change(body)


class HardWallet:
    """A card that answers commands, one at a time.

    Args:
        store: the state of a personalised card.
    """

    def __init__(self, store: Store, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        root = bytes.fromhex(store.read().card_root)
        if not root:
            raise HomeError("this card has not been personalised")
        self.randomness = randomness
        self.element = SecureElement(store, clock, randomness, root=root)
        self._guard = Guard(store, randomness)
        self._answers: dict[CardCommand, Callable[[bytes, Session], bytes]] = {
            CardCommand.PIN_BEGIN: lambda body, session: self._guard.begin(session, body),
            CardCommand.PIN_PROVE: lambda body, session: self._guard.prove(session, body),
            CardCommand.WALLET: lambda body, session: bytes([self._guard.wallet(session, body)]),
            CardCommand.REQUEST: self._request,
            CardCommand.PAY: self._pay,
            CardCommand.DEPOSIT: self._deposit,
        }
        self._plain: dict[CardCommand, Callable[[bytes], bytes | None]] = {
            CardCommand.SELECT: self._select,
            CardCommand.PAIR: self._guard.pair,
            CardCommand.BALANCE: self._balance,
            CardCommand.ACCEPT: self._accept,
            CardCommand.CERTIFY: self._certify,
            CardCommand.TRUST: self.element.trust.follow,
            CardCommand.WANTED: lambda _: b"".join(self.element.trust.wanted()),
            CardCommand.STATEMENTS: self._statements,
            CardCommand.NEWS: self._news,
            CardCommand.CHECK_LOAD: lambda body: self.element.holdings.check_load(_amount(body)),
            CardCommand.LOAD: self._load,
            CardCommand.CONFIRM: self._confirm,
            CardCommand.LOAD_KEY: self._load_key,
            CardCommand.PROVE: self._prove,
            CardCommand.HOLDS: lambda body: bytes([self.element.keys.holds(body)]),
            CardCommand.RETURN_PAYMENT: self.element.payee.return_payment,
            CardCommand.TAKE_BACK: lambda body: messages.AMOUNT.pack(
                self.element.payer.take_back(body)
            ),
        }

    def face(self) -> str:
        """What stands on the card's face, for whoever holds it: the yuan that it has."""
        return format_yuan(self.element.holdings.balance_fen())

    def answer(self, command: CardCommand, body: bytes, session: Session) -> bytes:
        """Answers one command. Raises Refusal."""
        self._guard.check(session, command)
        if command in self._answers:
            return self._answers[command](body, session)
        return self._plain[command](body) or b""

    def _select(self, _: bytes) -> bytes:
        return messages.SELECTED.pack(self.element.keys.certified(), free_fen(self._store.read()))

    def _balance(self, _: bytes) -> bytes:
        holdings = self.element.holdings
        return messages.BALANCES.pack(holdings.balance_fen(), holdings.payable_fen())

    def _request(self, body: bytes, session: Session) -> bytes:
        holders = session.pin or bool(session.wallet)
        request = self.element.payee.request(_amount(body), anybodys=not holders)
        return request + self.element.payee.vouch(request, session.binding)

    def _pay(self, body: bytes, session: Session) -> bytes:
        signature, rest = body[:SIGNATURE_BYTES], body[SIGNATURE_BYTES:]
        end = 1 + rest[0] * TAG_BYTES if rest else 0
        tags, request = rest[1:end], rest[end:]
        asked = _request(request)
        if not is_at_channel(asked.certificate.key, session.binding, signature):
            raise Refusal(
                errors_pb2.REASON_SIGNATURE_INVALID,
                "whose request this is has not signed that this card is held to it",
                field="request",
            )
        if (earlier := self._earlier(tags, asked)) is not None:
            return earlier
        return self.element.payer.pay(
            request,
            unconfirmed=True,
            allow=lambda state: self._guard.spend(state, session, asked.amount_fen),
        )

    def _earlier(self, tags: bytes, asked: Request) -> bytes | None:
        """A payment that the same payee has not confirmed, if this is another request for it."""
        if is_decided(self._store.read(), asked):
            return None
        answers = {tags[at : at + TAG_BYTES] for at in range(0, len(tags), TAG_BYTES)}
        for earlier in self.element.payer.unconfirmed():
            paid = Payment.decode(earlier)
            end = paid.chains[0].hops[-1].endorsement
            same = end.payee == asked.certificate.key or answer_of(end.challenge) in answers
            if same and paid_fen(paid) == asked.amount_fen:
                return earlier
        return None

    def _accept(self, payment: bytes) -> bytes:
        taken_fen = self.element.payee.accept(payment)
        return messages.AMOUNT.pack(taken_fen) + self.element.payee.receipt(payment)

    def _confirm(self, body: bytes) -> None:
        self.element.payer.confirm(body[RECEIPT_BYTES:], body[:RECEIPT_BYTES])

    def _certify(self, body: bytes) -> None:
        self.element.keys.certify(body[:CERTIFICATE_BYTES], body[CERTIFICATE_BYTES:])

    def _load_key(self, body: bytes) -> bytes:
        number, busy = body[: messages.NUMBER_BYTES], body[messages.NUMBER_BYTES :]
        if len(number) < messages.NUMBER_BYTES or not number.isdigit() or len(busy) % KEY_BYTES:
            raise _unreadable("a wallet's number is expected, and whole keys")
        keys = {busy[at : at + KEY_BYTES] for at in range(0, len(busy), KEY_BYTES)}
        return self.element.keys.load_key(number.decode("ascii"), keys)

    def _prove(self, body: bytes) -> bytes:
        wallet, bank = _whom(body[KEY_BYTES:])
        return self.element.keys.prove(body[:KEY_BYTES], bank, wallet)

    def _news(self, body: bytes) -> bytes:
        if len(body) != messages.NEWS.size:
            raise _unreadable("a time and a digest are expected")
        theirs = BundleNews(*messages.NEWS.unpack(body))
        return messages.NEWS.pack(*self.element.trust.news()) + self.element.trust.newer_than(
            theirs
        )

    def _statements(self, body: bytes) -> None:
        said, at = list[bytes](), 0
        while at < len(body):
            said.append(body[at : at + statement_bytes(body[at : at + 1])])
            at += len(said[-1])
        self.element.trust.note(said)

    def _load(self, body: bytes) -> None:
        self.element.holdings.load(
            [body[at : at + TOKEN_BYTES] for at in range(0, len(body), TOKEN_BYTES)]
        )

    def _deposit(self, body: bytes, session: Session) -> bytes:
        kind, content = body[:1], body[1:]
        if kind == bytes([messages.LISTED]) and len(content) > messages.NUMBER.size:
            at = messages.NUMBER.unpack(content[: messages.NUMBER.size])[0]
            wallet, bank = _whom(content[messages.NUMBER.size :])
            self._guard.check_wallet(session, wallet)
            deposits = self.element.deposits.begin(bank, wallet, own_alone=True)
            return deposits[at] if at < len(deposits) else b""
        if kind not in (bytes([messages.DEPOSITED]), bytes([messages.REFUSED])):
            raise _unreadable("a number and a wallet, or what came of a piece, is expected")
        if kind == bytes([messages.DEPOSITED]):
            self._guard.check_deposit(session, content)
            self.element.deposits.end(content)
        else:
            ruling, deposit = content[:RULING_BYTES], content[RULING_BYTES:]
            self._guard.check_deposit(session, deposit)
            self.element.deposits.refuse(deposit, ruling)
        return b""


def converse(card: HardWallet, connection: socket.socket) -> None:
    """Answers one reader until it leaves or sends an invalid message, which ends the session."""
    try:
        channel = met(connection, messages.VERSION, card.randomness)
    except MessageError:
        return
    if channel is not None:
        _answer_all(card, channel)


def _answer_all(card: HardWallet, channel: Channel) -> None:
    session = Session(channel.binding)
    try:
        while (received := channel.receive(messages.LARGEST)) is not None:
            try:
                answer = card.answer(CardCommand(received[0]), received[1], session)
            except Refusal as no:
                channel.send(messages.NO, messages.refusal(no.reason, no.message))
                continue
            except HomeError as no:
                refused = messages.refusal(errors_pb2.REASON_INTERNAL, str(no))
                channel.send(messages.NO, refused)
                return
            channel.send(messages.OK, answer)
    except MessageError as error:
        refused = messages.refusal(errors_pb2.REASON_MESSAGE_UNREADABLE, str(error))
        channel.send(messages.NO, refused)


def serve(card: HardWallet, path: Path, stop: threading.Event) -> None:
    """Serves readers at a Unix socket that only its owner may open, one at a time.

    The card's face is a file beside it.
    """
    face = path.with_suffix(".face")
    write_whole(face, card.face().encode())
    if path.is_socket():
        path.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        before = os.umask(0o177)
        try:
            server.bind(str(path))
        finally:
            os.umask(before)
        server.listen(1)
        server.settimeout(0.2)
        try:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                _hold(card, connection)
                write_whole(face, card.face().encode())
        finally:
            path.unlink(missing_ok=True)


def _hold(card: HardWallet, connection: socket.socket) -> None:
    with connection:
        connection.settimeout(IDLE_S)
        try:
            converse(card, connection)
        except OSError:
            return  # the card was taken away; what it did is durable and can be repeated


def _amount(body: bytes) -> int:
    if len(body) != messages.AMOUNT.size:
        raise _unreadable("an amount is expected")
    return int(messages.AMOUNT.unpack(body)[0])


def _whom(data: bytes) -> tuple[str, str]:
    """A wallet's number and its bank's name."""
    number, bank = data[: messages.NUMBER_BYTES], data[messages.NUMBER_BYTES :]
    wanted = len(number) == messages.NUMBER_BYTES and number.isdigit()
    if not wanted or not bank.replace(b"-", b"").isalnum() or len(bank) > NAME_BYTES:
        raise _unreadable("a wallet's number and its bank's name are expected")
    return number.decode("ascii"), bank.decode("ascii")


def _request(data: bytes) -> Request:
    try:
        return Request.decode(data)
    except FormatError as error:
        raise _unreadable(str(error)) from None


def _unreadable(words: str) -> Refusal:
    return Refusal(errors_pb2.REASON_MESSAGE_UNREADABLE, words)
