"""Wherever offline money got stuck in a life at random, it is in wallets at the end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from auditor.audit import audit_engines
from central_bank.limits import (
    MAX_DEPOSIT_WAIT_MS,
    MAX_OFFLINE_PAYMENT_FEN,
    PRUNE_AFTER_MS,
    TOKEN_LIFETIME_MS,
)
from central_bank.registration.offline.outcomes import REFUSED
from central_bank.registration.offline.tables import losses, pieces, tokens
from deployment.topology import CENTRAL_BANK
from offline_token.formats import Request
from runtime.errors import Refusal
from tests.feeds import told
from tests.offline.centre import Centre
from tests.offline.lives import BehindAPin, HeldCard, Person
from tests.offline.signers import DAY
from tests.refusals import verdict_name
from tests.wallet.cut_disk import CutDisk, PowerCut
from wallet.secure_element.interface import Limits, PieceState
from wallet.secure_element.limits import MAX_PIN_TRIES

BANKS = ("alpha", "beta")

_lives = itertools.count()


class System:
    """People who load, pay, renew, give back, lose what passes between them, power, and devices.

    Carol's device is behind a PIN, Alice has a card; with `cheated`, Bob's memory is copied.
    """

    def __init__(self, folder: Path, seed: int, disk: CutDisk, *, cheated: bool) -> None:
        self.random = Random(seed)
        self.disk = disk
        # In memory: nothing is lost here but messages and devices.
        self.centre = Centre(folder, f"sqlite:///file:/lives-{next(_lives)}?vfs=memdb&uri=true")
        self.centre.issue(self.centre.beta, 100_000)
        self.alice = Person(self.centre, "alice", "alpha", "6201000000000017")
        self.bob = Person(self.centre, "bob", "alpha", "6201000000000025")
        self.carol = BehindAPin(self.centre, "carol", "beta", "6202000000000015", folder / "carol")
        self.card = HeldCard(self.centre, self.alice)
        self.happened: Counter[str] = Counter()
        self.loaded_fen = 0
        self.kinds = [
            *("load", "pay", "pay", "pay", "deposit", "clock", "centre", "renew", "no room"),
            *("tap", "tap", "pay the card", "load the card", "thief", "power", "power"),
            *(("cheat", "cheat") if cheated else ()),
        ]
        for person in self.people:
            self._load(person)
        self._load_card()

    @property
    def people(self) -> list[Person]:
        """Those whose devices still work."""
        return [each for each in (self.alice, self.bob, self.carol) if not each.locked]

    def step(self) -> None:
        """Something happens."""
        person, other = self.random.sample(self.people, 2)
        acts: dict[str, Callable[[], object]] = {
            "load": lambda: self._load(person),
            "pay": lambda: self._pay(person, other),
            "no room": lambda: self._pay(person, other, room=False),
            "deposit": lambda: person.deposit(self.random),
            "renew": lambda: self._renew(person),
            "clock": lambda: person.clock.advance(self.random.choice((60_000, 3_600_000))),
            "centre": lambda: self._while_the_centres_clock_is_wrong(person),
            "load the card": lambda: self._load_card(),
            "tap": lambda: self._tap(person),
            "pay the card": lambda: self._pay_card(person),
            "thief": lambda: self._steal(),
            "power": lambda: self._lose_power(other if person is self.carol else person),
            "cheat": lambda: self._cheat(),
        }
        acts[self.random.choice(self.kinds)]()

    def end(self, *, late: bool, covered: bool) -> None:
        """Everybody comes online, in time or within the grace; then everything runs out.

        Args:
            late: the tokens have expired by then.
            covered: the bank that has to bear a double spend has reserves for it.
        """
        if late:
            self.centre.clock.advance(TOKEN_LIFETIME_MS + 20 * DAY)
        if covered:
            for bank in BANKS:
                self.centre.pay_in(bank, 100_000)
        for _ in range(2):
            waits = [person.deposit() for person in self.people] + [self.card.deposit()]
        assert not any(waits) or not covered
        self.happened["waited"] += any(waits)
        if covered:
            self._check_that_nothing_is_left()
        self.centre.clock.advance(MAX_DEPOSIT_WAIT_MS + PRUNE_AFTER_MS + 200 * DAY)
        while self.centre.central.refunds.step():
            pass

    def forget(self) -> int:
        """The centre forgets how pieces were spent; how many rows went."""
        gone = 0
        while rows := self.centre.central.pruning.prune():
            gone += rows
        return gone

    def _check_that_nothing_is_left(self) -> None:
        cheats = self.happened["cheat"]
        for person in self.people:
            states = {piece.state for piece in person.element.holdings.pieces()}
            assert states <= ({PieceState.REFUSED} if cheats else set()), f"left: {states}"
        assert self.card.hard.element.holdings.balance_fen() == 0

    def _amount(self, person: Person) -> int:
        """A few fen, one token; or some yuan, of which several are made."""
        _, left_fen = self.centre.books()[person.bank]
        wanted = self.random.choice((500, 9_000))
        return self.random.randint(1, max(min(wanted, left_fen // 3), 1))

    def _load(self, person: Person) -> None:
        fen = self._amount(person)
        before = len(person.element.holdings.pieces())
        person.load(fen)
        self.loaded_fen += fen
        self.happened["several tokens"] += len(person.element.holdings.pieces()) > before + 1

    def _load_card(self) -> None:
        if self.card.store.read().card_tries < MAX_PIN_TRIES:
            fen = self._amount(self.alice)
            self.card.load(fen)
            self.loaded_fen += fen

    def _renew(self, person: Person) -> None:
        renewed_fen = person.renew(self.random)
        self.loaded_fen += renewed_fen
        self.happened["renewed"] += renewed_fen > 0

    def _pay(self, payer: Person, payee: Person, *, room: bool = True) -> None:
        payable = min(payer.element.holdings.payable_fen(), MAX_OFFLINE_PAYMENT_FEN)
        if not payable:
            return
        asked = payee.element.payee.request(self.random.randint(1, payable))
        try:
            payment = payer.element.payer.pay(asked)
        except Refusal:
            return  # in too many pieces
        if self.random.random() < 0.2:
            return  # never shown to anybody
        if not room:
            payee.element.holdings.set_limits(Limits(0, 1))
        try:
            took = payee.element.payee.accept(payment)
            assert took == Request.decode(asked).amount_fen
        except Refusal:
            self._return_case(payer, payee, payment)
        finally:
            payee.element.holdings.set_limits(Limits())

    def _return_case(self, payer: Person, payee: Person, payment: bytes) -> None:
        back = payee.element.payee.return_payment(payment)
        self.happened["given back"] += 1
        if self.random.random() < 0.75:
            payer.element.payer.take_back(back)

    def _tap(self, payee: Person) -> None:
        torn = self.random.random() < 0.3
        self.happened["tapped"] += self.card.pay(payee, self.random.randint(1, 500), torn=torn)

    def _pay_card(self, payer: Person) -> None:
        payable = min(payer.element.holdings.payable_fen(), 500)
        if payable and self.card.hard.element.keys.certified():
            self.card.be_paid(payer, self.random.randint(1, payable))

    def _steal(self) -> None:
        """Somebody who found it tries PINs: of the card, or of Carol's device."""
        if self.random.random() < 0.5:
            self.card.lock()
            self.happened["card locked"] += 1
        elif not self.carol.locked:
            self.carol.tried(self.random.choice((3, MAX_PIN_TRIES)))
            self.happened["device locked"] += self.carol.locked

    def _lose_power(self, other: Person) -> None:
        """Carol's device goes off while it pays or is paid; then the two go on where they were."""
        payer, payee = self.random.sample((self.carol, other), 2)
        payable = (
            min(payer.element.holdings.payable_fen(), MAX_OFFLINE_PAYMENT_FEN)
            if self._works()
            else 0
        )
        if not payable:
            return
        fen = self.random.randint(1, payable)
        asked = payee.element.payee.request(fen)
        self.disk.cut_after(self.random.randrange(5_000))
        for _ in range(2):
            try:
                assert payee.element.payee.accept(payer.element.payer.pay(asked)) == fen
                break
            except PowerCut:
                self.happened["power cut"] += 1
                self.disk.cut_after(None)
                self.carol.restart()
            except Refusal:
                break  # in too many pieces, or through a device that is revoked
        self.disk.cut_after(None)

    def _works(self) -> bool:
        return not self.carol.locked

    def _cheat(self) -> None:
        """Bob's device and the copy of its memory pay the same pieces to two people."""
        payees = [each for each in self.people if each is not self.bob]
        payable = min(self.bob.element.holdings.payable_fen(), 400)
        if len(payees) < 2 or not payable:
            return
        fen, took = self.random.randint(1, payable), []
        copy = self.bob.cloned(self.random.randrange(1 << 30))
        for element, payee in zip((self.bob.element, copy), payees, strict=True):
            try:
                took.append(
                    payee.element.payee.accept(element.payer.pay(payee.element.payee.request(fen)))
                )
            except Refusal:
                continue  # somebody knows better by now
        self.happened["cheat"] += len(took) == 2

    def _while_the_centres_clock_is_wrong(self, person: Person) -> None:
        """What comes in then is judged by it; nothing is given back in that moment."""
        self.centre.clock.advance(150 * DAY)
        for body in person.element.deposits.begin(person.bank, person.wallet)[:1]:
            outcome = person.asked(body)
            assert outcome.state != REFUSED or verdict_name(outcome.verdict) == "SPENT_TWICE"
        self.centre.clock.set_back(150 * DAY)


