"""Mandates: a payee asks, and is paid within what a holder has allowed, without knowing whose."""

from __future__ import annotations

from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from currency.days import begin_ms, date_of, day_of, month_of
from currency.number import make
from dcep.bank.v1 import orders_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.limits import MANDATE_PAYMENT_MS, MAX_MANDATE_TRIES
from operator_bank.sub_wallets import tries
from operator_bank.sub_wallets.tables import mandate_tries
from runtime.errors import Refusal
from tests.operator_bank import asking, refunding
from tests.operator_bank.asking import DECLINE, REMIND, WITHDRAW, carried, change, seen
from tests.operator_bank.mandates import (
    ALLOW,
    Mandate,
    ask,
    became,
    given,
    spent_fen,
    states,
    wanted,
    why_not,
)
from tests.operator_bank.signers import SEE, Member, first, listed
from tests.operator_bank.sub_wallets import CHANGE, CLOSED, DAY_MS, IS_OPEN, close, family, order
from tests.operator_bank.system import FOREIGN, Holder, System
from tests.refusals import refused, refused_for


def test_what_is_within_a_mandate_comes_and_what_is_beyond_it_waits(
    system: System, alice: Holder, bob: Holder
) -> None:
    mandate, before = given(alice, bob.number), bob.fen
    first = ask(bob, mandate, 3_000)
    assert states(bob)[first] == ("PAID", "")
    assert (alice.fen, bob.fen) == (97_000, before + 3_000)
    second = ask(bob, mandate, 3_001)
    assert states(alice)[second] == ("OPEN", "BEYOND_MANDATE"), "more than it allows at once"
    third, fourth = ask(bob, mandate, 2_000), ask(bob, mandate, 1)
    assert states(bob)[third] == ("PAID", "")
    assert states(alice)[fourth] == ("OPEN", "BEYOND_MANDATE"), "the month is used up"
    assert states(bob)[fourth] == ("OPEN", ""), "who asks does not learn why"
    assert spent_fen(alice) == [5_000]
    assert (alice.fen, bob.fen) == (95_000, before + 5_000)
    system.check_books()


