"""Cash goes in only as a machine with a key says that it took it in, and once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from dcep.bank.v1 import exchange_pb2, orders_pb2
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1.office_pb2 import RegisterCashMachine, RevokeCashMachine
from officers.people import read_founding
from operator_bank.exchange.exchange import Exchanged
from operator_bank.exchange.tables import cash_receipts
from operator_bank.limits import CLOCK_SKEW_MS, MAX_READY_AGE_MS, MAX_RECEIPT_AGE_MS
from runtime.envelope import sign
from runtime.errors import Refusal
from tests.operator_bank.fake_central_bank import NOW_MS
from tests.operator_bank.system import MACHINE, WANG, Holder, System, founded
from tests.refusals import refused


def test_a_wallet_alone_makes_no_money_of_cash(system: System, phone: Holder) -> None:
    """No receipt, one that it signed itself, or one for other cash than it says."""
    own = SigningKey(b"w" * 32)
    forged = system.receipt(phone.number, 500)
    forged.signature = bytes(64)
    tagged = system.receipt(phone.number, 500)
    tagged.key_id = b"machine-2"
    wrong: list[tuple[SignedEnvelope | None, tuple[str, str]]] = [
        (None, ("FIELD_MISSING", "cash_receipt")),
        (system.receipt(phone.number, 500, key=own), ("SIGNATURE_INVALID", "cash_receipt")),
        (system.receipt(phone.number, 500, key=phone.key), ("SIGNATURE_INVALID", "cash_receipt")),
        (forged, ("SIGNATURE_INVALID", "cash_receipt")),
        (tagged, ("CASH_NOT_ACCEPTED", "cash_receipt")),
        (system.receipt(phone.number, 499), ("FIELD_INVALID", "cash_receipt")),
        (system.receipt(phone.number, 500, bank="beta"), ("FIELD_INVALID", "cash_receipt")),
        (system.receipt(phone.number, 500, machine="machine-2"), ("FIELD_INVALID", "cash_receipt")),
        (
            system.receipt(phone.number, 500, time_ms=NOW_MS + CLOCK_SKEW_MS + 1),
            ("NOT_YET_VALID", "cash_receipt"),
        ),
        (
            system.receipt(phone.number, 500, time_ms=NOW_MS - MAX_RECEIPT_AGE_MS - 1),
            ("EXPIRED", "cash_receipt"),
        ),
    ]
    for receipt, expected in wrong:
        order = phone.exchange_order(500, cash=True, cash_receipt=receipt)
        assert refused(lambda order=order: system.bank.exchange.exchange(order)) == expected
    assert phone.fen == 0
    assert phone.exchange(500, cash=True) == 500


def test_a_receipt_is_for_the_wallet_that_it_names(
    system: System, alice: Holder, phone: Holder
) -> None:
    """Who sees the machine's screen does not get the money."""
    receipt = system.receipt(phone.number, 500)
    stolen = refused(lambda: alice.exchange(500, cash=True, cash_receipt=receipt))
    assert stolen == ("FIELD_INVALID", "cash_receipt")
    assert phone.exchange(500, cash=True, cash_receipt=receipt) == 500


def test_a_receipt_puts_money_in_once(system: System, phone: Holder) -> None:
    receipt = system.receipt(phone.number, 500)
    order = phone.exchange_order(500, cash=True, cash_receipt=receipt)
    other = phone.exchange_order(500, cash=True, cash_receipt=receipt)
    for repeated in (False, True):
        answer, available = system.bank.exchange.exchange(order)
        assert (answer.repeated, available) == (repeated, 500)
    system.restart()
    assert refused(lambda: system.bank.exchange.exchange(other)) == ("RECEIPT_USED", "cash_receipt")
    assert system.bank.exchange.exchange(order)[0].repeated
    assert phone.fen == 500


def test_a_receipt_in_two_orders_of_one_call_or_of_two_at_once_puts_money_in_once(
    system: System, phone: Holder
) -> None:
    receipt = system.receipt(phone.number, 500)
    orders = [phone.exchange_order(500, cash=True, cash_receipt=receipt) for _ in range(3)]
    answers = system.bank.exchange.exchange_many(orders)
    assert answers[0] == Exchanged(False)
    assert [a.name for a in answers[1:] if isinstance(a, Refusal)] == ["RECEIPT_USED"] * 2

    bank = system.restart(threaded=True)
    receipt = system.receipt(phone.number, 700)
    orders = [phone.exchange_order(700, cash=True, cash_receipt=receipt) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda order: bank.exchange.exchange_many([order])[0], orders))
    bank.books.stop()
    assert sum(isinstance(answer, Exchanged) for answer in answers) == 1
    system.restart()
    assert phone.fen == 1_200


