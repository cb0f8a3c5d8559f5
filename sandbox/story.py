"""The demo's story, step by step. Each step does one thing and says what came of it, in yuan.

The integration test tells the same story without a listener.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from currency.amount import format_yuan
from currency.number import NumberError, check
from dcep.office.v1 import office_pb2
from sandbox.audit import StackAudit, audit_stack
from sandbox.people import Person
from sandbox.plan import CENTRAL_BANK
from sandbox.world import StoryFailed, Stream, World, refused, wait_until

YUAN = 100
RESERVES_FEN = 1_000_000 * YUAN
ISSUED_FEN = 500_000 * YUAN
CRASH_PAYMENTS = 60
CRASH_AFTER = 12

Say = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One labelled step of the story."""

    label: str
    tell: Callable[[World, Say], None]


def expect(true: bool, what: str) -> None:
    """Raise StoryFailed unless ``true``."""
    if not true:
        raise StoryFailed(what)


def reserves(world: World, say: Say) -> None:
    """Reserves arrive for every bank."""
    for bank in world.plan.banks:
        books = world.pay_in(bank.name, RESERVES_FEN)
        say(f"{bank.name} pays in: reserves {_yuan(books.reserves_fen)}, by two officers")


def issuance(world: World, say: Say) -> None:
    """It takes two; too much is refused with what is missing."""
    with world.central("lin") as lin, world.central("mei") as mei:

        def ask(fen: int) -> office_pb2.Act:
            return lin.propose(office_pb2.Issue(bank="alpha", amount_fen=fen), "alpha's customers")

        too_much = refused(lambda: ask(RESERVES_FEN + 5 * YUAN))
        missing = _yuan(int(too_much.metadata["missing_fen"]))
        say(f"asking for more than the reserves: [yellow]{too_much.name}[/], {missing} missing")
        act = ask(ISSUED_FEN)
        say(f"lin asks to issue {_yuan(ISSUED_FEN)} to alpha")
        same = refused(lambda: lin.approve(act))
        say(f"lin approves her own request: [yellow]{same.name}[/]")
        mei.approve(act)
        books = mei.books_of("alpha")
        say(
            f"mei approves: reserves {_yuan(books.reserves_fen)}, "
            f"circulation {_yuan(books.circulation_fen)}, one atomic step"
        )
    world.issue("beta", ISSUED_FEN)
    for bank in world.plan.banks:
        world.wait_vault(bank.name, ISSUED_FEN)
        say(f"{bank.name} applied its feed: vault {_yuan(ISSUED_FEN)}")


def wallets(world: World, say: Say) -> None:
    """Three people, three processes, three databases."""
    alice = world.person("alice", "alpha", holder_name="Alice")
    carol = world.person("carol", "alpha", holder_name="Carol")
    bob = world.person("bob", "beta", phone="+8613800000002")
    for person, how in ((alice, "by name"), (carol, "by name"), (bob, "by phone alone")):
        shown = person.show()
        say(f"{person.name} at {shown.bank}, {how}: {person.number}, {_class(shown.wallet_class)}")
    mistyped = _mistype(bob.number)
    try:
        check(mistyped)
    except NumberError as wrong:
        say(f"a typo, {mistyped}: [yellow]{wrong}[/]; nothing was sent")
        return
    raise StoryFailed("a mistyped number was taken")


def exchange(world: World, say: Say) -> None:
    """Deposit and cash become digital currency."""
    alice, bob = world.people["alice"], world.people["bob"]
    say(f"alice, from her deposit: {_yuan(alice.top_up(2_000 * YUAN))}")
    say(f"bob, cash at beta's machine: {_yuan(bob.top_up(100 * YUAN, cash=True))}")
    without = refused(lambda: bob.top_up(100 * YUAN))
    say(f"bob has no bank account to top up from: [yellow]{without.name}[/]")


def pay_within(world: World, say: Say) -> None:
    """Final at the answer."""
    alice, carol = world.people["alice"], world.people["carol"]
    answer = alice.pay(carol.number, 1_250, memo="lunch")
    expect(answer.state.upper() == "SETTLED", f"payment is {answer.state}")
    say(f"alice → carol 12.50: {answer.payment_id} {answer.state}")
    world.wait_available(carol, 1_250)
    too_much = refused(lambda: carol.pay(alice.number, 99_999 * YUAN))
    say(f"carol tries to pay 99,999.00: [yellow]{too_much.name}[/]")


def pay_across(world: World, say: Say) -> None:
    """Hold at alpha, settlement at the centre, both feeds; bob watches it arrive."""
    alice, bob = world.people["alice"], world.people["bob"]
    watch = bob.watch()
    try:
        answer = alice.pay(bob.number, 9_990, memo="concert")
        expect(answer.state.upper() == "SETTLED", f"payment is {answer.state}")
        say(f"alice → bob 99.90: {answer.payment_id} {answer.state}")
        expect(watch.wait_for(1, 20.0), "bob's watch stays silent")
        seen = watch.seen[0]
        say(f"bob's watch: +{format_yuan(seen.change_fen)} “{seen.memo}”")
    finally:
        watch.close()
    world.wait_available(bob, 100 * YUAN + 9_990)


