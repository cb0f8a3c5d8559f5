"""What people, officers and services do, one step after another; each from a seed of its own."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine

from currency.days import day_of
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2 as _E
from dcep.office.v1 import office_pb2
from runtime.errors import NoAnswer, Refusal
from simulation.scheme import classes, sub_wallets
from simulation.scheme.cheating import Cheats
from simulation.scheme.clocks import JUMP_MS
from simulation.scheme.devices import Devices
from simulation.scheme.people import officers_of
from simulation.scheme.ports import CENTRAL
from simulation.scheme.signing import TwoSign
from simulation.scheme.system import (
    CAP_FEN,
    PREFIXES,
    HomeCopy,
    System,
    SystemCopy,
    policy_of,
    wallet_of_mallory,
)
from wallet.app import App
from wallet.online.keys import IN_FORCE, REPLACED
from wallet.online.requests import DECLINE, REMIND, WITHDRAW, RequestLine
from wallet.orders.submitter import RefusedBefore
from wallet.recovery.rotating import OrdersOpen

START_FEN = 100_000
_MOST_FEN, _MOST_LOADED_FEN, _MOST_TOPPED_UP_FEN = 30_000, 20_000, 200_000
_ACT_LASTS_MS = 20_000
_MOST_COPIES, _MOST_PROPOSED = 3, 3
_SOON_MS, _LATE_MS = 20_000, 3_600_000
"""When requests to pay are due: some while a run goes on, some not."""

_FEW = 5
_ROUNDS, _ROUND_MS = 12, 2_501
"""So often everything that works in the background has its turn until nothing may be under way."""


@dataclass(frozen=True)
class Step:
    """One thing that happens. It does the same wherever it stands, as far as the world lets it.

    Attributes:
        number: its place in the whole run.
        kind: a name in `KINDS`, `ASKING`, `GIVING`, `FAMILIES`, `RULES` or `SWEEPING`.
        seed: of all that is random in it, the faults among it.
    """

    number: int
    kind: str
    seed: int


class Done(NamedTuple):
    """What somebody has a bank do with their wallet.

    Attributes:
        wallet: whose.
        payee: the number of who is paid; "" for an exchange.
        change_fen: of the wallet.
    """

    wallet: str
    payee: str
    change_fen: int


class Wish(NamedTuple):
    """What somebody wants and has no answer to.

    Attributes:
        wallet: who.
        act: has their wallet do it, or ask again.
        done: what becomes of it, if it is no load.
    """

    wallet: str
    act: Callable[[App], None]
    done: Done | None


class Life:
    """People who want things, officers who decide, services that work.

    Attributes:
        system: what runs.
        settled: acknowledged payments, (payer, payee's number, fen) by payment id.
        exchanged: acknowledged exchanges, (wallet, fen into it), by id.
        refused: what was refused.
        forgotten: what may be done though nobody was told so: it was refused by a bank which an
            older copy took the place of since, or asked for in a home which one took the place of.
        gone: ids of orders that a bank had decided, and that an older copy of it did not have.
        wishes: what wallets want and have no answer to, by request id.
        some_load_is_forgotten: so its tokens stay in the float, until they expire.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        """Founds the system, and has every wallet topped up and every device certified."""
        self.system = System(seed, folder)
        self.settled: dict[str, tuple[str, str, int]] = {}
        self.exchanged: dict[str, tuple[str, int]] = {}
        self.refused: set[Done] = set()
        self.forgotten: set[Done] = set()
        self.gone: set[str] = set()
        self.wishes: dict[str, Wish] = {}
        self.some_load_is_forgotten = False
        self._proposed: list[SignedEnvelope] = []
        self._copies: list[tuple[str, SystemCopy]] = []
        self._homes: list[HomeCopy] = []
        self._central_copy: Engine | None = None
        self._cheats = Cheats(self.system)
        self.devices = Devices(self.system)
        self._chance = random.Random(seed)
        for wallet in self.system.numbers:
            placed = self.system.wallet(wallet).holder().top_up(START_FEN)
            self.exchanged[placed.order.payment_id] = (wallet, START_FEN)
            self.system.wallet(wallet).loading().prepare()

    def perform(self, step: Step) -> None:
        """Does a step, under faults, and checks every balance."""
        self._chance = self.system.network.chance = random.Random(step.seed)
        drawn = {**KINDS, **ASKING, **GIVING, **FAMILIES, **RULES, **SWEEPING}
        _, act = drawn[step.kind]
        act(self)
        self.system.check()

    def rest(self) -> None:
        """Everything works again, until nothing is under way. Raises AssertionError if it never
        is.
        """
        system = self.system
        system.network.calm = True
        system.network.mend()
        system.clocks.agree()
        for disk in system.disks.values():
            disk.full = False
        system.hanging.clear()
        while system.network.deliver_late() or system.answer_late():
            pass
        for _ in range(_ROUNDS):
            before = self.digest()
            system.clocks.advance(_ROUND_MS)
            while self._work(CENTRAL, lambda c: c.settlement.settle_late()):
                pass
            self._work(CENTRAL, lambda c: c.redemption_reserves.step())
            for name in PREFIXES:
                system.bring_back(name)
                while self._work(name, lambda b: b.send()) or self._work(
                    name, lambda b: b.follower.step()
                ):
                    pass
            for wallet, number in system.numbers.items():
                if system.is_frozen(self._bank_of(wallet), number):
                    self._set_frozen(wallet, frozen=False)
            while self.devices.papers:
                self.devices.take(0)
            for wallet in system.numbers:
                self._look_elsewhere(wallet)
            for key in list(self.wishes):
                self._ask(key)
            deposited = [self._deposit_all(wallet) for wallet in system.numbers]
            if (
                all(deposited)
                and not self.wishes
                and self.digest() == before
                and self._all_follow()
                and not self._left()
            ):
                break
        assert all(deposited), "a deposit has no end"
        assert not self.wishes, f"{len(self.wishes)} wishes have no answer"
        for wallet in system.numbers:
            self._change_key(wallet)
            self._order_again(wallet)
            self._refund_once(wallet)
        for wallet in system.numbers:
            self._two_sign(wallet)
        self._settle_refunds()
        assert not self._left(), f"{self._left()} payments have no end"
        system.check()

    def _order_again(self, wallet: str) -> None:
        """A wallet orders something more, which its bank may refuse, but not for its number once
        its holder has looked.
        """
        for looked in (False, True):
            try:
                placed = self.system.wallet(wallet).holder().cash_out(1, anew=True)
            except Refusal as refusal:
                if refusal.reason != _E.REASON_WALLET_USED_ELSEWHERE:
                    return
                assert not looked, f"{wallet} cannot go on"
                self._look_elsewhere(wallet)
            else:
                self.exchanged[placed.order.payment_id] = (wallet, -1)
                return

    def _change_key(self, wallet: str) -> None:
        """A wallet's key puts another one in its place; what was ordered by it before stays, and
        the wallet goes on with sequences that nobody has used.
        """
        app = self.system.wallet(wallet)
        before = app.key_here()
        with suppress(OrdersOpen):  # of a home that was put back
            there = app.rotate_key()
            assert there.state().state == IN_FORCE, f"{wallet} has not the key that it made"
            assert before.state().state == REPLACED, f"{wallet} still has the key of before"

    def _two_sign(self, wallet: str) -> None:
        """A wallet is on a second phone, which pays; then each payment takes both."""
        payee = next(number for name, number in self.system.numbers.items() if name != wallet)
        for payment_id, fen in TwoSign(self.system.wallet(wallet)).pay(payee):
            self.settled[payment_id] = (wallet, payee, fen)

    def _refund_once(self, wallet: str) -> None:
        """A wallet refunds a part of the last payment that it was told of, and then too much of it.
        The model knows what its bank has to say.
        """
        number = self.system.numbers[wallet]
        came = [(key, said) for key, said in self.settled.items() if said[1] == number]
        if not came:
            return
        payment_id, (_, _, paid_fen) = came[-1]
        for fen in (paid_fen // 3 + 1, paid_fen):
            with suppress(Refusal):
                refund = self.system.wallet(wallet).holder().refund(payment_id, fen, anew=True)
                payer = payment_id.partition("-")[0]
                self.settled[refund.order.payment_id] = (wallet, payer, fen)

    def _settle_refunds(self) -> None:
        """What went to another bank arrives."""
        for name in PREFIXES:
            while self._work(name, lambda b: b.send()):
                pass
        for name in PREFIXES:
            while self._work(name, lambda b: b.follower.step()):
                pass

    def _left(self) -> int:
        """How many payments of all banks are on their way."""
        books = [self.system.bank(name).vault.books() for name in PREFIXES]
        return sum(each.pending_outbound for each in books)

    def _all_follow(self) -> bool:
        """Whether no bank's feed has stopped."""
        return all(self.system.bank(name).follower.stopped is None for name in PREFIXES)

    def digest(self) -> str:
        """Of where every journal ends: equal runs have equal ones, hex."""
        ends = [self.system.tip(name) for name in (CENTRAL, *PREFIXES)]
        return hashlib.sha256(b"".join(ends)).hexdigest()[:16]

    def _wish(self) -> None:
        """Somebody wants to pay, to top up or to cash out."""
        wallet, numbers = self._a_wallet(), self.system.numbers
        key, fen = self.system.randomness.uuid(), self._chance.randrange(1, _MOST_FEN)
        others = [number for name, number in numbers.items() if name != wallet]
        payee = self._chance.choice([*others, wallet_of_mallory(0)])
        kind = self._chance.randrange(6)

        done = Done(wallet, payee, -fen)
        if kind < 2:
            done = Done(wallet, "", -fen if kind == 0 else fen)

        def act(app: App) -> None:
            if kind < 2:
                exchange = app.holder().cash_out if kind == 0 else app.holder().top_up
                placed = exchange(fen, request_id=key)
                self.exchanged[placed.order.payment_id] = (wallet, done.change_fen)
                return
            paid = app.holder().pay(payee, fen, request_id=key)
            if paid.pending:
                raise NoAnswer("pending")
            self.settled[paid.order.payment_id] = (wallet, payee, fen)

        self.wishes[key] = Wish(wallet, act, done)
        self._ask(key)

    def _ask_to_pay(self) -> None:
        """Somebody asks somebody else for money; nobody need be told whether that was heard."""
        wallet, numbers = self._a_wallet(), self.system.numbers
        payer = self._chance.choice([number for name, number in numbers.items() if name != wallet])
        fen, partial = self._chance.randrange(2, _MOST_FEN), self._chance.random() < 0.5
        lasts_ms = self._chance.choice([_SOON_MS, _LATE_MS])
        due_ms = self.system.clocks.now_ms(wallet) + lasts_ms

        def act(app: App) -> object:
            return app.requests_to_pay().ask(payer, fen, due_time_ms=due_ms, partial=partial)

        self._work(wallet, act)

    def _pay_asked(self) -> None:
        """Somebody pays a request that they are shown, or a part of it, or more than is left."""
        wallet, key = self._a_wallet(), self.system.randomness.uuid()
        lines = [line for line in self._requests_of(wallet) if not line.mine]
        if not lines:
            return
        line = self._chance.choice(lines)
        fen = line.left_fen or 1
        if line.partial:
            fen = self._chance.randrange(1, fen + 2)

        def act(app: App) -> None:
            paid = app.requests_to_pay().pay(line, fen, request_id=key)
            if paid.pending:
                raise NoAnswer("pending")
            self.settled[paid.order.payment_id] = (wallet, line.counterparty, fen)

        self.wishes[key] = Wish(wallet, act, Done(wallet, line.counterparty, -fen))
        self._ask(key)

    def _pay_topped_up(self) -> None:
        """Somebody pays with what is in the deposit account as well."""
        wallet, numbers = self._a_wallet(), self.system.numbers
        key, fen = self.system.randomness.uuid(), self._chance.randrange(1, _MOST_TOPPED_UP_FEN)
        others = [number for name, number in numbers.items() if name != wallet]
        payee = self._chance.choice([*others, wallet_of_mallory(0)])

        def act(app: App) -> None:
            paid = app.holder().pay(payee, fen, request_id=key, top_up=True)
            if paid.pending:
                raise NoAnswer("pending")
            self.settled[paid.order.payment_id] = (wallet, payee, fen)

        self.wishes[key] = Wish(wallet, act, Done(wallet, payee, -fen))
        self._ask(key)

    def _refund(self) -> None:
        """Somebody gives a payment back that came, a part of it, or more than it."""
        wallet, key = self._a_wallet(), self.system.randomness.uuid()
        number = self.system.numbers[wallet]
        came = [(of, said[2]) for of, said in self.settled.items() if said[1] == number]
        if not came:
            return
        payment_id, paid_fen = self._chance.choice(came)
        fen, payer = self._chance.randrange(1, paid_fen + 2), payment_id.partition("-")[0]

        def act(app: App) -> None:
            given = app.holder().refund(payment_id, fen, request_id=key)
            if given.pending:
                raise NoAnswer("pending")
            self.settled[given.order.payment_id] = (wallet, payer, fen)

        self.wishes[key] = Wish(wallet, act, Done(wallet, payer, -fen))
        self._ask(key)

    def _change_asked(self) -> None:
        """Somebody withdraws a request, or reminds of it, or declines one."""
        wallet = self._a_wallet()
        if not (lines := self._requests_of(wallet)):
            return
        line = self._chance.choice(lines)
        change = self._chance.choice([WITHDRAW, REMIND]) if line.mine else DECLINE
        self._work(wallet, lambda app: app.requests_to_pay().change(line.name, change))

    def _requests_of(self, wallet: str) -> list[RequestLine]:
        """Those that a wallet has made or is shown, as far as its bank answers."""
        found: list[RequestLine] = []
        with suppress(NoAnswer, Refusal):
            self.system.run(wallet, lambda app: found.extend(app.requests_to_pay().lines()))
        return found[:_FEW]

    def _sub_wallet(self) -> None:
        """Somebody orders something about a sub-wallet of theirs."""
        chance = random.Random(self._chance.getrandbits(48))
        self._work(self._a_wallet(), lambda app: sub_wallets.order(app, chance))

    def _another_class(self) -> None:
        """Somebody asks their bank for another class."""
        chance = random.Random(self._chance.getrandbits(48))
        self._work(self._a_wallet(), lambda app: classes.change(app, chance))

    def _policy(self) -> None:
        """Two officers of the central bank publish what holds already, from some day on."""
        day = day_of(self.system.clocks.now_ms(CENTRAL)) + self._chance.randrange(1, 9)
        with suppress(Refusal):
            self.system.by_two(CENTRAL, policy_of(CAP_FEN, day))

    def _sweep(self) -> None:
        """Somebody orders whether, and from where on, arrivals go on to the deposit account."""
        sweeps, level = self._chance.random() < 0.8, self._chance.choice([0, 1, 2])
        above_fen = self._chance.randrange(1, _MOST_TOPPED_UP_FEN) if level else 0
        wallet = self._a_wallet()
        self._work(wallet, lambda app: app.holder().sweep(sweeps=sweeps, above_fen=above_fen))

    def _load(self) -> None:
        """Somebody loads money onto a device."""
        wallet, key = self._a_wallet(), self.system.randomness.uuid()
        fen = self._chance.randrange(1, _MOST_LOADED_FEN)

        def act(app: App) -> None:
            if app.loading().load(fen, request_id=key).pending:
                raise NoAnswer("pending")

        self.wishes[key] = Wish(wallet, act, None)
        self._ask(key)

    def _hand(self) -> None:
        """One device pays another."""
        self.devices.pay(self._chance)

    def _take(self) -> None:
        """A payment that lay about is taken."""
        if self.devices.papers:
            self.devices.take(self._chance.randrange(len(self.devices.papers)))

    def _clone(self) -> None:
        """Somebody pays with the same money twice."""
        self.devices.cheat(self._chance)

    def _deposit(self) -> None:
        """Somebody deposits what is in a device."""
        self._deposit_all(self._a_wallet())

    def _deposit_all(self, wallet: str) -> bool:
        """Whether everything in a device has come to its end."""
        try:
            return not self.system.run(wallet, lambda app: app.loading().deposit()).pending
        except (NoAnswer, Refusal):
            return False

    def _insist(self) -> None:
        """Somebody asks again who had no answer."""
        if self.wishes:
            self._ask(self._chance.choice(list(self.wishes)))

    def _send(self) -> None:
        """A bank sends what is to go out."""
        self._work(self._a_bank(), lambda b: b.send())

    def _follow(self) -> None:
        """A bank reads its feed."""
        self._work(self._a_bank(), lambda b: b.follower.step())

    def _acknowledge(self) -> None:
        """A bank signs how far it has read."""
        self._work(self._a_bank(), lambda b: b.follower.acknowledge())

    def _project(self) -> None:
        """A service writes its journal out into tables."""
        self._work(self._chance.choice([CENTRAL, *PREFIXES]), lambda s: s.project())

    def _settle(self) -> None:
        """The central bank settles what was answered late."""
        self._work(CENTRAL, lambda c: c.settlement.settle_late())

    def _reserve(self) -> None:
        """The central bank asks banks to set money aside."""
        self._work(CENTRAL, lambda c: c.redemption_reserves.step())

    def _hang(self) -> None:
        """A bank's inner port begins to hang, or ends to."""
        self.system.hanging ^= {self._a_bank()}

    def _answer(self) -> None:
        """A bank that hung answers."""
        self.system.answer_late()

    def _office(self) -> None:
        """An officer of the central bank proposes to issue or to redeem."""
        first, _ = officers_of(CENTRAL)
        kind = self._chance.choice([office_pb2.Issue, office_pb2.Redeem])
        now_ms, wanted = self.system.clocks.now_ms(CENTRAL), self.system.randomness.uuid()
        asked = kind(bank=self._a_bank(), amount_fen=self._chance.randrange(1, 100_000))
        proposal = first.proposes(asked, now_ms, wanted, lasts_ms=_ACT_LASTS_MS)
        self._proposed = [*self._proposed, proposal][-_MOST_PROPOSED:]
        self._work(CENTRAL, lambda c: c.acts.propose(first.identity, proposal))
        self._work(CENTRAL, lambda c: c.redemption_reserves.step())

    def _decide(self) -> None:
        """Another officer approves what was proposed, or turns it down; perhaps again."""
        if not self._proposed:
            return
        proposal = self._chance.choice(self._proposed)
        _, second = officers_of(CENTRAL)
        now_ms = self.system.clocks.now_ms(CENTRAL)
        if self._chance.random() < 0.7:
            signed = second.signer.approve(proposal.payload, now_ms)
            self._work(CENTRAL, lambda c: c.acts.approve(second.identity, signed))
        else:
            signed = second.signer.reject(proposal.payload, now_ms)
            self._work(CENTRAL, lambda c: c.acts.reject(second.identity, signed))

    def _expire(self) -> None:
        """What nobody has decided expires."""
        self._work(CENTRAL, lambda c: c.acts.step())

    def _freeze(self) -> None:
        """A wallet is frozen, or the opposite."""
        self._set_frozen(self._a_wallet(), frozen=self._chance.random() < 0.5)

    def _deliver(self) -> None:
        """A message arrives late."""
        self.system.network.deliver_late()

    def _wait(self) -> None:
        """Time passes."""
        self.system.clocks.advance(self._chance.randrange(3_000))

    def _jump(self) -> None:
        """Somebody sets a party's clock, forward or back."""
        name = self._chance.choice(list(self.system.disks))
        self.system.clocks.jump(name, self._chance.randrange(-JUMP_MS, JUMP_MS))

    def _fill(self) -> None:
        """A party's disk is full, or has room again."""
        disk = self.system.disks[self._chance.choice(list(self.system.disks))]
        disk.full = not disk.full

    def _restart(self) -> None:
        """A party is started anew."""
        self.system.restart(self._chance.choice(list(self.system.disks)))

    def _cut(self) -> None:
        """Nobody reaches one of the institutions for a while, or all reach each other again."""
        if self._chance.random() < 0.3:
            self.system.network.cut(self._chance.choice([CENTRAL, *PREFIXES]))
        else:
            self.system.network.mend()

    def _thief(self) -> None:
        """Somebody alters other people's orders."""
        self._cheats.thief(self._chance)

    def _lone_officer(self) -> None:
        """An officer acts alone."""
        self._cheats.officer(self._chance)

    def _cheating_bank(self) -> None:
        """A bank sends anything."""
        self._cheats.bank(self._chance)

    def _copy(self) -> None:
        """An operator makes a copy of a bank's disk."""
        name = self._a_bank()
        self._copies = [*self._copies, (name, self.system.copy(name))][-_MOST_COPIES:]

    def _put_back(self) -> None:
        """A bank's disk is lost, and an operator puts an older copy in its place."""
        if not self._copies:
            return
        bank, copy = self._chance.choice(self._copies)
        # Of what was decided within the bank since the copy only its holders know any more.
        self.gone |= self.system.put_back(bank, copy)
        # Nor does it know any more what it refused, so an order that comes once more is done.
        self.forgotten |= {done for done in self.refused if self._bank_of(done.wallet) == bank}

    def _copy_home(self) -> None:
        """A holder makes a copy of a wallet's home."""
        self._homes = [*self._homes, self.system.copy_home(self._a_wallet())][-_MOST_COPIES:]

    def _put_home_back(self) -> None:
        """A holder puts the copy back; what is not in its book and has no answer is forgotten."""
        if not self._homes:
            return
        copy = self._chance.choice(self._homes)
        assert self.system.notices_older_files(copy), f"a device of {copy.wallet} goes on from then"
        self.system.put_home_back(copy)
        book, number = self.system.wallet(copy.wallet).book, self.system.numbers[copy.wallet]
        for key in [key for key, wish in self.wishes.items() if wish.wallet == copy.wallet]:
            if book.find(number, key) is not None:
                continue
            if (done := self.wishes.pop(key).done) is not None:
                self.forgotten.add(done)
            else:
                self.some_load_is_forgotten = True

    def _resume(self) -> None:
        """A holder looks at what was ordered elsewhere with the wallet's key, and goes on."""
        self._look_elsewhere(self._a_wallet())

    def _look_elsewhere(self, wallet: str) -> None:
        with suppress(NoAnswer, Refusal):
            self.system.resume(wallet)

    def _copy_central(self) -> None:
        """An operator makes a copy of the central bank's disk."""
        self._central_copy = self.system.disks[CENTRAL].copy()

    def _older_central(self) -> None:
        """An operator puts it in place, sees which banks have more, and takes it away again."""
        if self._central_copy is not None:
            self.system.show_older(self._central_copy)

    def _lag(self) -> None:
        """The central bank settles what a bank sends, and loses that before anybody reads it."""
        self.system.lag(self._send)

    def _fail_over(self) -> None:
        """A replica takes the place of an institution's database."""
        self.system.fail_over(self._chance.choice([CENTRAL, *PREFIXES]))

    def _ask(self, key: str) -> None:
        """Somebody asks for what they want, perhaps again; after an answer never more."""
        wish = self.wishes[key]
        try:
            self.system.run(wish.wallet, wish.act)
        except Refusal as refusal:
            if wish.done is not None:
                self.refused.add(wish.done)
            # What is told of an order from before its holder may have looked into since.
            is_new = not isinstance(refusal, RefusedBefore)
            if is_new and refusal.reason == _E.REASON_WALLET_USED_ELSEWHERE:
                knows = self.system.knows_of_another_place(wish.wallet)
                assert knows, f"{wish.wallet} orders on, as if nobody else had its key"
        except NoAnswer:
            return
        del self.wishes[key]

    def _set_frozen(self, wallet: str, *, frozen: bool) -> None:
        number = self.system.numbers[wallet]
        name = self._bank_of(wallet)
        kind = office_pb2.FreezeWallet if frozen else office_pb2.UnfreezeWallet
        done = False
        with suppress(Refusal):
            done = self.system.by_two(name, kind(wallet_number=number))
        # A power cut may have come before the act or after it.
        is_so = frozen if done else self.system.is_frozen(name, number)
        self.system.model.freeze(name, number, is_so)

    def _work(self, name: str, step: Callable[[Any], object]) -> bool:
        """A background step or an officer's act; without an answer it did nothing, or all."""
        try:
            return bool(self.system.run(name, step))
        except (NoAnswer, Refusal):
            return False

    def _bank_of(self, wallet: str) -> str:
        number = self.system.numbers[wallet]
        return next(bank for bank, prefix in PREFIXES.items() if number.startswith(prefix))

    def _a_wallet(self) -> str:
        return self._chance.choice(list(self.system.numbers))

    def _a_bank(self) -> str:
        return self._chance.choice(list(PREFIXES))


KINDS: dict[str, tuple[int, Callable[[Life], None]]] = {
    "wish": (14, Life._wish),
    "insist": (3, Life._insist),
    "load": (3, Life._load),
    "hand": (4, Life._hand),
    "take": (1, Life._take),
    "clone": (1, Life._clone),
    "deposit": (2, Life._deposit),
    "send": (5, Life._send),
    "follow": (5, Life._follow),
    "acknowledge": (1, Life._acknowledge),
    "project": (2, Life._project),
    "settle": (3, Life._settle),
    "reserve": (1, Life._reserve),
    "hang": (1, Life._hang),
    "answer": (3, Life._answer),
    "office": (2, Life._office),
    "decide": (2, Life._decide),
    "expire": (1, Life._expire),
    "freeze": (2, Life._freeze),
    "deliver": (2, Life._deliver),
    "wait": (2, Life._wait),
    "jump": (1, Life._jump),
    "fill": (1, Life._fill),
    "restart": (1, Life._restart),
    "cut": (1, Life._cut),
    "thief": (2, Life._thief),
    "lone_officer": (1, Life._lone_officer),
    "cheating_bank": (3, Life._cheating_bank),
    "copy": (1, Life._copy),
    "put_back": (1, Life._put_back),
    "copy_home": (2, Life._copy_home),
    "put_home_back": (2, Life._put_home_back),
    "resume": (1, Life._resume),
    "copy_central": (1, Life._copy_central),
    "older_central": (1, Life._older_central),
    "lag": (1, Life._lag),
    "fail_over": (1, Life._fail_over),
}
"""How often each kind of step is drawn, and what it is."""

ASKING: dict[str, tuple[int, Callable[[Life], None]]] = {
    "ask_to_pay": (3, Life._ask_to_pay),
    "pay_asked": (3, Life._pay_asked),
    "change_asked": (1, Life._change_asked),
}
"""Likewise, of what comes between those steps, once after each `_BETWEEN` of them."""

GIVING: dict[str, tuple[int, Callable[[Life], None]]] = {
    "pay_topped_up": (1, Life._pay_topped_up),
    "refund": (1, Life._refund),
}
"""Likewise, after each `_FURTHER` of those steps and of these."""

FAMILIES: dict[str, tuple[int, Callable[[Life], None]]] = {"sub_wallet": (1, Life._sub_wallet)}
"""Likewise, after each `_RARELY` of all of those."""

RULES: dict[str, tuple[int, Callable[[Life], None]]] = {
    "another_class": (3, Life._another_class),
    "policy": (1, Life._policy),
}
"""Likewise, after each `_SELDOM` of all of those."""

SWEEPING: dict[str, tuple[int, Callable[[Life], None]]] = {"sweep": (1, Life._sweep)}
"""Likewise, after each `_SELDOM` of all of those and of these."""

_BETWEEN, _FURTHER, _RARELY, _SELDOM = 8, 11, 17, 19


def draw(seed: int, count: int) -> list[Step]:
    """The steps of a run."""
    chance = random.Random(seed)
    weights = [weight for weight, _ in KINDS.values()]
    kinds = chance.choices(list(KINDS), weights, k=count)
    drawn = [(kind, chance.getrandbits(48)) for kind in kinds]
    # From a chance of its own, so that the steps around it are what they were without it.
    asking = random.Random(f"{seed} asks")
    weights = [weight for weight, _ in ASKING.values()]
    for place in range(count // _BETWEEN * _BETWEEN, 0, -_BETWEEN):
        (kind,) = asking.choices(list(ASKING), weights)
        drawn.insert(place, (kind, asking.getrandbits(48)))
    giving = random.Random(f"{seed} gives")
    weights = [weight for weight, _ in GIVING.values()]
    for place in range(len(drawn) // _FURTHER * _FURTHER, 0, -_FURTHER):
        (kind,) = giving.choices(list(GIVING), weights)
        drawn.insert(place, (kind, giving.getrandbits(48)))
    families = random.Random(f"{seed} has children")
    for place in range(len(drawn) // _RARELY * _RARELY, 0, -_RARELY):
        (kind,) = FAMILIES
        drawn.insert(place, (kind, families.getrandbits(48)))
    rules = random.Random(f"{seed} has rules")
    weights = [weight for weight, _ in RULES.values()]
    for place in range(len(drawn) // _SELDOM * _SELDOM, 0, -_SELDOM):
        (kind,) = rules.choices(list(RULES), weights)
        drawn.insert(place, (kind, rules.getrandbits(48)))
    sweeping = random.Random(f"{seed} sweeps")
    for place in range(len(drawn) // _SELDOM * _SELDOM, 0, -_SELDOM):
        (kind,) = SWEEPING
        drawn.insert(place, (kind, sweeping.getrandbits(48)))
    return [Step(number, *each) for number, each in enumerate(drawn, 1)]
