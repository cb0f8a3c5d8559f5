"""Requests to pay of wallets at two banks: brought, told again, and never believed unsigned."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, insert, select

from currency.number import make
from dcep.bank.v1 import inbound_pb2, orders_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.asking import new_requests
from operator_bank.asking.tables import asked, asked_payments
from operator_bank.limits import ASKED_KEPT_MS, ASKED_OF_BANK_PER_DAY
from runtime.envelope import sign
from runtime.errors import Refusal
from tests.operator_bank.asking import (
    DECLINE,
    HOUR_MS,
    PENDING,
    THEIR_KEY,
    WITHDRAW,
    ask,
    carried,
    change,
    pay,
    request,
    seen,
)
from tests.operator_bank.system import FOREIGN, OTHER_PREFIX, Holder, System
from tests.refusals import refused_for


def test_another_banks_request_is_shown_and_paid_with_its_name(
    system: System, alice: Holder
) -> None:
    item = carried(system, alice.number, 700)
    for _ in range(2):  # brought twice, it is one
        system.bank.taking.take([item])
    [name] = seen(alice)
    assert pay(alice, name, 700).state == PENDING
    assert refused_for(lambda: pay(alice, name, 700)) == "REQUEST_TO_PAY_OVER"
    system.bank.send()
    [sent] = system.central.submitted
    assert (sent.request_to_pay_id, sent.payee_number) == (name, FOREIGN)
    system.turned_down(sent.number)  # what its payee could not take is to be paid again
    assert seen(alice) == {name: ("OPEN", 0)}
    system.bank.taking.take([carried(system, alice.number, 700, WITHDRAW)])
    assert seen(alice) == {name: ("WITHDRAWN", 0)}
    assert refused_for(lambda: pay(alice, name, 700)) == "REQUEST_TO_PAY_OVER"


def test_a_withdrawal_that_comes_first_withdraws(system: System, alice: Holder) -> None:
    late = carried(system, alice.number, 700)
    system.bank.taking.take([carried(system, alice.number, 700, WITHDRAW)])
    system.bank.taking.take([late])
    assert list(seen(alice).values()) == [("WITHDRAWN", 0)]


def test_what_is_no_good_is_left_out_and_the_rest_is_taken(
    system: System, alice: Holder, bob: Holder
) -> None:
    stolen = carried(system, alice.number, 1)
    stolen.request_key = bytes(bob.key.verify_key)
    between_others = carried(system, make("6203", 1), 1)
    in_bobs_name = carried(system, alice.number, 1, wallet_number=bob.number)
    overdue = carried(system, alice.number, 1, due_time_ms=system.clock.now_ms() - 1)
    nobody = carried(system, make("6201", 999_999), 1)
    good = carried(system, alice.number, 2, nonce=b"g" * 16)
    unasked = carried(system, alice.number, 2, WITHDRAW, nonce=b"h" * 16)
    unasked.change.signature = bytes(64)
    system.bank.taking.take([stolen, between_others, in_bobs_name, overdue, nobody, unasked, good])
    assert list(seen(alice)) == [f"{FOREIGN}-{(b'g' * 16).hex()}"]
    assert seen(bob) == {}


def test_a_bank_that_floods_is_told_to_wait(system: System, alice: Holder) -> None:
    system.bank.taking.take([carried(system, alice.number, 1)])
    with system.engine.begin() as connection:
        row = dict(connection.execute(select(asked)).mappings().one())
        del row["number"]
        flood = [{**row, "id": f"{FOREIGN}-{n:032x}"} for n in range(ASKED_OF_BANK_PER_DAY)]
        connection.execute(insert(asked), flood)
    more = carried(system, alice.number, 1, nonce=b"m" * 16)
    assert refused_for(lambda: system.bank.taking.take([more])) == "OVERLOADED"
    ask(alice, FOREIGN, 5)  # those of this bank go on


def test_the_other_bank_is_told_until_it_has_heard(system: System, bob: Holder) -> None:
    name = ask(bob, FOREIGN, 900)
    system.central.silent = True
    assert not system.bank.carrying.step()
    system.central.silent = False
    assert not system.bank.carrying.step()  # not at once again
    assert system.central.carried == []
    system.restart()  # a crash in between loses nothing
    system.bank.carrying.step()
    [(prefix, item)] = system.central.carried
    assert prefix == "6202"
    assert item.request_key == bytes(bob.key.verify_key)
    assert change(bob, name, WITHDRAW) == "WITHDRAWING"
    system.bank.carrying.step()
    assert seen(bob) == {name: ("WITHDRAWN", 0)}
    assert system.central.carried[-1][1].change.payload
    count = len(system.central.carried)
    system.bank.carrying.step()
    assert len(system.central.carried) == count


def test_a_bank_that_never_hears_fills_no_table(
    system: System, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_requests, "MAX_OPEN_ASKED", 5)
    system.central.silent = True
    for _ in range(5):
        change(bob, ask(bob, FOREIGN, 1), WITHDRAW)
    assert refused_for(lambda: ask(bob, FOREIGN, 1)) == "TOO_MANY_REQUESTS"
    system.clock.advance(ASKED_KEPT_MS + 2 * HOUR_MS)
    ask(bob, FOREIGN, 2)
    assert rows(system) == 1


def test_a_bank_that_asks_in_ever_other_names_fills_no_table(system: System, bob: Holder) -> None:
    for place in range(1, 6):
        name = make(OTHER_PREFIX, place)
        system.bank.taking.take([carried(system, bob.number, 1, wallet_number=name)])
        assert rows(system) == 1
        system.clock.advance(ASKED_KEPT_MS + 2 * HOUR_MS)


def rows(system: System) -> int:
    with system.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(asked)).scalar_one()


def test_what_comes_for_a_request_counts_as_its_payment(system: System, bob: Holder) -> None:
    name = ask(bob, FOREIGN, 900, partial=True)
    arriving = system.arriving(bob.number, 300)
    arriving.request_to_pay_id = name
    system.hear(incoming=arriving)
    assert seen(bob) == {name: ("OPEN", 300)}
    with system.engine.connect() as connection:
        assert connection.execute(select(asked_payments.c.amount_fen)).scalar_one() == 300


def test_a_declined_request_is_told_to_who_asked(system: System, bob: Holder) -> None:
    signed = request(bob, FOREIGN, 900)
    name = system.bank.asks.ask(signed)[0]
    now_ms = system.clock.now_ms()
    declined = orders_pb2.ChangeAskedOrder(
        wallet_number=FOREIGN,
        request_to_pay_id=name,
        change=DECLINE,  # type: ignore[arg-type]
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    item = inbound_pb2.CarriedRequest(
        request=signed,
        request_key=bytes(bob.key.verify_key),
        change=sign(declined, THEIR_KEY, FOREIGN.encode()),
        change_key=bytes(THEIR_KEY.verify_key),
    )
    system.bank.taking.take([item])
    assert seen(bob) == {name: ("DECLINED", 0)}


def test_a_bank_that_nobody_knows_is_told_nothing_more(
    system: System, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ask(bob, FOREIGN, 900)

    def unknown(*_: Any) -> None:
        raise Refusal(errors_pb2.REASON_BANK_UNKNOWN, "there is no such other bank")

    monkeypatch.setattr(system.central, "carry", unknown)
    system.bank.carrying.step()
    monkeypatch.undo()
    system.bank.carrying.step()
    assert (system.central.carried, seen(bob)) == ([], {name: ("OPEN", 0)})