def crash(world: World, say: Say) -> None:
    """A bank dies in the middle of payments; nobody loses one."""
    alice, bob = world.people["alice"], world.people["bob"]
    before_fen = bob.show().available_fen
    stream = Stream(alice, bob.number, YUAN, CRASH_PAYMENTS)
    stream.wait_settled(CRASH_AFTER)
    world.stack.kill("alpha")
    say(
        f"kill -9 alpha, after {len(stream.settled)} of {CRASH_PAYMENTS} payments were acknowledged"
    )
    world.stack.restart("alpha")
    settled = stream.finish()
    expect(len(set(settled)) == CRASH_PAYMENTS, "payments are missing or double")
    world.wait_available(bob, before_fen + CRASH_PAYMENTS * YUAN)
    say(
        f"alpha is back: {CRASH_PAYMENTS} settled, {stream.unanswered} times asked again, "
        f"bob received exactly {_yuan(CRASH_PAYMENTS * YUAN)}"
    )


def offline(world: World, say: Say) -> None:
    """Load, stop every server, pay through two hops."""
    alice, bob, carol = (world.people[name] for name in ("alice", "bob", "carol"))
    say(f"alice loads her secure element: {_yuan(alice.offline_load(200 * YUAN))} offline")
    for person in (bob, carol):
        person.offline_load(YUAN)
    world.wait_quiet()
    for name in [bank.name for bank in world.plan.banks] + [CENTRAL_BANK]:
        world.stack.stop(name)
    say("[bold]both banks and the central bank are stopped[/]")
    _hop(alice, bob, 80 * YUAN, say)
    text = _hop(bob, carol, 30 * YUAN, say)
    again = refused(lambda: carol.offline_accept(_tamper(text)))
    say(f"the same payment with one bit turned: [yellow]{again.name}[/] ({again.message})")


def deposit(world: World, say: Say) -> None:
    """Servers return; pieces come home once."""
    bob, carol = world.people["bob"], world.people["carol"]
    world.stack.up()
    say("the servers are back")
    before_fen = {person.name: person.show().available_fen for person in (bob, carol)}
    for person in (carol, bob):
        answer = person.offline_deposit()
        expect(not answer.refused, f"{person.name}'s deposit: {list(answer.refused)}")
        say(f"{person.name} deposits {_yuan(answer.amount_fen)}")
        world.wait_available(person, before_fen[person.name] + answer.amount_fen)


def redeem(world: World, say: Say) -> None:
    """Back to deposits, back to reserves."""
    carol = world.people["carol"]
    say(f"carol cashes out 20.00, {_yuan(carol.cash_out(20 * YUAN))} left")
    answer = world.redeem("beta", 100_000 * YUAN)
    say(
        f"beta redeems 100,000.00: reserves {_yuan(answer.reserves_fen)}, "
        f"circulation {_yuan(answer.circulation_fen)}"
    )


def audited(world: World) -> StackAudit:
    """The proof, once nothing is on its way. Raises StoryFailed when it does not hold."""
    world.wait_quiet()
    found: list[StackAudit] = []

    def settled() -> bool:
        found[:] = [audit_stack(world.plan)]
        return all(
            bank.inbound_on_its_way_fen == bank.outbound_on_its_way_fen == 0
            for bank in found[0].banks
        )

    wait_until(settled, "the feeds are applied")
    expect(found[0].ok, "; ".join(found[0].problems))
    return found[0]


STEPS = (
    Step("Reserves", reserves),
    Step("Issuance: two officers, two signatures", issuance),
    Step("Wallets, each a process of its own", wallets),
    Step("Exchange: deposit and cash", exchange),
    Step("A payment within a bank", pay_within),
    Step("A payment across banks", pay_across),
    Step("A bank is killed in the middle of payments", crash),
    Step("Offline: no server in reach", offline),
    Step("The servers return: deposit", deposit),
    Step("Cash-out and redemption", redeem),
)


def _hop(payer: Person, payee: Person, amount_fen: int, say: Say) -> str:
    text = payer.offline_pay(payee.offline_request(amount_fen))
    taken_fen = payee.offline_accept(text)
    expect(taken_fen == amount_fen, f"{payee.name} took {taken_fen} fen")
    say(
        f"{payer.name} → {payee.name} {_yuan(amount_fen)}, device to device, {len(text)} characters"
    )
    return text


def _tamper(text: str) -> str:
    """The text with one character of its middle changed into another that is allowed there."""
    at = len(text) // 2
    while not text[at].isalnum():
        at += 1
    other = "B" if text[at] == "A" else "A"
    return text[:at] + other + text[at + 1 :]


def _mistype(number: str) -> str:
    return number[:10] + str((int(number[10]) + 1) % 10) + number[11:]


def _class(text: str) -> str:
    return text.replace("WALLET_CLASS_", "class ").lower() if "_" in text else f"class {text}"


def _yuan(amount_fen: int) -> str:
    return f"{format_yuan(amount_fen)} yuan"