def test_cash_that_a_wallet_had_no_room_for_goes_in_later(system: System, phone: Holder) -> None:
    receipt = system.receipt(phone.number, 600)
    phone.exchange(9_500, cash=True)
    full = refused(lambda: phone.exchange(600, cash=True, cash_receipt=receipt))
    assert full[0] == "OVER_BALANCE_CAP"
    phone.exchange(1_000, cash=True, out=True)
    assert phone.exchange(600, cash=True, cash_receipt=receipt) == 9_100


def test_a_receipt_goes_with_cash_alone(system: System, alice: Holder) -> None:
    for how in ({}, {"out": True}):
        order = alice.exchange_order(5, cash_receipt=system.receipt(alice.number, 5), **how)
        wrong = refused(lambda order=order: system.bank.exchange.exchange(order))
        assert wrong == ("FIELD_INVALID", "cash_receipt")


@pytest.mark.parametrize(
    ("machines", "field"),
    [
        ({"machine-1": MACHINE, "desk": MACHINE}, "cash_machines.public_key"),
        ({"Machine": MACHINE}, "cash_machines[0].name"),
    ],
)
def test_a_founding_record_names_machines_that_officers_could_register(
    machines: dict[str, SigningKey], field: str
) -> None:
    made = founded(machines)
    assert made.record is not None
    no = refused(partial(read_founding, made.record, "alpha", made.business_key))
    assert no == ("FIELD_INVALID", field)


def receipt_of(system: System, holder: Holder, machine: str, key: SigningKey) -> SignedEnvelope:
    """What a machine of this name says with this key."""
    receipt = system.receipt(holder.number, 500, key=key, machine=machine)
    receipt.key_id = machine.encode()
    return receipt


def test_a_machine_is_registered_and_revoked_by_two(system: System, phone: Holder) -> None:
    key = SigningKey(b"2" * 32)

    def put_in() -> str:
        receipt = receipt_of(system, phone, "machine-2", key)
        try:
            phone.exchange(500, cash=True, cash_receipt=receipt)
        except Refusal as refusal:
            return refusal.name
        return "OK"

    asked = RegisterCashMachine(name="machine-2", public_key=bytes(key.verify_key))
    act = system.propose(asked)
    assert put_in() == "CASH_NOT_ACCEPTED"
    assert refused(lambda: system.approve(act, WANG))[0] == "SAME_OFFICER"
    assert put_in() == "CASH_NOT_ACCEPTED"
    system.approve(act)
    assert put_in() == "OK"
    system.restart()
    assert put_in() == "OK"
    kept = receipt_of(system, phone, "machine-2", key)
    system.both(RevokeCashMachine(name="machine-2"))
    assert put_in() == "CASH_NOT_ACCEPTED"
    late = refused(lambda: phone.exchange(500, cash=True, cash_receipt=kept))
    assert late == ("CASH_NOT_ACCEPTED", "cash_receipt"), "whoever has the key dates as he likes"
    system.restart()
    assert put_in() == "CASH_NOT_ACCEPTED"
    assert phone.exchange(500, cash=True) == 1_500, "the first machine goes on"


def test_a_machine_gets_no_name_and_no_key_that_one_had(system: System) -> None:
    """Else receipts with numbers that were used would be good once more."""
    first, other = bytes(MACHINE.verify_key), bytes(SigningKey(b"3" * 32).verify_key)
    system.both(RevokeCashMachine(name="machine-1"))
    for name, key, field in (("machine-1", other, "name"), ("machine-9", first, "public_key")):
        asked = RegisterCashMachine(name=name, public_key=key)
        no = refused(lambda asked=asked: system.propose(asked))
        assert no == ("ALREADY_EXISTS", field)
    for name, reason in (("machine-1", "ALREADY_DECIDED"), ("nothing", "MACHINE_UNKNOWN")):
        asked_for = RevokeCashMachine(name=name)
        no = refused(lambda asked_for=asked_for: system.propose(asked_for))
        assert no == (reason, "name")


def test_two_that_revoke_one_machine_do_it_once(system: System) -> None:
    """Proposed twice while it was good: the second finds it done."""
    first, second = (system.propose(RevokeCashMachine(name="machine-1")) for _ in range(2))
    system.approve(first)
    assert refused(lambda: system.approve(second))[0] == "ALREADY_DECIDED"


def test_a_founding_record_makes_no_machine_once_there_was_one(
    system: System, phone: Holder
) -> None:
    """The bank starts with another record, with its machine revoked: nothing comes back or in."""
    system.both(RevokeCashMachine(name="machine-1"))
    thief = SigningKey(b"t" * 32)
    system.founding = founded({"machine-1": MACHINE, "mine": thief})
    system.restart()
    assert refused(lambda: phone.exchange(500, cash=True))[0] == "CASH_NOT_ACCEPTED"
    receipt = receipt_of(system, phone, "mine", thief)
    no = refused(lambda: phone.exchange(500, cash=True, cash_receipt=receipt))
    assert no[0] == "CASH_NOT_ACCEPTED"
    assert phone.fen == 0


