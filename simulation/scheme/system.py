"""The simulated parties: production code over simulated disks, clock and network."""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

import central_bank.issuance.redemption_reserve as redemption_reserve
import central_bank.registration.feed_book as feed_book
import central_bank.registration.settlement as settlement
import currency.papers as papers
import operator_bank.wallets.numbers as numbers
import runtime.database as database
from central_bank.api.authentication import GrpcAuthentication
from central_bank.app import CentralBank
from central_bank.app import build as build_central_bank
from central_bank.tables import metadata as central_tables
from console.coming_back import come_back, put_back
from currency.contract_words import WALLET_CLASSES
from currency.days import day_of
from currency.number import make
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import officers_pb2, wallets_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from dcep.registration.v1 import registration_pb2
from operator_bank.api.office import GrpcOffice
from operator_bank.app import BankParts, OperatorBank
from operator_bank.app import build as build_bank
from operator_bank.customers.sandbox_checks import AtOnce
from operator_bank.feed.chain import read_tip
from operator_bank.peers.central_keys import CentralKeys
from operator_bank.tables import metadata as bank_tables
from runtime.database import Database
from runtime.errors import NoAnswer
from runtime.private import PRIVATE_FILE
from runtime.randomness import SeededRandomness
from runtime.signatures import SignatureVerifier
from settlement.core import CoreStopped
from settlement.records import Result
from simulation.scheme.clocks import Clocks
from simulation.scheme.counter import Counter
from simulation.scheme.disk import Disk, PowerCut
from simulation.scheme.families import give
from simulation.scheme.known import Bank as ModelBank
from simulation.scheme.known import Wallet, Wrong
from simulation.scheme.model import Model
from simulation.scheme.network import Network, at_once
from simulation.scheme.people import admission_of, founding_of, key_of, officers_of
from simulation.scheme.ports import CALL, CENTRAL, MALLORY, BankPeers, CentralBankPort
from simulation.scheme.seen import Seen
from simulation.scheme.sub_wallets import terms_of
from wallet.app import App
from wallet.online.sub_wallets import join, make_key
from wallet.orders.sql_order_book import SqlBook
from wallet.peers.bank_directory import BankEntry
from wallet.secure_element.device_errors import RolledBack
from wallet.tables import metadata as wallet_tables

T = TypeVar("T")
START_MS = 1_750_000_000_000
PREFIXES = {"alpha": "6201", "beta": "6202"}
MALLORYS_PREFIX, MALLORYS_WALLETS = "6203", 3
RESERVES_FEN, ISSUED_FEN, DEPOSIT_FEN, CAP_FEN = 10_000_000, 2_000_000, 500_000, 400_000
WALLETS = 4
MANDATES = (("wallet-0", "wallet-2"), ("wallet-1", "wallet-2"), ("wallet-2", "wallet-3"))
"""Who has given whom a mandate from the beginning on, within a bank and across."""

PARENTS = {"child-0": "wallet-0", "child-1": "wallet-1"}
"""The wallets with sub-wallets that hold money, one of each bank, by the name of the sub-wallet."""
_SEEN = 50
_ELSEWHERE = 0.3
"""So often who ended in the middle of a commit goes on over a replica of the database."""
_ROOT = "offline-root"


class SystemCopy(NamedTuple):
    """A copy of a bank's disk, and what the model knew of the bank then."""

    disk: Engine
    model: ModelBank


class HomeCopy(NamedTuple):
    """A copy of a wallet's home: its database, and what its device has written down."""

    wallet: str
    disk: Engine
    device: dict[Path, bytes]


