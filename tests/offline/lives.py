"""People with devices and a card, whose orders may be lost, and answers, and the devices too."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from nacl.signing import SigningKey

from central_bank.registration.offline.outcomes import PENDING, REFUSED, SETTLED, DepositOutcome
from dcep.registration.v1 import registration_pb2
from offline_token.formats import BANK, Certificate
from offline_token.possession import NONCE_BYTES, Possession, account_of
from offline_token.signing import certify_device
from runtime.clock import ManualClock
from runtime.envelope import sign
from runtime.errors import Refusal
from runtime.randomness import SeededRandomness
from tests.central_bank.admitting import KEYS
from tests.central_bank.system import ROOT
from tests.offline.centre import Centre
from tests.offline.devices import FailingStore
from tests.offline.signers import DAY
from tests.refusals import verdict_name
from wallet.hard_wallet.card import HardWallet, converse, personalise
from wallet.hard_wallet.reader import Card
from wallet.secure_element.device_errors import PinError
from wallet.secure_element.element import SecureElement
from wallet.secure_element.interface import Device, Loadable
from wallet.secure_element.limits import MAX_PIN_TRIES
from wallet.secure_element.sealed_file import SealedFile
from wallet.secure_element.store import MemoryStore, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

PIN = "2468"


class Person:
    """A device with its wallet at a bank.

    Attributes:
        credited_fen: what deposits have brought into the wallet.
        locked: the device is locked for good; it does nothing any more.
    """

    def __init__(
        self, centre: Centre, name: str, bank: str, number: str, store: Store | None = None
    ) -> None:
        self.centre, self.bank, self.wallet = centre, bank, number
        self.clock = ManualClock(centre.clock.now_ms())
        self.store = store or FailingStore(name.encode().ljust(32, b"\0"))
        self.key = SigningKey(name.encode().ljust(32, b"k"))
        self.element = SecureElement(self.store, self.clock, SeededRandomness(int(number)))
        self.credited_fen = 0
        self.locked = False
        self._sent: dict[bytes, registration_pb2.TokenDepositItem] = {}
        self._credited: set[int] = set()

    def load(self, fen: int, into: Loadable | None = None) -> None:
        """Its bank certifies a key of the device, or of a card, and has tokens made for it."""
        devices, device = self.centre.central.devices, into or self.element
        key = device.keys.load_key(self.wallet, ())
        proof = device.keys.prove(key, self.bank, self.wallet)
        made = certify_device(KEYS[self.bank], self.bank, key, self.centre.clock.now_ms() + DAY)
        own = next(each for each in devices.bundle().banks if each.bank == self.bank)
        device.keys.certify(made.encode(), Certificate.decode(own.encode(), BANK).encode())
        device.trust.follow(devices.trust_bundle())
        asked = Possession(account_of(self.wallet, proof[:NONCE_BYTES]), proof[NONCE_BYTES:])
        now_ms = self.centre.clock.now_ms()
        order = registration_pb2.TokenRegistration(
            bank=self.bank,
            number=next(self.centre.numbers),
            amount_fen=fen,
            device_certificate=made.encode(),
            possession=asked.encode(),
            created_time_ms=now_ms,
            expires_time_ms=now_ms + 60_000,
        )
        name = self.bank.encode()
        signed = sign(order, KEYS[self.bank], name)
        outcome, tokens = self.centre.central.loads.register(self.centre.bank(self.bank), signed)
        assert outcome.state == registration_pb2.OUTCOME_STATE_SETTLED
        device.holdings.load(tokens)

    def deposit(self, random: Random | None = None, out_of: Loadable | None = None) -> int:
        """Deposits what it has; with chance on the way. How many are pending."""
        device = out_of or self.element
        return self._settle(device, device.deposits.begin(self.bank, self.wallet), random)

    def renew(self, random: Random) -> int:
        """Deposits what is not fresh, and loads as much anew; what was loaded."""
        device: Device = self.element
        before_fen = self.credited_fen
        worn = device.deposits.begin(self.bank, self.wallet, used_alone=True)
        self._settle(device, worn, random)
        fen = self.credited_fen - before_fen
        if fen:
            self.load(fen)
        return fen

    def ask_again(self) -> None:
        """Sends all deposits that it has ever sent once more."""
        for body in self._sent:
            self.asked(body)

    def _settle(self, device: Loadable, bodies: Sequence[bytes], random: Random | None) -> int:
        pending = 0
        for body in bodies:
            chance = random.random() if random is not None else 1.0
            if chance < 0.2:
                continue  # the order never arrived
            if chance < 0.35:
                device.deposits.refuse(body, b"", "a lie of the bank's")
                continue
            outcome = self.asked(body)
            if chance < 0.5:
                continue  # the answer was lost
            if outcome.state == SETTLED:
                device.deposits.end(body)
            elif outcome.state == REFUSED:
                assert outcome.refusal is not None
                told = registration_pb2.DepositRefusal.FromString(outcome.refusal.payload)
                device.deposits.refuse(body, told.ruling, verdict_name(outcome.verdict))
            pending += outcome.state == PENDING
        return pending

    def asked(self, body: bytes) -> DepositOutcome:
        """The bank gives the same deposit the same number, and credits once what has settled."""
        item = self._sent.get(body)
        if item is None:
            item = registration_pb2.TokenDepositItem(
                number=next(self.centre.numbers), offline_payment=body[NONCE_BYTES:]
            )
            self._sent[body] = item
        (outcome,) = self.centre.send(item, bank=self.bank)
        if outcome.state == SETTLED and item.number not in self._credited:
            self._credited.add(item.number)
            self.credited_fen += outcome.amount_fen
        return outcome

    def cloned(self, seed: int) -> SecureElement:
        """The device once more, as if its memory had been read out."""
        assert isinstance(self.store, MemoryStore)
        copy = FailingStore(bytes(32))
        copy.data = self.store.data
        return SecureElement(copy, self.clock, SeededRandomness(seed))


class BehindAPin(Person):
    """A person whose device is on a disk and behind a PIN."""

    def __init__(self, centre: Centre, name: str, bank: str, number: str, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        store = self.opened(PIN)
        store.set_pin(PIN)
        super().__init__(centre, name, bank, number, store)

    def opened(self, pin: str) -> SealedFile:
        """The device as a new process opens it, with some PIN."""
        return SealedFile(self.folder, SeededRandomness(3), lambda: pin)

    def restart(self) -> None:
        """Switched off and on."""
        self.element = SecureElement(self.opened(PIN), self.clock, SeededRandomness(self.age()))

    def age(self) -> int:
        """Another number at each restart."""
        return len((self.folder / "device.mark").read_bytes()) + self.clock.now_ms() % 997

    def tried(self, times: int) -> None:
        """A thief tries PINs, and gives up or has locked it."""
        for guess in range(times):
            try:
                self.opened(f"{guess:04d}").read()
            except PinError:
                continue
            raise AssertionError("a wrong PIN opened it")
        try:
            self.opened(PIN).read()
        except PinError:
            self.locked = True


class HeldCard:
    """A card without a screen, which readers are held to."""

    def __init__(self, centre: Centre, owner: Person) -> None:
        self.owner = owner
        self.store = FailingStore(bytes([9]) * 32)
        personalise(self.store, pin=PIN, root=bytes(ROOT.verify_key), free_fen=500)
        self.hard = HardWallet(self.store, ManualClock(centre.clock.now_ms()), SeededRandomness(9))

    def load(self, fen: int) -> None:
        """Its owner's wallet loads it, with the PIN, and is paired with it."""
        with self.touched() as card:
            card.unlock(PIN)
            card.pair(self.owner.wallet, bytes(self.owner.key.verify_key))
            self.owner.load(fen, into=card)

    def pay(self, payee: Person, fen: int, *, torn: bool) -> bool:
        """It pays without its PIN, as far as it does; the payee's OK may be lost."""
        with self.touched() as card:
            request = payee.element.payee.request(fen)
            try:
                payment = card.pay(request, payee.element.payee.vouch(request, card.binding))
            except Refusal:
                return False
            assert payee.element.payee.accept(payment) == fen
            if not torn:
                card.confirm(payment, payee.element.payee.receipt(payment))
            return True

    def be_paid(self, payer: Person, fen: int) -> None:
        """It takes a payment from whoever holds a device to it."""
        with self.touched() as card:
            try:
                payment = payer.element.payer.pay(card.request(fen))
            except Refusal:
                return  # in too many pieces
            assert card.accept(payment).amount_fen == fen

    def lock(self) -> None:
        """Ten wrong PINs, as `tests/wallet/test_card_attacks.py` tries them."""
        self.store.change(lambda state: setattr(state, "card_tries", MAX_PIN_TRIES))

    def deposit(self, random: Random | None = None) -> int:
        """Its owner's wallet deposits what is on it, without the PIN."""
        with self.touched() as card:
            assert card.recognises(self.owner.wallet, self.owner.key)
            return self.owner.deposit(random, out_of=card)

    @contextmanager
    def touched(self) -> Iterator[Card]:
        """A reader is held to it."""
        inner, outer = socket.socketpair()
        outer.settimeout(5)

        def run() -> None:
            with inner:
                converse(self.hard, inner)

        reader = threading.Thread(target=run)
        reader.start()
        try:
            yield Card(outer)
        finally:
            outer.close()
            reader.join()
