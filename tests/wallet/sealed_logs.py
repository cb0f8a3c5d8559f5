"""What the tests of the sealed log share: a disk, and a state with many pieces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runtime.clock import ManualClock
from runtime.randomness import SeededRandomness
from tests.offline.devices import WALLET, make_device
from tests.offline.signers import NOW, Signers, key_of
from tests.wallet.sealed_files import opened
from wallet.secure_element.element import SecureElement
from wallet.secure_element.interface import Limits
from wallet.secure_element.signer import seed_key

SIGNERS = Signers()


class Device:
    """Alice's device on a disk, and one that she deals with, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        store = opened(folder)
        seed = seed_key(bytes(key_of("alice")))
        store.change(lambda state: state.keys.append(seed))
        self.tokens = 0
        element = self.element(folder, 0)
        made = SIGNERS.alice.certificate.encode()
        element.keys.certify(made, SIGNERS.bank_certificate("alpha").encode())
        element.trust.follow(SIGNERS.root_public + SIGNERS.bundle().encode())
        element.holdings.load([SIGNERS.mint(SIGNERS.alice, 300, number=10_000).token.encode()])

    def element(self, folder: Path, seed: int) -> SecureElement:
        """As a new process opens it; what it draws follows from the seed."""
        return SecureElement(opened(folder), ManualClock(NOW), SeededRandomness(seed))

    def act(self, what: str, fen: int, step: int) -> Callable[[SecureElement], object]:
        """Something that a device is asked; the same asked of a copy has the same answer."""
        bob = self._bob(step)  # other challenges each time
        if what == "load":
            token = SIGNERS.mint(SIGNERS.alice, fen, number=step + 1).token.encode()
            return lambda element: element.holdings.load([token])
        if what == "pay":
            request = bob.payee.request(fen)
            return lambda element: element.payer.pay(request)
        if what == "be paid":
            request = self.element(self.folder, 100 + step).payee.request(fen)
            payment = bob.payer.pay(request)
            return lambda element: element.payee.accept(payment)
        if what == "limits":
            return lambda element: element.holdings.set_limits(Limits(fen, 10_000))
        if what == "deposit":
            return lambda element: element.deposits.begin("alpha", WALLET)
        if what == "back":
            back = self._signed_return(bob, fen, step)
            return lambda element: element.payer.take_back(back)
        if what == "trust":
            newer = SIGNERS.bundle(created_time_ms=NOW + fen)
            return lambda element: element.trust.follow(SIGNERS.root_public + newer.encode())
        known = self.element(self.folder, 0).deposits.begin("alpha", WALLET)[:1] or [b""]
        if what == "end":
            return lambda element: element.deposits.end(known[0])
        return lambda element: element.deposits.refuse(known[0], b"", "no")

    def _bob(self, step: int) -> SecureElement:
        return make_device(SIGNERS, "bob", 300, seed=1_000 + step).element

    def _signed_return(self, bob: SecureElement, fen: int, step: int) -> bytes:
        """What she has paid and is given back: a payment of another amount than was asked."""
        request = bob.payee.request(fen)
        payment = self.element(self.folder, 200 + step).payer.pay(request)
        bob.holdings.set_limits(Limits(0, 300))
        return bob.payee.return_payment(payment)