class System:
    """Everything that runs. Disks outlive what is built over them.

    Attributes:
        network: carries every message.
        clocks: everybody's.
        model: what must be so.
        numbers: of wallets, by party.
        hanging: banks whose inner port takes questions and does not answer.
        processes: numbers those that are started.
        seen: the newest payment orders on their way, each with the bank that it went to.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        """Founds a central bank, admits two banks and opens wallets, while nothing fails.

        Args:
            seed: of all that is random.
            folder: for the wallets' homes.
        """
        self.network = Network(random.Random(seed))
        self.randomness = SeededRandomness(seed)
        self.processes = count(1)
        self.clocks = Clocks(START_MS)
        self.model = Model(self.clocks.now_ms, CAP_FEN, MALLORYS_PREFIX)
        self.hanging: set[str] = set()
        self.numbers: dict[str, str] = {}
        self.seen: deque[tuple[str, SignedEnvelope]] = deque(maxlen=_SEEN)
        self._folder = folder
        self._hung: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.disks: dict[str, Disk] = {}
        self._built: dict[str, Any] = {}
        self._add(CENTRAL, central_tables)
        self.by_two(CENTRAL, policy_of(CAP_FEN, day_of(START_MS)))
        for bank, prefix in PREFIXES.items():
            self._add(bank, bank_tables)
            self.model.banks[bank] = ModelBank()
            self._admit(bank, prefix)
            self.run(bank, lambda b: b.follower.step())
            self.run(bank, lambda b: b.central_keys.step())
        self._admit(MALLORY, MALLORYS_PREFIX)
        for index in range(WALLETS):
            self._open_wallet(f"wallet-{index}", list(PREFIXES)[index % len(PREFIXES)])
        for child, parent in PARENTS.items():
            self._open_child(child, parent)

    @property
    def central(self) -> CentralBank:
        """The central bank that runs now."""
        return self._built[CENTRAL]  # type: ignore[no-any-return]

    def bank(self, name: str) -> OperatorBank:
        """The bank that runs now under a name."""
        return self._built[name]  # type: ignore[no-any-return]

    def wallet(self, name: str) -> App:
        """The wallet that runs now under a name."""
        return self._built[name]  # type: ignore[no-any-return]

    def restart(self, name: str) -> None:
        """Throws away what runs under a name, and builds it from its disk, which has room again."""
        self.disks[name].full = False
        calm, self.network.calm = self.network.calm, True
        self._built[name] = self._build(name)
        self.network.calm = calm
        if name in self.model.banks:
            self._learn(name)
            self._resolve(name)

    def run(self, name: str, act: Callable[[Any], T]) -> T:
        """Something that a party does. Raises NoAnswer if its power is cut, or its disk fails."""
        try:
            done = act(self._built[name])
        except (CoreStopped, PowerCut) as end:
            if self.network.happens(_ELSEWHERE):
                self.disks[name].fail_over()
            self.restart(name)
            raise NoAnswer(f"{name} ended") from end
        except OperationalError as failure:
            # A service goes on: its caller is told of an error within, which decides nothing.
            if name in self.model.banks:
                self._learn(name)
            self._resolve(name)
            raise NoAnswer(f"the disk of {name} fails") from failure
        finally:
            if name in self.model.banks:
                self._learn(name)
        return done

    def ask(self, name: str, act: Callable[[Any], T]) -> T:
        """The same, asked over the network."""
        return self.network.call(name, lambda: self.run(name, act))

    def begin(self, name: str, act: Callable[[OperatorBank], T]) -> Future[T]:
        """The same, of a bank that may hang: then its answer comes with `answer_late`."""
        if name not in self.hanging:
            return at_once(lambda: self.ask(name, act))
        answer: Future[T] = Future()
        self._hung.append((answer, lambda: self.ask(name, act)))
        return answer

    def answer_late(self) -> bool:
        """One question that hung is answered, or is not any more. False: there is none."""
        if not self._hung:
            return False
        answer, ask = self._hung.pop(self.network.chance.randrange(len(self._hung)))
        came = at_once(ask)
        if (error := came.exception()) is not None:
            answer.set_exception(error)
        else:
            answer.set_result(came.result())
        return True

    def copy(self, bank: str) -> SystemCopy:
        """A bank's disk as it is now, with what the model knows of the bank."""
        return SystemCopy(self.disks[bank].copy(), self.model.copy(bank))

    def put_back(self, bank: str, copy: SystemCopy) -> set[str]:
        """Puts an older copy in the place of a bank's disk, and starts the bank from it.

        Returns:
            The ids of the orders that had been decided and are not in the copy.
        """
        gone = self.model.banks[bank].decided_ids() - copy.model.decided_ids()
        self.disks[bank].put_back(copy.disk)
        self.model.put_back(bank, copy.model)
        self.restart(bank)
        return gone

    def fail_over(self, name: str) -> None:
        """A replica that has every commit takes the place of an institution's database."""
        self.disks[name].fail_over()
        self.restart(name)

    def lag(self, act: Callable[[], None]) -> None:
        """The central bank's replica takes over before it has heard of what an act brings about.

        Args:
            act: after which no bank has read its feed.
        """
        behind = self.disks[CENTRAL].copy()
        act()
        self.disks[CENTRAL].put_back(behind)
        self.fail_over(CENTRAL)

    def show_older(self, copy: Engine) -> None:
        """The central bank runs for a moment on an older copy, whose feed each bank asks for; then
        its operators see who has stopped, and put the newest back. Raises Wrong if a bank that has
        more takes anything from it.
        """
        newest = self.disks[CENTRAL].copy()
        self.disks[CENTRAL].put_back(copy)
        self.restart(CENTRAL)
        for name in PREFIXES:
            place, stood = self.bank(name).follower.place, self.bank(name).standing.is_current
            has = self._central_leads_to(name, place.number)
            self.bank(name).follower.ask_again()
            told = at_once(lambda name=name: self.run(name, lambda b: b.follower.step()))  # type: ignore[misc]
            follower = self.bank(name).follower
            if not has and follower.place != place:
                raise Wrong(f"{name} goes on from {place.number} with an older central bank")
            if not has and told.exception() is None and follower.stopped is None:
                raise Wrong(f"{name} has more than the central bank, and does not say so")
            heard = told.exception() is None and self._can_prove(name)
            if heard and not self.central.standing.is_behind:
                raise Wrong(f"{name} has proved it, and the central bank goes on")
            if stood and self.bank(name).standing.is_behind:
                raise Wrong(f"{name} takes itself for older, and the central bank is")
        self.disks[CENTRAL].put_back(newest)
        self.restart(CENTRAL)
        for name in PREFIXES:
            self.bank(name).follower.ask_again()

    def _can_prove(self, bank: str) -> bool:
        """Whether a bank has a signature for a place to which the central bank does not lead."""
        envelope = read_tip(self.bank(bank).context.database)
        if envelope is None:
            return False
        number = registration_pb2.FeedTip.FromString(envelope.payload).place.number
        return not self._central_leads_to(bank, number)

    def _central_leads_to(self, bank: str, number: int) -> bool:
        """Whether the central bank's journal has so many entries for a bank."""
        calm, self.network.calm = self.network.calm, True
        link = self.central.feed.at(self.central.registry.get(bank), number)
        self.network.calm = calm
        return link is not None

    def copy_home(self, wallet: str) -> HomeCopy:
        """A wallet's home as it is now."""
        return HomeCopy(wallet, self.disks[wallet].copy(), self.device_files(wallet))

    def put_home_back(self, copy: HomeCopy) -> None:
        """Puts an older copy in the place of a wallet's database; its device stays as it is."""
        self.disks[copy.wallet].put_back(copy.disk)
        self.restart(copy.wallet)

    def notices_older_files(self, copy: HomeCopy) -> bool:
        """Whether a device takes no older files, all but its counter; the newest are put back."""
        newest = self.device_files(copy.wallet)
        counters = {path: content for path, content in newest.items() if path.suffix == ".mark"}
        self.clone(copy.wallet, {**copy.device, **counters})
        try:
            self.wallet(copy.wallet).offline_payments().balance_fen()
        except RolledBack:
            return True
        finally:
            self.clone(copy.wallet, newest)
        return {**copy.device, **counters} == newest

    def knows_of_another_place(self, wallet: str) -> bool:
        """Whether a wallet has noticed that somebody orders with its key elsewhere."""
        return self.wallet(wallet).book.elsewhere_ms(self.numbers[wallet]) is not None

    def resume(self, wallet: str) -> None:
        """If a wallet has noticed that it was used elsewhere: its holder looks, and goes on."""
        if self.knows_of_another_place(wallet):
            self.run(wallet, lambda w: w.holder().resume())

    def bring_back(self, name: str) -> None:
        """If a bank knows that it is an older copy: two officers of each side have it go on."""
        bank = self.bank(name)
        if not bank.standing.is_behind:
            return
        told = GrpcOffice(bank).GetFeed(officers_pb2.GetFeedRequest(), CALL)
        self.by_two(CENTRAL, put_back(name, told))
        central = self.central
        authentication = GrpcAuthentication(
            central.registry,
            central.devices,
            central.evidence,
            central.central_keys,
            central.offline_roots,
            central.feed_look,
        )
        request = authentication_pb2.GetFeedOfRequest(bank=name, after_number=told.number)
        beyond = authentication.GetFeedOf(request, CALL)
        self.by_two(name, come_back(told, beyond))
        self.model.came_back(name)

    def by_two(self, institution: str, kind: Any) -> bool:
        """Two officers of an institution agree; False if that had no answer half-way."""
        first, second = officers_of(institution)
        now_ms = self.clocks.now_ms(institution)
        proposal = first.proposes(kind, now_ms, self.randomness.uuid())
        approval = second.signer.approve(proposal.payload, now_ms)
        try:
            self.run(institution, lambda i: i.acts.propose(first.identity, proposal))
            self.run(institution, lambda i: i.acts.approve(second.identity, approval))
        except NoAnswer:
            return False
        return True

    def tip(self, institution: str) -> bytes:
        """The hash where an institution's journal ends."""
        books = self._built[institution].books
        return bytes(books.journal.tip().hash)

    def is_frozen(self, bank: str, number: str) -> bool:
        """Whether a bank has frozen a wallet."""
        return self._state(self.bank(bank), number)[2]

    def check(self) -> None:
        """Compares every wallet with the model. Raises Wrong."""
        for name in self.model.banks:
            bank = self.bank(name)
            self.model.check(name, lambda number, bank=bank: self._state(bank, number))  # type: ignore[misc]

    def _learn(self, name: str) -> None:
        """Has the model learn from a bank what only it can know."""
        bank = self.bank(name)
        self.model.heard(name, bank.follower.place.number)
        self.model.look(name, Seen(bank))

    def _resolve(self, name: str) -> None:
        """Finds out which orders were written that had no answer, if it is a bank's name."""
        if name in self.model.banks:
            bank = self.bank(name)
            self.model.resolve(
                name,
                lambda number: self._state(bank, number)[0],
                lambda identity: _accepted(bank, *identity),
            )

    def device_files(self, wallet: str) -> dict[Path, bytes]:
        """What a wallet's device has written down: who copies it all can put it back."""
        return {path: path.read_bytes() for path in (self._folder / wallet).glob("device.*")}

    def clone(self, wallet: str, files: dict[Path, bytes]) -> None:
        """Puts back what a device had written down once, whatever it has done since."""
        for path in self.device_files(wallet):
            path.unlink()
        for path, content in files.items():
            path.write_bytes(content)
            path.chmod(PRIVATE_FILE)
        self.restart(wallet)

    def _add(self, name: str, tables: Any, folder: Path | None = None) -> None:
        self.disks[name] = Disk(self.network, tables, folder)
        self._built[name] = self._build(name)

    def _admit(self, name: str, prefix: str) -> None:
        """Two officers of the central bank admit a bank, and give it currency."""
        for kind in (
            admission_of(name, prefix),
            office_pb2.PayInReserves(bank=name, amount_fen=RESERVES_FEN),
            office_pb2.Issue(bank=name, amount_fen=ISSUED_FEN),
        ):
            self.by_two(CENTRAL, kind)

    def _open_wallet(self, name: str, bank: str) -> None:
        self._add(name, wallet_tables, self._folder)
        number = (
            self.wallet(name)
            .open(
                _entry_of(bank),
                holder_name=name,
                phone=f"138000{len(self.numbers):05}",
                document=f"SIMULATED{name[-1]}",
                bank_account=f"CN{name[-1]}",
            )
            .number
        )
        self.numbers[name] = number
        self.model.banks[bank].wallets[number] = Wallet(deposit_fen=DEPOSIT_FEN)

    def _open_child(self, name: str, parent: str) -> None:
        """Opens a sub-wallet, in a home of its own."""
        self._add(name, wallet_tables, self._folder)
        bank = next(bank for bank in PREFIXES if self.numbers[parent].startswith(PREFIXES[bank]))
        child, terms = self.wallet(name), terms_of(self.clocks.now_ms(bank), self.network.chance)
        key = make_key(child.home, self.randomness, _entry_of(bank))
        number = self.wallet(parent).sub_wallets().open(key, terms).wallet_number
        join(child.home, child.banks, child.clock, number)
        self.numbers[name] = number
        wallet = self.model.banks[bank].wallets[number] = Wallet(parent=self.numbers[parent])
        give(wallet, terms)

    def _build(self, name: str) -> CentralBank | OperatorBank | App:
        engine = self.disks[name].engine
        if name == CENTRAL:
            return build_central_bank(
                engine,
                root=key_of(_ROOT),
                business_key=key_of(CENTRAL),
                founding=founding_of(CENTRAL),
                bank_peers=BankPeers(self),
                clock=self.clocks.of(name),
                threaded=False,
            )
        if name in PREFIXES:
            return self._build_bank(name)
        banks: Any = SimpleNamespace(at=lambda address, ca, name: Counter(self, address))
        return App(
            self._folder / name,
            clock=self.clocks.of(name),
            randomness=self.randomness,
            banks=banks,
            book=SqlBook(Database(engine)),
            pin=lambda: "",
        )

    def _build_bank(self, name: str) -> OperatorBank:
        parts = BankParts(
            name=name,
            prefix=PREFIXES[name],
            business_key=key_of(name),
            opening_deposit_fen=DEPOSIT_FEN,
            till_float_fen=0,
            key_wait_ms=60_000,
            central_keys=CentralKeys([bytes(key_of(CENTRAL).verify_key)]),
            offline_roots=[bytes(key_of(_ROOT).verify_key)],
            founding=founding_of(name),
            alias_key=bytes(key_of("aliases")),
            customers_keys={1: bytes(key_of(name))},
            checks=AtOnce(),
        )
        port: Any = CentralBankPort(self, name)
        bank = build_bank(
            self.disks[name].engine,
            parts,
            central_bank=port,
            clock=self.clocks.of(name),
            verifier=SignatureVerifier(1),
            threaded=False,
        )
        bank.follower.ask()
        return bank

    @staticmethod
    def _state(bank: OperatorBank, number: str) -> tuple[int, int, bool]:
        state = bank.wallets.state(bank.directory.get(number))
        frozen = state.status == wallets_pb2.WALLET_STATUS_FROZEN
        return state.available_fen, state.held_fen, frozen