def test_a_payment_counts_in_the_month_of_its_record(
    system: System, alice: Holder, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The month turns between the look at a mandate and the record that pays by it."""
    mandate = given(alice, bob.number, ends_time_ms=system.clock.now_ms() + 90 * DAY_MS)
    name = asking.ask(bob, mandate, 100, due_time_ms=system.clock.now_ms() + 60 * DAY_MS)
    check = system.bank.asked_payments.pay_by_mandate

    def later(*given: Any) -> None:
        system.clock.advance(MANDATE_PAYMENT_MS // 2)
        check(*given)

    monkeypatch.setattr(system.bank.asked_payments, "pay_by_mandate", later)
    day = day_of(system.clock.now_ms())
    while date_of(day).day != 1:
        day += 1
    system.clock.advance(begin_ms(day) - system.clock.now_ms() - 1)
    system.bank.mandates.step()
    assert states(bob)[name][0] == "PAID"
    with system.engine.connect() as connection:
        [month] = connection.scalars(select(mandate_tries.c.month)).all()
    assert month == month_of(begin_ms(day))


def test_a_new_month_has_its_own_amount_and_a_clock_that_is_set_back_none(
    system: System, alice: Holder, bob: Holder
) -> None:
    mandate = given(alice, bob.number, ends_time_ms=system.clock.now_ms() + 90 * DAY_MS)
    ask(bob, mandate, 3_000)
    system.clock.advance(31 * DAY_MS)
    assert spent_fen(alice) == [0]
    late = ask(bob, mandate, 3_000)
    system.clock.set_back(31 * DAY_MS)
    again = ask(bob, mandate, 2_001)
    assert (states(bob)[late][0], states(alice)[again]) == ("PAID", ("OPEN", "BEYOND_MANDATE"))
    assert became(bob, mandate, 2_000) == "PAID"


def test_the_holders_yes_pays_once_and_does_not_count(
    system: System, alice: Holder, bob: Holder
) -> None:
    mandate, before = given(alice, bob.number), bob.fen
    name = ask(bob, mandate, 20_000)
    assert refused_for(change, bob, name, ALLOW) == "REQUEST_TO_PAY_UNKNOWN", "not its asker"
    assert change(alice, name, ALLOW) == "PAID"
    assert change(alice, name, ALLOW) == "PAID", "again, it is as it was"
    assert (alice.fen, bob.fen, spent_fen(alice)) == (80_000, before + 20_000, [0])
    much = ask(bob, mandate, 50_001)
    assert change(alice, much, ALLOW) == "OPEN", "no mandate pays more than it may hold"
    assert states(alice)[much] == ("OPEN", "BEYOND_MANDATE")


def test_each_phone_of_the_holder_allows_and_one_that_was_cut_off_does_not(
    system: System, alice: Holder, bob: Holder
) -> None:
    mandate = given(alice, bob.number)
    other = Member(system, alice.number, 1)
    listed(first(alice), [first(alice), other])
    name = ask(bob, mandate, 20_000)
    assert change(other, name, ALLOW) == "PAID"
    late = ask(bob, mandate, 10_000)
    said = other.signed(orders_pb2.ChangeAskedOrder, request_to_pay_id=late, change=ALLOW)
    listed(first(alice), [first(alice)])
    assert refused_for(system.bank.asks.change, said) == "SIGNATURE_INVALID"


def test_a_yes_that_waits_is_none_once_its_signer_only_looks(
    system: System, alice: Holder, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mandate, before = given(alice, bob.number), bob.fen
    other = Member(system, alice.number, 1)
    listed(first(alice), [first(alice), other])
    name = ask(bob, mandate, 20_000)

    def has_no_time(*_: object) -> None:
        raise Refusal(errors_pb2.REASON_OVERLOADED, "later")

    with monkeypatch.context() as patched:
        patched.setattr(system.bank.asked_payments, "pay_by_mandate", has_no_time)
        assert change(other, name, ALLOW) == "OPEN"
    other.role = SEE
    listed(first(alice), [first(alice), other])
    system.bank.mandates.step()
    assert (states(alice)[name], bob.fen) == (("OPEN", "KEY_REPLACED"), before)
    assert change(first(alice), name, ALLOW) == "PAID"


def test_what_was_refused_for_want_of_money_is_tried_when_its_asker_reminds(
    system: System, alice: Holder, bob: Holder
) -> None:
    mandate = given(alice, bob.number, each_fen=50_000, month_fen=50_000)
    alice.pay(bob.number, 90_000)
    name = ask(bob, mandate, 20_000, due_time_ms=system.clock.now_ms() + 5 * DAY_MS)
    assert states(alice)[name] == ("OPEN", "INSUFFICIENT_FUNDS")
    bob.pay(alice.number, 50_000)
    system.bank.mandates.step()
    assert states(alice)[name] == ("OPEN", "INSUFFICIENT_FUNDS"), "nothing is tried by itself"
    system.clock.advance(DAY_MS)
    change(bob, name, REMIND)
    system.bank.mandates.step()
    assert states(alice)[name] == ("PAID", "")
    system.check_books()


def test_what_a_payee_spends_counts_against_the_holders_limits_too(
    system: System, alice: Holder, bob: Holder
) -> None:
    system.limits[2] = (500_000, 30_000, 40_000, 0)
    system.publish()
    mandate = given(alice, bob.number, each_fen=50_000, month_fen=90_000)
    name = ask(bob, mandate, 30_001)
    assert states(alice)[name] == ("OPEN", "OVER_SINGLE_LIMIT")
    assert became(bob, mandate, 25_000) == "PAID"
    assert refused_for(alice.pay, bob.number, 15_001) == "OVER_DAY_LIMIT"
    alice.pay(bob.number, 15_000)
    assert why_not(alice, bob, mandate, 1) == "OVER_DAY_LIMIT"
    # A yes is to the mandate's limits, and not to those of the class.
    assert change(alice, name, ALLOW) == "OPEN"


def test_nobody_but_its_payee_asks_by_it(system: System, alice: Holder, bob: Holder) -> None:
    mandate, carol = given(alice, bob.number), system.open("Carol")
    name = ask(carol, mandate, 1)
    assert states(carol)[name] == ("OPEN", ""), "as if nobody had that number"
    assert states(alice) == {}
    assert refused_for(change, alice, name, ALLOW) == "REQUEST_TO_PAY_UNKNOWN"
    system.bank.taking.take([carried(system, mandate, 5)])
    assert (states(alice), spent_fen(alice)) == ({}, [0])
    declined = ask(bob, mandate, 3_001)
    assert change(alice, declined, DECLINE) == "DECLINED"


def test_it_ends_when_its_holder_says_so_and_at_its_time(
    system: System, alice: Holder, bob: Holder
) -> None:
    mandate = given(alice, bob.number)
    held = Holder(system, system.bank.directory.get(mandate), SigningKey.generate())
    close(alice, held)
    assert family(alice)[0].state == CLOSED
    late = ask(bob, mandate, 1)
    assert change(alice, late, ALLOW) == "OPEN"
    assert states(alice)[late] == ("OPEN", "WALLET_CLOSED")
    other = given(alice, bob.number, ends_time_ms=system.clock.now_ms() + DAY_MS)
    late = ask(bob, other, 1, due_time_ms=system.clock.now_ms() + 3 * DAY_MS)
    assert states(bob)[late][0] == "PAID"
    system.clock.advance(2 * DAY_MS)
    late = ask(bob, other, 1, due_time_ms=system.clock.now_ms() + DAY_MS)
    assert states(alice)[late] == ("OPEN", "WALLET_CLOSED")
    system.bank.homecoming.step()
    assert [each.state for each in family(alice)] == [CLOSED, CLOSED]


def test_terms_that_nobody_could_be_paid_by_are_refused(
    system: System, alice: Holder, bob: Holder
) -> None:
    for field, more in (
        ("terms.payees", {"payees": []}),
        ("terms.payees", {"payees": [bob.number, FOREIGN]}),
        ("terms.payees", {"payees": [alice.number]}),
        ("terms.mandate.each_fen", {"balance_cap_fen": 2_000}),
        ("terms.mandate.month_fen", {"mandate": Mandate(each_fen=2, month_fen=1)}),
    ):
        assert refused(given, alice, bob.number, **more) == ("FIELD_INVALID", field)
    mandate = given(alice, bob.number)
    plain = wanted(alice, bob.number, 1, 1)
    plain.ClearField("mandate")
    ordered = order(alice, CHANGE, sub_wallet_number=mandate, terms=plain)
    assert refused(system.bank.sub_wallets.order, ordered) == ("FIELD_INVALID", "terms.mandate")
    more = wanted(alice, bob.number, 9_000, 9_000)
    system.bank.sub_wallets.order(order(alice, CHANGE, sub_wallet_number=mandate, terms=more))
    assert became(bob, mandate, 9_000) == "PAID"


def test_nobody_orders_with_the_key_of_a_mandate(
    system: System, alice: Holder, bob: Holder
) -> None:
    key = SigningKey.generate()
    number = given(alice, bob.number, key=key)
    inside = Holder(system, system.bank.directory.get(number), key)
    alice.pay(number, 500)
    assert refused_for(inside.pay, bob.number, 1) == "SIGNATURE_INVALID"
    assert refused_for(system.bank.payments.pay, inside.order(bob.number, 1), 0.0) == (
        "SIGNATURE_INVALID"
    )
    asked = inside.signed(orders_pb2.Query, method="", bank="alpha")
    assert refused_for(system.bank.wallets.asking, asked, "") == "SIGNATURE_INVALID"
    assert alice.fen == 99_500
    system.bank.homecoming.step()
    assert alice.fen == 100_000, "a mandate keeps no money"
    assert family(alice)[0].state == IS_OPEN


def test_a_refund_goes_home(system: System, alice: Holder, bob: Holder) -> None:
    mandate = given(alice, bob.number)
    ask(bob, mandate, 3_000)
    refunding.refund(system, bob, refunding.received(system, bob), 1_000)
    assert family(alice)[0].available_fen == 1_000
    system.bank.homecoming.step()
    assert (alice.fen, family(alice)[0].available_fen) == (98_000, 0)
    system.check_books()


def test_its_payee_may_be_at_another_bank_and_what_comes_back_goes_home(
    system: System, alice: Holder
) -> None:
    mandate = given(alice, FOREIGN)
    system.bank.taking.take([carried(system, mandate, 2_500)])
    system.bank.mandates.step()
    [name] = seen(alice)
    assert seen(alice) == {name: ("PAID", 2_500)}
    system.bank.send()
    [sent] = system.central.submitted
    assert (sent.payer_number, sent.payee_number, sent.amount_fen) == (mandate, FOREIGN, 2_500)
    assert sent.request_to_pay_id == name
    assert alice.number not in str(sent)
    system.turned_down(sent.number)
    assert seen(alice) == {name: ("OPEN", 0)}
    assert spent_fen(alice) == [0], "what its payee could not take counts no more"
    system.bank.homecoming.step()
    assert alice.fen == 100_000
    assert change(alice, name, ALLOW) == "PAID", "on its way"
    system.check_books()


def test_it_is_told_nobody_who_declines(system: System, alice: Holder) -> None:
    mandate = given(alice, FOREIGN, each_fen=1, month_fen=1)
    system.bank.taking.take([carried(system, mandate, 2_500)])
    system.bank.mandates.step()
    [name] = seen(alice)
    assert change(alice, name, DECLINE) == "DECLINED"
    system.bank.carrying.step()
    assert system.central.carried == [], "the order is signed by its holder, and names it"


def test_a_request_is_tried_a_bounded_number_of_times(
    system: System, alice: Holder, bob: Holder
) -> None:
    mandate = given(alice, bob.number, each_fen=50_000, month_fen=50_000)
    alice.pay(bob.number, 100_000)
    name = ask(bob, mandate, 20_000)
    for _ in range(MAX_MANDATE_TRIES - 1):
        assert change(alice, name, ALLOW) == "OPEN"
    assert refused_for(change, alice, name, ALLOW) == "TOO_MANY_REQUESTS"


def test_a_request_that_came_before_a_stop_is_tried_after_it(
    system: System, alice: Holder, bob: Holder
) -> None:
    mandate, before = given(alice, bob.number), bob.fen
    name = asking.ask(bob, mandate, 100)
    system.restart()
    system.bank.mandates.step()
    system.bank.mandates.step()
    assert (states(bob)[name][0], bob.fen) == ("PAID", before + 100)


def test_who_withdraws_first_is_not_paid(system: System, alice: Holder, bob: Holder) -> None:
    mandate, before = given(alice, bob.number), bob.fen
    name = asking.ask(bob, mandate, 100)
    change(bob, name, WITHDRAW)
    system.bank.mandates.step()
    assert (states(alice)[name], bob.fen) == (("WITHDRAWN", ""), before)
    with system.engine.connect() as connection:
        assert [row.state for row in connection.execute(select(mandate_tries))] == [tries.NOT_PAID]


def test_a_frozen_holder_pays_nothing(system: System, alice: Holder, bob: Holder) -> None:
    from dcep.office.v1.office_pb2 import FreezeWallet

    mandate = given(alice, bob.number)
    system.both(FreezeWallet(wallet_number=alice.number))
    name = ask(bob, mandate, 100)
    assert states(alice)[name] == ("OPEN", "WALLET_FROZEN")


@pytest.mark.parametrize("fen", [1, 3_000])
def test_the_holders_statement_says_what_it_was_for(
    system: System, alice: Holder, bob: Holder, fen: int
) -> None:
    mandate = given(alice, bob.number)
    name = ask(bob, mandate, fen, text="June")
    [line], _ = system.bank.history.page(alice.wallet, 1, "")
    assert (line.payee_number, line.memo, line.request_to_pay_id) == (mandate, "June", name)
    assert line.change_fen == -fen
    [got], _ = system.bank.history.page(bob.wallet, 1, "")
    assert (got.payer_number, got.memo, got.request_to_pay_id) == (mandate, "June", name)
    assert got.change_fen == fen
    assert alice.number not in str(got)


def test_a_number_that_is_no_mandates_is_asked_as_before(
    system: System, alice: Holder, bob: Holder
) -> None:
    ask(bob, alice.number, 5)
    ask(bob, make("6201", 999_999), 5)
    with system.engine.connect() as connection:
        assert connection.execute(select(mandate_tries)).all() == []


def test_no_mandate_pays_before_the_central_bank_was_heard(
    system: System, alice: Holder, bob: Holder
) -> None:
    """The bank may be an older copy, in which a mandate is alive that was ended since."""
    name = asking.ask(bob, given(alice, bob.number), 100)
    step, standing = system.bank.pumps["mandates"], system.bank.standing
    standing.ask()
    assert not step() and states(bob)[name] == ("OPEN", "")
    alice.pay(bob.number, 100)
    standing.fall_behind()
    assert not step() and states(bob)[name] == ("OPEN", "")
    standing.confirm()
    step()
    assert states(bob)[name] == ("PAID", "")
