"""The demo's story. Each step does one thing and says its result, in yuan.

The integration test runs the same story without printing it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auditor.audit import StackAudit, audit_stack
from currency.amount import format_yuan
from currency.contract_words import class_name, state_name
from currency.number import NumberError, check
from dcep.bank.v1 import states_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import CENTRAL_BANK
from language import N_, _
from sandbox.demo.environment import StoryFailed, Stream, System, refused, wait_until
from sandbox.demo.wallet_process import Person

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
    tell: Callable[[System, Say], None]


def expect(true: bool, what: str) -> None:
    """Raise StoryFailed unless ``true``."""
    if not true:
        raise StoryFailed(what)


def reserves(system: System, say: Say) -> None:
    """Reserves arrive for every bank."""
    for bank in system.plan.banks:
        books = system.pay_in(bank.name, RESERVES_FEN)
        say(
            _("{bank} pays in: reserves {reserves}, by two officers").format(
                bank=bank.name, reserves=_yuan(books.reserves_fen)
            )
        )


def issuance(system: System, say: Say) -> None:
    """It takes two officers, and what exceeds the reserves is refused, with what is missing."""
    with system.central("lin") as lin, system.central("mei") as mei:

        def ask(fen: int) -> office_pb2.Act:
            return lin.propose(office_pb2.Issue(bank="alpha", amount_fen=fen), "alpha's customers")

        too_much = refused(lambda: ask(RESERVES_FEN + 5 * YUAN))
        missing = _yuan(int(too_much.metadata["missing_fen"]))
        say(
            _("asking for more than the reserves: [yellow]{too_much}[/], {missing} missing").format(
                too_much=too_much.name, missing=missing
            )
        )
        act = ask(ISSUED_FEN)
        say(_("lin asks to issue {issued} to alpha").format(issued=_yuan(ISSUED_FEN)))
        same = refused(lambda: lin.approve(act))
        say(_("lin approves her own request: [yellow]{same}[/]").format(same=same.name))
        mei.approve(act)
        books = mei.books_of("alpha")
        say(
            _(
                "mei approves: reserves {reserves}, circulation {circulation}, one atomic step"
            ).format(reserves=_yuan(books.reserves_fen), circulation=_yuan(books.circulation_fen))
        )
    system.issue("beta", ISSUED_FEN)
    for bank in system.plan.banks:
        system.wait_vault(bank.name, ISSUED_FEN)
        say(
            _("{bank} applied its feed: vault {issued}").format(
                bank=bank.name, issued=_yuan(ISSUED_FEN)
            )
        )


def wallets(system: System, say: Say) -> None:
    """Three people, three processes, three databases."""
    alice = system.person("alice", "alpha", holder_name="Alice")
    carol = system.person("carol", "alpha", holder_name="Carol")
    bob = system.person("bob", "beta", phone="+8613800000002")
    for person, how in ((alice, _("by name")), (carol, _("by name")), (bob, _("by phone alone"))):
        shown = person.show()
        say(
            _("{person} at {bank}, {how}: {number}, {wallet_class}").format(
                person=person.name,
                bank=shown.bank,
                how=how,
                number=person.number,
                wallet_class=_("class {text}").format(text=class_name(shown.wallet_class)),
            )
        )
    mistyped = _mistype(bob.number)
    try:
        check(mistyped)
    except NumberError as wrong:
        say(
            _("a typo, {mistyped}: [yellow]{wrong}[/]; nothing was sent").format(
                mistyped=mistyped, wrong=wrong
            )
        )
        return
    raise StoryFailed(_("a mistyped number was taken"))


def exchange(system: System, say: Say) -> None:
    """Deposit and cash become digital currency."""
    alice, bob = system.people["alice"], system.people["bob"]
    say(_("alice, from her deposit: {top_up}").format(top_up=_yuan(alice.top_up(2000 * YUAN))))
    say(
        _("bob, cash at beta's machine: {top_up}").format(
            top_up=_yuan(bob.top_up(100 * YUAN, cash=True))
        )
    )
    without = refused(lambda: bob.top_up(100 * YUAN))
    say(
        _("bob has no bank account to top up from: [yellow]{without}[/]").format(
            without=without.name
        )
    )


def pay_within(system: System, say: Say) -> None:
    """A payment within a bank is final when it is answered."""
    alice, carol = system.people["alice"], system.people["carol"]
    answer = alice.pay(carol.number, 1_250, memo="lunch")
    expect(
        answer.state == states_pb2.PAYMENT_STATE_SETTLED,
        _("payment is {state}").format(state=state_name(answer.state)),
    )
    say(
        _("alice → carol 12.50: {payment_id} {state}").format(
            payment_id=answer.payment_id, state=state_name(answer.state)
        )
    )
    system.wait_available(carol, 1_250)
    too_much = refused(lambda: carol.pay(alice.number, 99_999 * YUAN))
    say(_("carol tries to pay 99,999.00: [yellow]{too_much}[/]").format(too_much=too_much.name))


def pay_across(system: System, say: Say) -> None:
    """A hold at alpha, settlement at the central bank, both feeds; bob watches it arrive."""
    alice, bob = system.people["alice"], system.people["bob"]
    watch = bob.watch()
    try:
        answer = alice.pay(bob.number, 9_990, memo="concert")
        expect(
            answer.state == states_pb2.PAYMENT_STATE_SETTLED,
            _("payment is {state}").format(state=state_name(answer.state)),
        )
        say(
            _("alice → bob 99.90: {payment_id} {state}").format(
                payment_id=answer.payment_id, state=state_name(answer.state)
            )
        )
        expect(watch.wait_for(1, 20.0), _("bob's watch stays silent"))
        seen = watch.seen[0]
        say(
            _("bob's watch: +{change} “{memo}”").format(
                change=format_yuan(seen.change_fen), memo=seen.memo
            )
        )
    finally:
        watch.close()
    system.wait_available(bob, 100 * YUAN + 9_990)


def refund(system: System, say: Say) -> None:
    """Whoever was paid gives a part back, and never more than it."""
    alice, bob = system.people["alice"], system.people["bob"]
    before_fen = alice.show().available_fen
    concert = next(line for line in bob.history() if line.memo == "concert")
    answer = bob.refund(concert.payment_id, 2_990, memo="ticket")
    expect(
        answer.state == states_pb2.PAYMENT_STATE_SETTLED,
        _("refund is {state}").format(state=state_name(answer.state)),
    )
    system.wait_available(alice, before_fen + 2_990)
    back = alice.history()[0]
    say(
        _("bob → alice 29.90, a refund of {payment_id} “{memo}”").format(
            payment_id=back.refunds_payment_id, memo=back.memo
        )
    )
    too_much = refused(lambda: bob.refund(concert.payment_id, 7_001))
    say(_("bob tries to refund 70.01 more: [yellow]{too_much}[/]").format(too_much=too_much.name))


def crash(system: System, say: Say) -> None:
    """A bank dies in the middle of payments; nobody loses one."""
    alice, bob = system.people["alice"], system.people["bob"]
    before_fen = bob.show().available_fen
    stream = Stream(alice, bob.number, YUAN, CRASH_PAYMENTS)
    stream.wait_settled(CRASH_AFTER)
    system.stack.kill("alpha")
    say(
        _("kill -9 alpha, after {count} of {crash_payments} payments were acknowledged").format(
            count=len(stream.settled), crash_payments=CRASH_PAYMENTS
        )
    )
    system.stack.restart("alpha")
    settled = stream.finish()
    expect(len(set(settled)) == CRASH_PAYMENTS, _("payments are missing or double"))
    system.wait_available(bob, before_fen + CRASH_PAYMENTS * YUAN)
    say(
        _(
            "alpha is back: {crash_payments} settled, {unanswered} times asked again, bob "
            "received exactly {crash_payments2}"
        ).format(
            crash_payments=CRASH_PAYMENTS,
            unanswered=stream.unanswered,
            crash_payments2=_yuan(CRASH_PAYMENTS * YUAN),
        )
    )


def offline(system: System, say: Say) -> None:
    """Load, stop every server, pay through two hops."""
    alice, bob, carol = (system.people[name] for name in ("alice", "bob", "carol"))
    say(
        _("alice loads her secure element: {offline_load} offline").format(
            offline_load=_yuan(alice.offline_load(200 * YUAN))
        )
    )
    for person in (bob, carol):
        person.offline_load(YUAN)
    system.wait_quiet()
    for name in [bank.name for bank in system.plan.banks] + [CENTRAL_BANK]:
        system.stack.stop(name)
    say(_("[bold]both banks and the central bank are stopped[/]"))
    _hop(alice, bob, 80 * YUAN, say)
    text = _hop(bob, carol, 30 * YUAN, say)
    again = refused(lambda: carol.offline_accept(_tamper(text)))
    say(
        _("the same payment with one bit turned: [yellow]{again}[/] ({why})").format(
            again=again.name, why=_(again.message)
        )
    )


def deposit(system: System, say: Say) -> None:
    """The servers return, and the offline money is deposited."""
    bob, carol = system.people["bob"], system.people["carol"]
    system.stack.up()
    say(_("the servers are back"))
    before_fen = {person.name: person.show().available_fen for person in (bob, carol)}
    for person in (carol, bob):
        answer = person.offline_deposit()
        expect(
            not answer.refused,
            _("{person}'s deposit: {list}").format(person=person.name, list=list(answer.refused)),
        )
        say(_("{person} deposits {yuan}").format(person=person.name, yuan=_yuan(answer.amount_fen)))
        system.wait_available(person, before_fen[person.name] + answer.amount_fen)


def redeem(system: System, say: Say) -> None:
    """Currency goes back into a deposit, and back into reserves."""
    carol = system.people["carol"]
    say(
        _("carol cashes out 20.00, {cash_out} left").format(
            cash_out=_yuan(carol.cash_out(20 * YUAN))
        )
    )
    answer = system.redeem("beta", 100_000 * YUAN)
    say(
        _("beta redeems 100,000.00: reserves {reserves}, circulation {circulation}").format(
            reserves=_yuan(answer.reserves_fen), circulation=_yuan(answer.circulation_fen)
        )
    )


def audited(system: System) -> StackAudit:
    """The audit, once nothing is on its way. Raises StoryFailed when it finds a problem."""
    system.wait_quiet()
    found: list[StackAudit] = []

    def settled() -> bool:
        found[:] = [audit_stack(system.plan)]
        return all(
            bank.inbound_on_its_way_fen == bank.outbound_on_its_way_fen == 0
            for bank in found[0].banks
        )

    wait_until(settled, _("the feeds are applied"))
    expect(found[0].ok, "; ".join(found[0].problems))
    return found[0]


STEPS = (
    Step(N_("Reserves"), reserves),
    Step(N_("Issuance: two officers, two signatures"), issuance),
    Step(N_("Wallets, each a process of its own"), wallets),
    Step(N_("Exchange: deposit and cash"), exchange),
    Step(N_("A payment within a bank"), pay_within),
    Step(N_("A payment across banks"), pay_across),
    Step(N_("A refund: part of it goes back"), refund),
    Step(N_("A bank is killed in the middle of payments"), crash),
    Step(N_("Offline: no server in reach"), offline),
    Step(N_("The servers return: deposit"), deposit),
    Step(N_("Cash-out and redemption"), redeem),
)


def _hop(payer: Person, payee: Person, amount_fen: int, say: Say) -> str:
    text = payer.offline_pay(payee.offline_request(amount_fen))
    taken_fen = payee.offline_accept(text)
    expect(
        taken_fen == amount_fen,
        _("{payee} took {taken} fen").format(payee=payee.name, taken=taken_fen),
    )
    say(
        _("{payer} → {payee} {yuan}, device to device, {count} characters").format(
            payer=payer.name, payee=payee.name, yuan=_yuan(amount_fen), count=len(text)
        )
    )
    return text


def _tamper(text: str) -> str:
    """The text with one character in its middle changed to another allowed one."""
    at = len(text) // 2
    while not text[at].isalnum():
        at += 1
    other = "B" if text[at] == "A" else "A"
    return text[:at] + other + text[at + 1 :]


def _mistype(number: str) -> str:
    return number[:10] + str((int(number[10]) + 1) % 10) + number[11:]


def _yuan(amount_fen: int) -> str:
    return _("{yuan} yuan").format(yuan=format_yuan(amount_fen))