def policy_of(cap_fen: int, from_day: int) -> office_pb2.PublishPolicy:
    """A policy under which wallets hold so much from a day on, and spend as much as they like."""
    return office_pb2.PublishPolicy(
        from_day=from_day,
        classes=[
            office_pb2.ClassLimits(wallet_class=of, balance_cap_fen=cap_fen)
            for of in WALLET_CLASSES
        ],
    )


def _entry_of(bank: str) -> BankEntry:
    """A bank, as a wallet's home knows it."""
    root = bytes(key_of(_ROOT).verify_key).hex()
    return BankEntry(bank, bank, ca=__file__, offline_root=root)


def wallet_of_mallory(index: int) -> str:
    """The number of a wallet that the cheating bank says it has."""
    return make(MALLORYS_PREFIX, index)


@contextmanager
def replaced(seed: int) -> Iterator[None]:
    """What production code takes from its modules: how long the central bank waits for banks, since
    in one thread nothing comes while it is waited for, and the randomness of ids.
    """
    drawn = SimpleNamespace(
        token_bytes=SeededRandomness(seed).bytes, randbelow=random.Random(seed).randrange
    )
    # Nobody guesses documents here, so no guess need take long.
    quick = SimpleNamespace(
        kdf=lambda size, text, salt, *_: hashlib.sha256(salt + text).digest()[:size],
        OPSLIMIT_INTERACTIVE=0,
        MEMLIMIT_INTERACTIVE=0,
    )
    with ExitStack() as stack:
        for module, name, value in (
            (settlement, "FIRST_LOOK_S", 0.0),
            (settlement, "PATIENCE_S", 0.0),
            (redemption_reserve, "PATIENCE_S", 0.0),
            (papers, "argon2id", quick),
            (database, "FIRST_PAUSE_S", 0.0),
            (numbers, "secrets", drawn),
            (feed_book, "secrets", drawn),
        ):
            stack.enter_context(patch.object(module, name, value))
        yield


def _accepted(bank: OperatorBank, number: str, sequence: int) -> bool:
    """Whether a bank's journal has an order as accepted."""
    row = bank.context.history.row(bank.directory.account(number), sequence)
    return row is not None and Result(row.result).accepted