READY = orders_pb2.CashReady
OPEN, TAKEN, GIVEN_UP = (
    exchange_pb2.CASH_OUT_STATE_OPEN,
    exchange_pb2.CASH_OUT_STATE_TAKEN,
    exchange_pb2.CASH_OUT_STATE_GIVEN_UP,
)


def number_of(receipt: SignedEnvelope) -> int:
    return int(orders_pb2.CashReceipt.FromString(receipt.payload).number)


def question(
    receipt: SignedEnvelope, *, give_up: bool = False, key: SigningKey = MACHINE, **fields: Any
) -> SignedEnvelope:
    """What the machine asks about notes that it has ready."""
    values = {"bank": "alpha", "machine": "machine-1", "number": number_of(receipt), **fields}
    asked = orders_pb2.CashQuestion(give_up=give_up, **values)
    return sign(asked, key, b"machine-1")


@pytest.fixture
def rich(phone: Holder) -> Holder:
    phone.exchange(2_000, cash=True)
    return phone


def test_cash_goes_out_only_for_notes_that_a_machine_has_ready(
    system: System, rich: Holder
) -> None:
    """Not without, not for what it took in, not for other notes, not when they are old."""
    own = SigningKey(b"w" * 32)
    wrong: list[tuple[SignedEnvelope | None, str]] = [
        (None, "FIELD_MISSING"),
        (system.receipt(rich.number, 500), "SIGNATURE_INVALID"),
        (system.receipt(rich.number, 500, kind=READY, key=own), "SIGNATURE_INVALID"),
        (system.receipt(rich.number, 499, kind=READY), "FIELD_INVALID"),
        (system.receipt("6201000000000012", 500, kind=READY), "FIELD_INVALID"),
        (
            system.receipt(rich.number, 500, kind=READY, time_ms=NOW_MS - MAX_READY_AGE_MS - 1),
            "EXPIRED",
        ),
    ]
    for receipt, reason in wrong:
        order = rich.exchange_order(500, cash=True, out=True, cash_receipt=receipt)
        no = refused(lambda order=order: system.bank.exchange.exchange(order))
        assert no == (reason, "cash_receipt")
    ready = system.receipt(rich.number, 500, kind=READY)
    into = rich.exchange_order(500, cash=True, cash_receipt=ready)
    assert refused(lambda: system.bank.exchange.exchange(into))[0] == "SIGNATURE_INVALID"
    assert rich.fen == 2_000
    assert rich.exchange(500, cash=True, out=True, cash_receipt=ready) == 1_500


def test_notes_are_taken_by_one_order_and_the_machine_learns_of_it(
    system: System, rich: Holder
) -> None:
    ready = system.receipt(rich.number, 500, kind=READY)
    settle = system.bank.exchange.settle_cash_out
    assert settle(question(ready)) == settle(question(ready)) == OPEN
    order = rich.exchange_order(500, cash=True, out=True, cash_receipt=ready)
    assert system.bank.exchange.exchange(order)[1] == 1_500
    second = rich.exchange_order(500, cash=True, out=True, cash_receipt=ready)
    assert refused(lambda: system.bank.exchange.exchange(second))[0] == "RECEIPT_USED"
    settle = system.restart().exchange.settle_cash_out
    assert settle(question(ready)) == settle(question(ready, give_up=True)) == TAKEN
    assert system.bank.exchange.exchange(order)[0].repeated
    assert rich.fen == 1_500


@pytest.mark.parametrize("out", [True, False])
def test_an_order_whose_answer_was_lost_is_told_that_it_was_done_however_late(
    system: System, rich: Holder, out: bool
) -> None:
    """Its receipt is too old by then, and its machine is good no more: what is done is done."""
    receipt = system.receipt(rich.number, 500, kind=READY if out else orders_pb2.CashReceipt)
    order = rich.exchange_order(500, cash=True, out=out, cash_receipt=receipt)
    system.bank.exchange.exchange(order)
    left = rich.fen
    system.clock.advance(MAX_READY_AGE_MS + 1)
    assert system.bank.exchange.exchange(order)[0].repeated
    system.both(RevokeCashMachine(name="machine-1"))
    assert system.bank.exchange.exchange(order)[0].repeated
    [answer] = system.bank.exchange.exchange_many([order])
    assert isinstance(answer, Exchanged) and answer.repeated
    assert rich.fen == left
    other = rich.exchange_order(500, cash=True, out=out, cash_receipt=receipt)
    assert refused(lambda: system.bank.exchange.exchange(other))[0] == "CASH_NOT_ACCEPTED"


