"""A hard wallet in a test, and readers that are held to it."""

from __future__ import annotations

import socket
import threading

from runtime.clock import ManualClock
from runtime.randomness import SeededRandomness
from tests.offline.devices import WALLET, FailingStore, TestDevice
from tests.offline.signers import NOW, Signers
from wallet.hard_wallet.card import HardWallet, converse, personalise
from wallet.hard_wallet.reader import Card

PIN = "2468"


class Held:
    """A hard wallet with one reader; `card` is the reader's end."""

    def __init__(
        self, signers: Signers, *values: int, free_fen: int = 50, limit_fen: int = 0
    ) -> None:
        self.store = FailingStore(bytes([7]) * 32)
        root = signers.root_public
        personalise(self.store, pin=PIN, root=root, free_fen=free_fen, limit_fen=limit_fen)
        self.hard = HardWallet(self.store, ManualClock(NOW), SeededRandomness(5))
        element = self.hard.element
        key = element.keys.load_key(WALLET, ())
        element.keys.prove(key, "alpha", WALLET)
        certificate = signers.certify(key, "alpha")
        element.keys.certify(certificate.encode(), signers.bank_certificate("alpha").encode())
        element.trust.follow(signers.root_public + signers.bundle().encode())
        tokens = [
            signers.mint(element.keys.public_key(), value, number=500 + at).token.encode()
            for at, value in enumerate(values)
        ]
        element.holdings.load(tokens)
        self._ends: list[socket.socket] = []
        self.card = Card(self.plug())

    def plug(self) -> socket.socket:
        """A fresh reader's end of the contacts."""
        inner, outer = socket.socketpair()
        outer.settimeout(5)

        def run() -> None:
            with inner:
                converse(self.hard, inner)

        threading.Thread(target=run, daemon=True).start()
        self._ends.append(outer)
        return outer

    def again(self) -> Card:
        """Taken away and held there again, by anybody."""
        return Card(self.plug())

    def owners(self) -> Card:
        """Held there again by who knows the PIN."""
        card = self.again()
        card.unlock(PIN)
        return card

    @property
    def balance(self) -> int:
        """What is on it."""
        return self.hard.element.holdings.balance_fen()


def paid_by(card: Card, bob: TestDevice, request: bytes) -> bytes:
    """The card's payment for a request of Bob's, who is at the other end."""
    return card.pay(request, bob.element.payee.vouch(request, card.binding))


def took(bob: TestDevice, card: Card, amount: int) -> None:
    payment = paid_by(card, bob, bob.element.payee.request(amount))
    assert bob.element.payee.accept(payment) == amount
    card.confirm(payment, bob.element.payee.receipt(payment))