def restored_fen(centre: Centre) -> int:
    """What the banks' feeds say was given back."""
    entries = [e for bank in BANKS for e in told(centre.central, centre.bank(bank))]
    kind = "tokens_restored"
    return sum(e.tokens_restored.amount_fen for e in entries if e.WhichOneof("event") == kind)


def lived(folder: Path, seed: int, disk: CutDisk, *, cheated: bool = False) -> System:
    system = System(folder, seed, disk, cheated=cheated)
    for _ in range(35):
        system.step()
    return system


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> CutDisk:
    """Of the one device that is on a disk. What makes a PIN costly to guess is left out."""
    monkeypatch.setattr("wallet.secure_element.sealing.stretched", lambda pin, salt: pin.encode())
    for module in ("card", "pin"):
        monkeypatch.setattr(f"wallet.hard_wallet.{module}.stretched", lambda pin: pin.encode())
    return CutDisk(monkeypatch)


@pytest.mark.parametrize("seed", range(6))
def test_wherever_it_got_stuck_all_money_is_in_wallets_at_the_end(
    tmp_path: Path, seed: int, disk: CutDisk
) -> None:
    system = lived(tmp_path, seed, disk)
    system.end(late=seed % 2 == 1, covered=True)
    centre = system.centre
    credited_fen = sum(p.credited_fen for p in (system.alice, system.bob, system.carol))
    assert 0 < credited_fen <= system.loaded_fen
    assert restored_fen(centre) == system.loaded_fen - credited_fen
    assert centre.float_fen() == 0
    check_books(system)


