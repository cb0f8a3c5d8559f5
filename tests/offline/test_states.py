"""Every state of what holds offline money has a way out, on paper and in a world at random."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from central_bank import accounts
from central_bank.registration.answers import PENDING, REFUSED, SETTLED, DepositOutcome
from dcep.registration.v1 import registration_pb2
from offline_token.formats import BANK, Certificate, Request
from offline_token.possession import NONCE_BYTES, Possession, account_of
from offline_token.signing import certify_device
from runtime.clock import ManualClock
from runtime.envelope import sign
from runtime.errors import Refusal
from runtime.randomness import SeededRandomness
from tests.central_bank.conftest import KEYS
from tests.offline.centre import Centre
from tests.offline.country import DAY
from tests.offline.purses import FailingStore
from wallet.book import OrderState
from wallet.device import PieceState
from wallet.secure_element.element import SecureElement

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "offline-states.md"
END = "end: "


@dataclass(frozen=True)
class Exit:
    state: str
    to: str
    when: str

    @property
    def sure(self) -> bool:
        """Whether nobody can keep it shut."""
        return "may fail" not in self.when and self.to != self.state


def sections() -> dict[str, list[Exit]]:
    found: dict[str, list[Exit]] = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        rows = re.findall(r"^\| (.+?) \| (.+?) \| .+? \| (.+?) \|$", body, re.MULTILINE)
        found[title] = [Exit(*row) for row in rows if row[0] not in ("state", "---")]
    return found


@pytest.mark.parametrize("title", sections())
def test_from_each_state_an_end_is_reached_whoever_stands_in_the_way(title: str) -> None:
    exits = sections()[title]
    states = {each.state for each in exits}
    assert {each.to for each in exits if not each.to.startswith(END)} <= states
    ending: set[str] = set()
    while True:
        more = {
            each.state
            for each in exits
            if each.sure and (each.to.startswith(END) or each.to in ending)
        }
        if more <= ending:
            break
        ending |= more
    assert ending == states, f"no end for {states - ending}"


def test_the_page_has_every_state_of_the_code() -> None:
    titles = sections()
    in_device = {each.state for each in titles["A piece, in a device"]}
    assert {state.value for state in PieceState} <= in_device
    orders = titles["An order, in a wallet's book"]
    named = {each.state for each in orders} | {each.to.removeprefix(END) for each in orders}
    assert {state.value for state in OrderState} <= named


class Person:
    """A device with its wallet, whose orders may be lost and answers too."""

    def __init__(self, centre: Centre, name: str, bank: str, number: str) -> None:
        self.centre, self.bank, self.wallet = centre, bank, number
        self.clock = ManualClock(centre.clock.now_ms())
        self.element = SecureElement(
            FailingStore(name.encode().ljust(32, b"\0")),
            self.clock,
            SeededRandomness(int(number)),
        )
        self.credited_fen = 0
        self._sent: dict[bytes, registration_pb2.TokenDepositItem] = {}
        self._credited: set[int] = set()

    def load(self, fen: int) -> None:
        """Its bank certifies a key and has tokens made for it."""
        devices, element = self.centre.central.devices, self.element
        key = element.load_key(self.wallet, ())
        proof = element.prove(key, self.bank, self.wallet)
        made = certify_device(KEYS[self.bank], self.bank, key, self.centre.clock.now_ms() + DAY)
        own = next(each for each in devices.bundle().banks if each.bank == self.bank)
        element.certify(made.encode(), Certificate.decode(own.encode(), BANK).encode())
        element.trust(devices.trust_bundle())
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
        signed = sign("token-registration/v1", order.SerializeToString(), KEYS[self.bank], name)
        outcome, tokens = self.centre.central.loads.register(self.centre.bank(self.bank), signed)
        assert outcome.state == registration_pb2.OUTCOME_STATE_SETTLED
        element.load(tokens)

    def deposit(self, random: Random | None = None) -> int:
        """Deposits what it has; with chance on the way. How many are pending."""
        pending = 0
        for body in self.element.begin_deposit(self.bank, self.wallet):
            chance = random.random() if random is not None else 1.0
            if chance < 0.2:
                continue  # the order never arrived
            if chance < 0.35:
                self.element.refuse_deposit(body, b"", "a lie of the bank's")
                continue
            outcome = self._asked(body)
            if chance < 0.5:
                continue  # the answer was lost
            if outcome.state == SETTLED:
                self.element.end_deposit(body)
            elif outcome.state == REFUSED:
                assert outcome.refusal is not None
                told = registration_pb2.DepositRefusal.FromString(outcome.refusal.payload)
                self.element.refuse_deposit(body, told.ruling, outcome.verdict)
            pending += outcome.state == PENDING
        return pending

    def _asked(self, body: bytes) -> DepositOutcome:
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


class Country:
    """Three people who load, pay, lose what passes between them, and live with wrong clocks."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = Random(seed)
        self.centre = Centre(folder)
        self.centre.issue(self.centre.beta, 100_000)
        self.people = [
            Person(self.centre, "alice", "alpha", "6201000000000017"),
            Person(self.centre, "bob", "alpha", "6201000000000025"),
            Person(self.centre, "carol", "beta", "6202000000000015"),
        ]
        self.loaded_fen = 0
        for person in self.people:
            self._load(person)

    def step(self) -> None:
        """Something happens."""
        person, other = self.random.sample(self.people, 2)
        what = self.random.choice(("load", "pay", "pay", "pay", "deposit", "clock", "centre"))
        if what == "load":
            self._load(person)
        elif what == "deposit":
            person.deposit(self.random)
        elif what == "clock":
            person.clock.advance(self.random.choice((60_000, 3_600_000)))
        elif what == "centre":
            self._while_the_centres_clock_is_wrong(person)
        else:
            self._pay(person, other)

    def end(self) -> None:
        """Everybody comes online; then all tokens and their grace run out."""
        for _ in range(2):
            for person in self.people:
                assert person.deposit() == 0
        for person in self.people:
            states = {piece.state for piece in person.element.pieces()}
            assert not states, f"left in a device: {states}"
        self.centre.clock.advance(200 * DAY)
        while self.centre.central.restoring.step():
            pass

    def _load(self, person: Person) -> None:
        fen = self.random.randint(1, 500)
        person.load(fen)
        self.loaded_fen += fen

    def _pay(self, payer: Person, payee: Person) -> None:
        payable = payer.element.payable_fen()
        if not payable:
            return
        asked = payee.element.request(self.random.randint(1, payable))
        try:
            payment = payer.element.pay(asked)
        except Refusal:
            return  # in too many pieces
        if self.random.random() < 0.75:
            took = payee.element.accept(payment)
            assert took == Request.decode(asked).amount_fen

    def _while_the_centres_clock_is_wrong(self, person: Person) -> None:
        """What comes in then is judged by it; nothing is given back in that moment."""
        self.centre.clock.advance(150 * DAY)
        for body in person.element.begin_deposit(person.bank, person.wallet)[:1]:
            assert person._asked(body).state != REFUSED
        self.centre.clock._now_ms -= 150 * DAY


@pytest.mark.parametrize("seed", range(12))
def test_wherever_it_got_stuck_all_money_is_in_wallets_at_the_end(
    tmp_path: Path, seed: int
) -> None:
    country = Country(tmp_path, seed)
    for _ in range(25):
        country.step()
    country.end()
    centre = country.centre
    float_fen = int(centre.central.books.ledger.read([accounts.OFFLINE_FLOAT])[0]["available_fen"])
    assert float_fen == 0
    credited_fen = sum(person.credited_fen for person in country.people)
    assert 0 < credited_fen <= country.loaded_fen
    held_fen = sum(circulation for _, circulation in centre.books().values())
    assert held_fen == 200_000, "what was not credited has gone back to the loaders"
