"""Secure elements of the signers' devices, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from offline_token.bundle import TrustBundle
from offline_token.deposit import Deposit, with_owners
from offline_token.possession import NONCE_BYTES
from offline_token.ruling import End, sign_ruling
from offline_token.verify import Verdict
from runtime.clock import ManualClock
from runtime.randomness import SeededRandomness
from tests.offline.signers import NOW, Signers, key_of
from wallet.secure_element.element import SecureElement
from wallet.secure_element.state import ElementState
from wallet.secure_element.store import MemoryStore

T = TypeVar("T")
WALLET = "6201000000000017"
BANK_OF = {"alice": "alpha", "bob": "beta", "carol": "alpha"}


class FailingStore(MemoryStore):
    """Fails on demand, after the change was worked out and before it is kept."""

    failing = False

    def change(self, body: Callable[[ElementState], T]) -> T:
        """Runs `body`; raises OSError while failing."""
        state = self.read()
        answer = body(state)
        if self.failing:
            raise OSError("no space left on device")
        self.data = state.encode()
        return answer


@dataclass
class TestDevice:
    """A secure element with the parts that a test wants to reach."""

    __test__ = False  # pytest takes it for no class of tests

    element: SecureElement
    store: FailingStore
    clock: ManualClock
    randomness: SeededRandomness

    def restarted(self, *, now_ms: int | None = None) -> TestDevice:
        """The same element, switched off and on; with another clock if so wished."""
        return _device(self.store, now_ms or self.clock.now_ms(), self.randomness)

    def cloned(self, seed: int) -> TestDevice:
        """Another element with the same memory, as if the chip had been read out."""
        copy = FailingStore(bytes(32))
        copy.data = self.store.data
        return _device(copy, self.clock.now_ms(), SeededRandomness(seed))

    @property
    def balance(self) -> int:
        """What can be paid."""
        return self.element.holdings.balance_fen()


def make_device(
    signers: Signers,
    name: str,
    *values: int,
    bundle: TrustBundle | None = None,
    seed: int = 0,
) -> TestDevice:
    """A certified device that trusts the root and is loaded with a token of each value; what it
    draws follows from the seed, and from its name if that is 0.
    """
    bank = BANK_OF[name]
    number = sorted(BANK_OF).index(name) + 1
    made = _device(FailingStore(bytes(key_of(name))), NOW, SeededRandomness(seed or number))
    device = signers.device(name, bank)
    made.element.keys.certify(device.certificate.encode(), signers.bank_certificate(bank).encode())
    made.element.trust.follow(signers.root_public + (bundle or signers.bundle()).encode())
    made.element.holdings.load(
        [
            signers.mint(device, value, number=1_000 * number + index).token.encode()
            for index, value in enumerate(values)
        ]
    )
    return made


def pay(payer: TestDevice, payee: TestDevice, amount: int) -> bytes:
    """One payment from device to device."""
    payment = payer.element.payer.pay(payee.element.payee.request(amount))
    assert payee.element.payee.accept(payment) == amount
    return payment


def deposits(holder: TestDevice, *, bank: str = "alpha", wallet: str = WALLET) -> list[bytes]:
    """Everything in it, signed over to a wallet."""
    return holder.element.deposits.begin(bank, wallet)


def deposited(signers: Signers, deposit: bytes, *, bank: str = "alpha") -> Verdict:
    """What a bank that is shown a device's deposit would find in it."""
    body = Deposit.decode(deposit[NONCE_BYTES:])
    verdict = signers.verdict(body.payment.encode(), output=body.endorsements[0].output)
    return with_owners(verdict, body, bank)


def ruled(signers: Signers, deposit: bytes, end: End = End.BAD) -> bytes:
    """The root's ruling on the piece of a device's deposit."""
    body = Deposit.decode(deposit[NONCE_BYTES:])
    (chain,), (signed,) = body.payment.chains, body.endorsements
    return sign_ruling(signers.root, chain, signed.output, end, NOW).encode()


def _device(store: FailingStore, now_ms: int, randomness: SeededRandomness) -> TestDevice:
    clock = ManualClock(now_ms)
    return TestDevice(SecureElement(store, clock, randomness), store, clock, randomness)