@pytest.mark.parametrize("seed", [101, 103, 108])
def test_double_spends_between_cost_nobody_else_whether_their_bank_can_bear_them_or_not(
    tmp_path: Path, seed: int, disk: CutDisk
) -> None:
    """Where it cannot, deposits wait, hold the refund back, and end; the rest goes back then."""
    system = lived(tmp_path, seed, disk, cheated=True)
    system.end(late=seed % 2 == 1, covered=seed % 3 > 0)
    assert system.centre.float_fen() == 0
    check_books(system)


def test_the_lives_above_have_all_that_can_happen_in_them(tmp_path: Path, disk: CutDisk) -> None:
    """Else they would show less than they say."""
    happened: Counter[str] = Counter()
    for seed in (1, 3, 108):
        folder = tmp_path / str(seed)
        folder.mkdir()
        system = lived(folder, seed, disk, cheated=seed > 100)
        system.end(late=False, covered=seed < 100)
        happened += system.happened
    assert {kind for kind, times in happened.items() if times} == {
        *("several tokens", "renewed", "given back", "tapped"),
        *("card locked", "device locked", "power cut", "cheat", "waited"),
    }


def check_books(system: System) -> None:
    """The audit's equations, before and after the centre has forgotten, and deposits come again."""
    centre, engines = system.centre, {CENTRAL_BANK: system.centre.engine}
    before = centre.books()
    assert audit_engines(engines).problems == []
    assert system.forget() > 0
    with centre.engine.connect() as connection:
        for table in (pieces, losses, tokens):
            assert connection.scalar(select(func.count()).select_from(table)) == 0
    for person in (system.alice, system.bob, system.carol):
        credited_fen = person.credited_fen
        person.ask_again()
        assert person.credited_fen == credited_fen
    assert centre.books() == before
    assert audit_engines(engines).problems == []