def test_notes_that_the_machine_gave_up_cost_nobody_anything(system: System, rich: Holder) -> None:
    ready = system.receipt(rich.number, 500, kind=READY)
    assert system.bank.exchange.settle_cash_out(question(ready, give_up=True)) == GIVEN_UP
    order = rich.exchange_order(500, cash=True, out=True, cash_receipt=ready)
    assert refused(lambda: system.bank.exchange.exchange(order))[0] == "RECEIPT_USED"
    settle = system.restart().exchange.settle_cash_out
    assert settle(question(ready)) == settle(question(ready, give_up=True)) == GIVEN_UP
    assert rich.fen == 2_000


def test_an_order_that_was_refused_leaves_the_notes_open(system: System, rich: Holder) -> None:
    ready = system.receipt(rich.number, 2_001, kind=READY)
    short = refused(lambda: rich.exchange(2_001, cash=True, out=True, cash_receipt=ready))
    assert short[0] == "INSUFFICIENT_FUNDS"
    assert system.bank.exchange.settle_cash_out(question(ready)) == OPEN
    assert system.bank.exchange.settle_cash_out(question(ready, give_up=True)) == GIVEN_UP


def test_a_machine_that_was_revoked_with_notes_in_its_tray_learns_whose_they_are(
    system: System, rich: Holder
) -> None:
    taken, left = (system.receipt(rich.number, 500, kind=READY) for _ in range(2))
    order = rich.exchange_order(500, cash=True, out=True, cash_receipt=taken)
    system.bank.exchange.exchange(order)
    system.both(RevokeCashMachine(name="machine-1"))
    late = rich.exchange_order(500, cash=True, out=True, cash_receipt=left)
    for bank in (system.bank, system.restart()):
        for give_up in (False, True):
            settle = bank.exchange.settle_cash_out
            assert settle(question(taken, give_up=give_up)) == TAKEN
            assert settle(question(left, give_up=give_up)) == GIVEN_UP
        no = refused(lambda bank=bank: bank.exchange.exchange(late))
        assert no == ("CASH_NOT_ACCEPTED", "cash_receipt")
    with system.engine.connect() as connection:
        used = connection.execute(select(cash_receipts.c.number)).scalars().all()
    assert number_of(left) not in used, "whoever stole its key fills no table"


def test_a_question_that_was_held_back_and_comes_late_changes_nothing(
    system: System, rich: Holder
) -> None:
    """Whoever is between machine and bank turns the order of what the machine says."""
    first, second = (system.receipt(rich.number, 500, kind=READY) for _ in range(2))
    settle = system.bank.exchange.settle_cash_out
    held_back = {each: question(first, give_up=each) for each in (True, False)}
    rich.exchange(500, cash=True, out=True, cash_receipt=first)
    assert [settle(held_back[each]) for each in (True, False, True)] == [TAKEN] * 3
    held_back = {each: question(second, give_up=each) for each in (True, False)}
    assert [settle(held_back[each]) for each in (True, False, True)] == [GIVEN_UP] * 3
    assert rich.fen == 1_500


def test_only_the_machine_itself_asks_and_gives_up(system: System, rich: Holder) -> None:
    ready = system.receipt(rich.number, 500, kind=READY)
    settle = system.bank.exchange.settle_cash_out
    other = question(ready, give_up=True)
    other.key_id = b"machine-2"
    for asked, reason in (
        (question(ready, give_up=True, key=rich.key), "SIGNATURE_INVALID"),
        (question(ready, give_up=True, bank="beta"), "FIELD_INVALID"),
        (question(ready, give_up=True, machine="machine-2"), "FIELD_INVALID"),
        (other, "CASH_NOT_ACCEPTED"),
        (ready, "SIGNATURE_INVALID"),
    ):
        assert refused(lambda asked=asked: settle(asked)) == (reason, "question")
    assert settle(question(ready)) == OPEN


def test_an_order_and_a_machine_that_gives_up_at_once_come_to_one_end(
    system: System, rich: Holder
) -> None:
    """Many times, in many threads: either the money left and the notes are given, or neither."""
    bank = system.restart(threaded=True)
    ended = []
    for _ in range(10):
        ready = system.receipt(rich.number, 100, kind=READY)
        order = rich.exchange_order(100, cash=True, out=True, cash_receipt=ready)
        with ThreadPoolExecutor(2) as pool:
            taking = pool.submit(lambda order=order: bank.exchange.exchange_many([order])[0])
            giving_up = pool.submit(bank.exchange.settle_cash_out, question(ready, give_up=True))
        left = isinstance(taking.result(), Exchanged)
        assert giving_up.result() == (TAKEN if left else GIVEN_UP)
        ended.append(left)
    bank.books.stop()
    system.restart()
    assert rich.fen == 2_000 - 100 * sum(ended)
