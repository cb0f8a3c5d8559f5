"""A hard wallet: money on a card, here a process with a Unix socket in place of the contacts.

It has a secure element of its own, no bank and no clock that anybody may set back. See
`wallet.card_messages` for what it is told, ``python -m wallet.hard_wallet --help`` for how it runs.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from currency.amount import AmountError, parse_yuan
from dcep.errors.v1 import errors_pb2
from offline_token.formats import (
    CERTIFICATE_BYTES,
    KEY_BYTES,
    NAME_BYTES,
    REQUEST_BYTES,
    TOKEN_BYTES,
    FormatError,
    Payment,
    Request,
)
from offline_token.receipt import RECEIPT_BYTES
from offline_token.ruling import RULING_BYTES
from runtime.clock import Clock, SystemClock
from runtime.errors import Refusal
from runtime.randomness import Randomness, SystemRandomness
from runtime.server import wait_for_signal
from wallet import card_messages as messages
from wallet.card_messages import Command, MessageError
from wallet.device import TAG_BYTES, answer_of
from wallet.home import Home, HomeError
from wallet.secure_element.element import SecureElement
from wallet.secure_element.limits import MAX_PIN_CHARACTERS, MAX_PIN_TRIES, MIN_PIN_CHARACTERS
from wallet.secure_element.sealed_file import SealedFile
from wallet.secure_element.state import State
from wallet.secure_element.store import Store

FREE_FEN = 20_000
"""What one payment may be without the PIN, unless the holder says otherwise."""

FREE_TAPS = 5
"""So many times that amount a card with a PIN pays without it, in all: only the right PIN begins a
new count. Being online does not, for whoever has found the card can bring it online."""

IDLE_S = 10.0
"""A reader that says nothing for so long is put down."""


class HardWallet:
    """Answers commands, one at a time."""

    def __init__(self, store: Store, clock: Clock, randomness: Randomness) -> None:
        self._store = store
        self.element = SecureElement(store, clock, randomness)
        self._answers: dict[Command, Callable[[bytes], bytes]] = {
            Command.SELECT: self._select,
            Command.BALANCE: self._balance,
            Command.REQUEST: lambda body: self.element.request(_amount(body)),
            Command.PAY: self._pay,
            Command.PAY_PIN: self._pay_with_pin,
            Command.ACCEPT: self._accept,
            Command.CERTIFY: self._certify,
            Command.LOAD: self._load,
            Command.DEPOSIT: self._deposit,
            Command.CONFIRM: self._confirm,
            Command.LOAD_KEY: self._load_key,
            Command.PROVE: self._prove,
            Command.HOLDS: lambda body: bytes([self.element.holds(body)]),
            Command.GIVE_BACK: self.element.give_back,
            Command.TAKE_BACK: lambda body: messages.AMOUNT.pack(self.element.take_back(body)),
        }

    def personalise(self, *, pin: str = "", free_fen: int = FREE_FEN) -> None:
        """Sets the PIN and the amount without it; a PIN that is set is not changed."""
        if pin and not MIN_PIN_CHARACTERS <= len(pin) <= MAX_PIN_CHARACTERS:
            raise HomeError(f"a PIN has {MIN_PIN_CHARACTERS} to {MAX_PIN_CHARACTERS} characters")
        made = _hashed(pin) if pin and not self._store.read().card_pin else ""

        def body(state: State) -> None:
            state.card_pin = state.card_pin or made
            state.card_free_fen = free_fen

        self._store.change(body)

    def answer(self, command: Command, body: bytes) -> bytes:
        """The answer to a command. Raises Refusal."""
        return self._answers[command](body)

    def _select(self, body: bytes) -> bytes:
        if body != messages.VERSION:
            raise _unreadable("this card speaks " + messages.VERSION.decode())
        state = self._store.read()
        return messages.SELECTED.pack(
            self.element.certified(),
            bool(state.card_pin),
            _free_fen(state),
        )

    def _balance(self, _: bytes) -> bytes:
        held_fen, total_fen = self.element.balance_fen(), self.element.limits().total_fen
        room_fen = max(total_fen - held_fen, 0) if total_fen else messages.ANY_AMOUNT
        return messages.BALANCES.pack(held_fen, self.element.payable_fen(), room_fen)

    def _pay(self, body: bytes) -> bytes:
        asked = _request(body[:REQUEST_BYTES])
        if asked.amount_fen > self._store.read().card_free_fen:
            raise _with_pin("this card pays so much only with its PIN")
        if (earlier := self._earlier(body, asked)) is not None:
            return earlier
        # Counted before the payment is made: whoever pulls the card away gains nothing.
        self._store.change(lambda state: _count(state, asked.amount_fen))
        try:
            return self.element.pay(body[:REQUEST_BYTES], unconfirmed=True)
        except Refusal:
            self._store.change(lambda state: _uncount(state, asked.amount_fen))
            raise

    def _pay_with_pin(self, body: bytes) -> bytes:
        length = body[0] if body else 0
        pin, rest = body[1 : 1 + length], body[1 + length :]
        asked = _request(rest[:REQUEST_BYTES])
        self._check_pin(pin)
        earlier = self._earlier(rest, asked)
        return earlier or self.element.pay(rest[:REQUEST_BYTES], unconfirmed=True)

    def _earlier(self, body: bytes, asked: Request) -> bytes | None:
        """The last payment again, if the same payee has not said that it came."""
        tags = body[REQUEST_BYTES:]
        answers = {tags[at : at + TAG_BYTES] for at in range(0, len(tags), TAG_BYTES)}
        for earlier in self.element.unconfirmed():
            ends = [chain.hops[-1].endorsement for chain in Payment.decode(earlier).chains]
            amount_fen = sum(end.amount_fen for end in ends)
            same = ends[0].payee == asked.certificate.key or answer_of(ends[0].challenge) in answers
            if same and amount_fen == asked.amount_fen:
                return earlier
        return None

    def _accept(self, payment: bytes) -> bytes:
        taken_fen = self.element.accept(payment)
        return messages.AMOUNT.pack(taken_fen) + self.element.receipt(payment)

    def _confirm(self, body: bytes) -> bytes:
        self.element.confirm(body[RECEIPT_BYTES:], body[:RECEIPT_BYTES])
        return b""

    def _check_pin(self, pin: bytes) -> None:
        """Raises Refusal unless it is the PIN. The try is counted before it is evaluated."""

        def count(state: State) -> tuple[str, int]:
            if not state.card_pin:
                raise _not_the_holder("this card has no PIN")
            if state.card_tries >= MAX_PIN_TRIES:
                raise _not_the_holder(_LOCKED)
            state.card_tries += 1
            return state.card_pin, MAX_PIN_TRIES - state.card_tries

        known, left = self._store.change(count)
        if not _is_pin(known, pin):
            raise _not_the_holder(
                f"this is not the card's PIN; {left} tries are left" if left else _LOCKED
            )

        def forget(state: State) -> None:
            state.card_tries = state.card_spent_fen = 0

        self._store.change(forget)

    def _certify(self, body: bytes) -> bytes:
        kind, content = body[:1], body[1:]
        if kind == bytes([messages.CERTIFICATES]):
            self.element.certify(content[:CERTIFICATE_BYTES], content[CERTIFICATE_BYTES:])
        elif kind == bytes([messages.BUNDLE]):
            self.element.trust(content)
        else:
            raise _unreadable("certificates or a bundle are expected")
        return b""

    def _load_key(self, body: bytes) -> bytes:
        number, busy = body[: messages.NUMBER_BYTES], body[messages.NUMBER_BYTES :]
        if len(number) < messages.NUMBER_BYTES or not number.isdigit() or len(busy) % KEY_BYTES:
            raise _unreadable("a wallet's number is expected, and whole keys")
        keys = {busy[at : at + KEY_BYTES] for at in range(0, len(busy), KEY_BYTES)}
        return self.element.load_key(number.decode("ascii"), keys)

    def _prove(self, body: bytes) -> bytes:
        wallet, bank = _whom(body[KEY_BYTES:])
        return self.element.prove(body[:KEY_BYTES], bank, wallet)

    def _load(self, body: bytes) -> bytes:
        self.element.load([body[at : at + TOKEN_BYTES] for at in range(0, len(body), TOKEN_BYTES)])
        return b""

    def _deposit(self, body: bytes) -> bytes:
        kind, content = body[:1], body[1:]
        if kind == bytes([messages.LISTED]) and len(content) > messages.NUMBER.size:
            at = messages.NUMBER.unpack(content[: messages.NUMBER.size])[0]
            wallet, bank = _whom(content[messages.NUMBER.size :])
            deposits = self.element.begin_deposit(bank, wallet, own_alone=True)
            return deposits[at] if at < len(deposits) else b""
        if kind not in (bytes([messages.DEPOSITED]), bytes([messages.REFUSED])):
            raise _unreadable("a number and a wallet, or what came of a piece, is expected")
        if kind == bytes([messages.DEPOSITED]):
            self.element.end_deposit(content)
        else:
            ruling, deposit = content[:RULING_BYTES], content[RULING_BYTES:]
            self.element.refuse_deposit(deposit, ruling)
        return b""


def converse(card: HardWallet, connection: socket.socket) -> None:
    """Answers one reader until it goes; the first command is SELECT."""
    selected = False
    largest: dict[int, int] = {int(command): size for command, size in messages.LARGEST.items()}
    try:
        while (received := messages.receive(connection, largest)) is not None:
            command = Command(received[0])
            try:
                if not selected and command != Command.SELECT:
                    raise _unreadable("SELECT comes first")
                answer = card.answer(command, received[1])
                selected = True
            except Refusal as no:
                _refuse(connection, no.reason, no.message)
                continue
            except HomeError as no:
                _refuse(connection, errors_pb2.REASON_INTERNAL, str(no))
                return
            messages.send(connection, messages.OK, answer)
    except MessageError as error:
        _refuse(connection, errors_pb2.REASON_MESSAGE_UNREADABLE, str(error))


def serve(card: HardWallet, path: Path, stop: threading.Event) -> None:
    """Answers at a Unix socket that only its owner may open, one reader at a time."""
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
        finally:
            path.unlink(missing_ok=True)


def main() -> int:
    """Runs until SIGTERM; the exit status is 0 then, and 2 for what cannot be."""
    parser = argparse.ArgumentParser(prog="python -m wallet.hard_wallet", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="where it is touched")
    parser.add_argument("--home", type=Path, help="its memory; default: beside the socket, .card")
    parser.add_argument("--free", help="yuan that one payment may be without the PIN; 200")
    arguments = parser.parse_args()
    stop = wait_for_signal()
    try:
        free_fen = parse_yuan(arguments.free) if arguments.free else FREE_FEN
        home = Home(arguments.home or arguments.socket.with_suffix(".card"))
        home.make()
        randomness = SystemRandomness()
        store = SealedFile(home.folder, randomness, lambda: "")
        card = HardWallet(store, SystemClock(), randomness)
        card.personalise(pin=os.environ.get("DCEP_CARD_PIN", ""), free_fen=free_fen)
        serve(card, arguments.socket, stop)
    except (AmountError, HomeError, OSError) as error:
        print(f"hard wallet: {error}", file=sys.stderr)
        return 2
    return 0


_LOCKED = (
    f"{MAX_PIN_TRIES} wrong PINs were tried; this card pays larger amounts no more, and what is in "
    "it can still be deposited"
)


def _free_fen(state: State) -> int:
    """What the card pays now without its PIN, at once."""
    if not state.card_pin:
        return state.card_free_fen
    left_fen = FREE_TAPS * state.card_free_fen - state.card_spent_fen
    return min(state.card_free_fen, max(left_fen, 0))


def _count(state: State, amount_fen: int) -> None:
    if amount_fen > _free_fen(state):
        raise _with_pin("this card has paid enough without its PIN; give it once")
    state.card_spent_fen += amount_fen


def _uncount(state: State, amount_fen: int) -> None:
    state.card_spent_fen = max(state.card_spent_fen - amount_fen, 0)


def _with_pin(words: str) -> Refusal:
    return Refusal(errors_pb2.REASON_OVER_SINGLE_LIMIT, words)


def _hold(card: HardWallet, connection: socket.socket) -> None:
    with connection:
        connection.settimeout(IDLE_S)
        try:
            converse(card, connection)
        except OSError:
            return  # the card was taken away; what it did is durable, and repeats


def _refuse(connection: socket.socket, reason: int, words: str) -> None:
    messages.send(connection, messages.NO, messages.refusal(reason, words))


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


def _hashed(pin: str) -> str:
    from nacl.pwhash import argon2id

    return argon2id.str(
        pin.encode(), argon2id.OPSLIMIT_INTERACTIVE, argon2id.MEMLIMIT_INTERACTIVE
    ).decode()


def _is_pin(known: str, pin: bytes) -> bool:
    from nacl.exceptions import InvalidkeyError
    from nacl.pwhash import argon2id

    try:
        return bool(argon2id.verify(known.encode(), pin))
    except InvalidkeyError:
        return False


def _unreadable(words: str) -> Refusal:
    return Refusal(errors_pb2.REASON_MESSAGE_UNREADABLE, words)


def _not_the_holder(words: str) -> Refusal:
    return Refusal(errors_pb2.REASON_NOT_THE_OWNER, words)


if __name__ == "__main__":
    sys.exit(main())
