"""Sub-wallets: opened, changed and closed by the wallet that they belong to."""

from __future__ import annotations

import uuid

import pytest
from nacl.signing import SigningKey
from sqlalchemy import select

from currency.contract_words import purpose_word
from currency.sub_limits import LADDER_FEN
from dcep.bank.v1 import orders_pb2, sub_wallets_pb2, wallets_pb2
from dcep.office.v1.office_pb2 import FreezeWallet, UnfreezeWallet
from operator_bank.api.wallets import GrpcWallets
from operator_bank.limits import (
    MAX_OPEN_SUB_WALLETS,
    MAX_SUB_WALLETS,
    SUB_WALLET_ORDERS_PER_DAY,
)
from operator_bank.sub_wallets import ordering
from operator_bank.sub_wallets.tables import sub_wallet_orders
from tests.operator_bank.classes import change as change_class
from tests.operator_bank.keys import replaced
from tests.operator_bank.sub_wallets import (
    CHANGE,
    CLOSE,
    CLOSED,
    CLOSING,
    DAY_MS,
    IS_FROZEN,
    IS_OPEN,
    OPEN,
    change,
    close,
    family,
    opened,
    order,
    terms,
)
from tests.operator_bank.system import FOREIGN, Holder, System
from tests.refusals import refusal, refused, refused_for

PUBLIC = bytes(SigningKey(b"k" * 32).verify_key)


def test_a_child_pays_within_its_own_limits_and_its_parents(
    system: System, alice: Holder, bob: Holder
) -> None:
    child = opened(alice, fen=20_000)
    assert (alice.fen, child.fen) == (80_000, 20_000)
    assert system.bank.wallets.state(alice.wallet).day_spent_fen == 0, "it is spent by the child"
    child.pay(bob.number, 5_000)
    assert refused_for(child.pay, bob.number, 5_001) == "OVER_SINGLE_LIMIT"
    child.pay(bob.number, 5_000)
    no = refusal(child.pay, bob.number, 1)
    assert (no.name, no.metadata) == ("OVER_DAY_LIMIT", {})
    assert system.bank.wallets.state(alice.wallet).day_spent_fen == 10_000
    assert refused_for(alice.pay, child.number, 10_001) == "PAYEE_CANNOT_BE_PAID", "its cap"
    limits_fen = system.bank.wallets.state(child.wallet).limits_fen
    assert limits_fen == (20_000, 5_000, 10_000, 0)


def test_the_parents_limit_refuses_too_and_is_named(
    system: System, alice: Holder, bob: Holder
) -> None:
    child = opened(alice, single_fen=0, day_fen=0, balance_cap_fen=200_000, fen=50_000)
    alice.pay(bob.number, 40_000)
    system.limits[2] = (500_000, 30_000, 60_000, 65_000)
    system.publish()
    no = refusal(child.pay, bob.number, 30_001)
    assert (no.name, no.metadata) == ("OVER_SINGLE_LIMIT", {"limit_of": "parent"})
    child.pay(bob.number, 20_000)
    no = refusal(child.pay, bob.number, 1)
    assert (no.name, no.metadata) == ("OVER_DAY_LIMIT", {"limit_of": "parent"})
    system.clock.advance(DAY_MS)
    child.pay(bob.number, 5_000)
    no = refusal(child.pay, bob.number, 1)
    assert (no.name, no.metadata) == ("OVER_YEAR_LIMIT", {"limit_of": "parent"})
    assert alice.pay(child.number, 1).state, "what moves within a family is not spent"
    assert child.pay(alice.number, 1).state


def test_what_a_ladder_does_not_have_is_refused_with_it(alice: Holder) -> None:
    no = refusal(opened, alice, day_fen=7_700)
    assert (no.name, no.field) == ("LIMIT_NOT_OFFERED", "terms")
    assert no.metadata["choices_fen"] == ",".join(map(str, LADDER_FEN))
    assert "200.00, 500.00" in no.message
    assert refused_for(opened, alice, balance_cap_fen=1) == "LIMIT_NOT_OFFERED"
    for ends in (1, alice.system.clock.now_ms(), alice.system.clock.now_ms() + 4_000 * DAY_MS):
        assert refused(opened, alice, ends_time_ms=ends) == ("FIELD_INVALID", "terms.ends_time_ms")
    assert refused(opened, alice, payees=["6201000000000019"]) == ("FIELD_INVALID", "terms.payees")
    assert family(alice) == []


def test_the_first_answer_is_repeated_and_a_restart_knows_all(
    system: System, alice: Holder, bob: Holder
) -> None:
    asked = order(alice, OPEN, public_key=PUBLIC, terms=terms(system))
    first = system.bank.sub_wallets.order(asked)
    assert system.bank.sub_wallets.order(asked) == first
    assert len(family(alice)) == 1
    other = order(
        alice,
        OPEN,
        public_key=PUBLIC,
        terms=terms(system, day_fen=0),
        request_id=_request_of(asked.payload),
    )
    assert refused(system.bank.sub_wallets.order, other) == ("ID_REUSED", "request_id")
    child = opened(alice, fen=1_000, purpose="school", payees=[bob.number])
    before = family(alice)
    system.restart()
    assert family(alice) == before
    assert before[1].terms.purpose == "school"
    assert refused_for(child.pay, FOREIGN, 1) == "PAYEE_NOT_ALLOWED"
    child.pay(bob.number, 1)


def _request_of(payload: bytes) -> str:
    return sub_wallets_pb2.SubWalletOrder.FromString(payload).request_id


def test_terms_change_and_the_end_is_only_put_off(
    system: System, alice: Holder, bob: Holder
) -> None:
    child = opened(alice, fen=20_000)
    done = change(alice, child, single_fen=0, day_fen=20_000, purpose="more")
    assert (done.terms.day_fen, done.terms.purpose, done.state) == (20_000, "more", IS_OPEN)
    child.pay(bob.number, 15_000)
    assert refused(change, alice, child, ends_time_ms=system.clock.now_ms() + DAY_MS) == (
        "FIELD_INVALID",
        "terms.ends_time_ms",
    )
    longer = system.clock.now_ms() + 60 * DAY_MS
    assert change(alice, child, ends_time_ms=longer).terms.ends_time_ms == longer
    # A cap below what is in it takes nothing; nothing comes in until it fits.
    change(alice, child, balance_cap_fen=1_000, single_fen=0, day_fen=0, ends_time_ms=longer)
    assert child.fen == 5_000
    assert refused_for(alice.pay, child.number, 1) == "PAYEE_CANNOT_BE_PAID"
    assert refused_for(child.pay, bob.number, 1_001) == "OVER_SINGLE_LIMIT", "no more than the cap"
    for fen in (1_000, 1_000, 1_000, 1_000, 500):
        child.pay(bob.number, fen)
    alice.pay(child.number, 500)


def test_an_older_order_about_the_same_one_does_not_come_after_a_later_one(
    system: System, alice: Holder
) -> None:
    child = opened(alice)
    about = {"sub_wallet_number": child.number}
    lost = order(alice, CHANGE, terms=terms(system, day_fen=200_000), **about)
    system.clock.advance(1_000)
    change(alice, child, day_fen=5_000, ends_time_ms=system.clock.now_ms() + 31 * DAY_MS)
    assert refused_for(system.bank.sub_wallets.order, lost) == "EXPIRED"
    assert family(alice)[0].terms.day_fen == 5_000


def test_closing_brings_the_money_home(system: System, alice: Holder, bob: Holder) -> None:
    child = opened(alice, fen=20_000)
    child.pay(bob.number, 300)
    assert close(alice, child).state == CLOSED
    assert (alice.fen, child.fen) == (99_700, 0)
    assert refused_for(child.pay, bob.number, 1) == "WALLET_CLOSED"
    newest = system.bank.history.page(alice.wallet, 1, "")[0][0]
    assert (purpose_word(newest.purpose), newest.change_fen) == ("sub-wallet", 19_700)
    assert newest.payer_number == child.number
    assert close(alice, child).state == CLOSED, "again, nothing happens"
    system.restart()
    system.bank.homecoming.step()
    assert family(alice)[0].state == CLOSED
    assert refused_for(change, alice, child) == "WALLET_CLOSED"


def test_money_on_its_way_comes_home_when_it_comes_back(system: System, alice: Holder) -> None:
    child = opened(alice, fen=20_000)
    gone, back = child.pay(FOREIGN, 1_000), child.pay(FOREIGN, 2_000)
    done = close(alice, child)
    assert (done.state, done.held_fen, done.available_fen) == (CLOSING, 3_000, 0)
    assert alice.fen == 97_000
    system.hear(outgoing_settled={"number": gone.number})
    system.turned_down(back.number)
    assert child.fen == 2_000
    system.restart()
    system.bank.homecoming.step()
    assert (alice.fen, child.fen, child.held_fen) == (99_000, 0, 0)
    assert family(alice)[0].state == CLOSED


def test_its_end_closes_it_and_no_order_outlives_that(
    system: System, alice: Holder, bob: Holder
) -> None:
    ends = system.clock.now_ms() + 120_000
    child = opened(alice, fen=20_000, ends_time_ms=ends)
    assert refused(child.pay, bob.number, 1, expires_time_ms=ends + 1) == (
        "VALIDITY_TOO_LONG",
        "expires_time_ms",
    )
    many = [child.order(bob.number, 1, expires_time_ms=ends + n) for n in (0, 1)]
    good, bad = system.bank.payments.pay_many(many)
    assert (getattr(good, "state", 0) > 0, getattr(bad, "name", "")) == (True, "VALIDITY_TOO_LONG")
    last = child.order(bob.number, 1, expires_time_ms=ends)
    system.bank.homecoming.step()
    assert child.fen == 19_999
    system.clock.advance(120_001)
    assert refused_for(system.bank.payments.pay, last, 0.0) == "EXPIRED", "by the rule"
    assert family(alice)[0].state == CLOSING
    assert refused_for(change, alice, child) == "WALLET_CLOSED"
    system.bank.send()
    assert (alice.fen, family(alice)[0].state) == (99_999, CLOSED)


def test_what_its_parent_has_no_room_for_waits(system: System, phone: Holder, bob: Holder) -> None:
    phone.exchange(10_000, cash=True)
    child = opened(phone, balance_cap_fen=5_000, single_fen=0, day_fen=0, fen=4_000)
    phone.exchange(3_000, cash=True)
    done = close(phone, child)
    assert (done.state, done.available_fen, phone.fen) == (CLOSING, 3_000, 10_000)
    phone.pay(bob.number, 1_000)
    system.bank.homecoming.step()
    assert (child.fen, phone.fen) == (2_000, 10_000)
    phone.pay(bob.number, 2_000)
    system.bank.homecoming.step()
    assert (child.fen, phone.fen, family(phone)[0].state) == (0, 10_000, CLOSED)


def test_there_is_a_bound_on_what_sub_wallets_may_have_together(
    system: System, phone: Holder
) -> None:
    opened(phone, balance_cap_fen=5_000)
    child = opened(phone, balance_cap_fen=1_000)
    no = refusal(opened, phone, balance_cap_fen=5_000)
    assert (no.name, no.field, no.metadata) == (
        "OVER_BALANCE_CAP",
        "terms.balance_cap_fen",
        {"left_fen": "4000"},
    )
    assert refused_for(change, phone, child, balance_cap_fen=10_000) == "OVER_BALANCE_CAP"
    change(phone, child, balance_cap_fen=5_000)
    close(phone, child)
    opened(phone, balance_cap_fen=5_000)


def test_there_are_eight_at_most_and_so_many_orders_a_day(system: System, alice: Holder) -> None:
    children = [opened(alice, balance_cap_fen=1_000) for _ in range(MAX_OPEN_SUB_WALLETS)]
    assert refused_for(opened, alice, balance_cap_fen=1_000) == "TOO_MANY_SUB_WALLETS"
    for child in children:
        close(alice, child)
    left = SUB_WALLET_ORDERS_PER_DAY - 2 * MAX_OPEN_SUB_WALLETS
    for _ in range(left):
        opened(alice, balance_cap_fen=1_000)
    assert refused_for(opened, alice, balance_cap_fen=1_000) == "OVERLOADED"
    system.clock.advance(DAY_MS)
    opened(alice, balance_cap_fen=1_000)
    with system.engine.connect() as connection:
        rows = connection.execute(select(sub_wallet_orders)).all()
    assert len(rows) == SUB_WALLET_ORDERS_PER_DAY + 1


def test_a_key_has_one_sub_wallet_by_one_request_however_long_ago(
    system: System, alice: Holder
) -> None:
    first = order(alice, OPEN, public_key=PUBLIC, terms=terms(system))
    system.bank.sub_wallets.order(first)
    child = opened(alice)
    for _ in range(SUB_WALLET_ORDERS_PER_DAY):
        system.clock.advance(DAY_MS)
        change(alice, child)
    again = order(
        alice,
        OPEN,
        public_key=PUBLIC,
        terms=terms(system),
        request_id=_request_of(first.payload),
    )
    assert refused(system.bank.sub_wallets.order, again) == ("ID_REUSED", "request_id")
    assert len(family(alice)) == 2


def test_closed_ones_count_for_how_many_there_ever_are(
    alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_SUB_WALLETS == 100
    monkeypatch.setattr(ordering, "MAX_SUB_WALLETS", 1)
    close(alice, opened(alice))
    assert refused_for(opened, alice) == "TOO_MANY_SUB_WALLETS"


def test_a_parent_is_not_closed_before_its_children(system: System, phone: Holder) -> None:
    child = opened(phone, balance_cap_fen=1_000)
    closing = phone.closing()
    assert refused_for(system.bank.wallets.close, closing) == "SUB_WALLETS_OPEN"
    close(phone, child)
    # It counts once: the refused order closes nothing later.
    assert refused_for(system.bank.wallets.close, closing) == "SUB_WALLETS_OPEN"
    system.bank.wallets.close(phone.closing())
    assert refused_for(opened, phone, balance_cap_fen=1_000) == "WALLET_CLOSED"


def test_a_child_may_close_itself_when_it_is_empty(system: System, alice: Holder) -> None:
    child = opened(alice, fen=100)
    assert refused_for(system.bank.wallets.close, child.closing()) == "WALLET_NOT_EMPTY"
    child.pay(alice.number, 100)
    system.bank.wallets.close(child.closing())
    assert family(alice)[0].state == CLOSED


def test_children_are_frozen_along_and_each_is_thawed_by_itself(
    system: System, alice: Holder, bob: Holder
) -> None:
    child = opened(alice, fen=1_000)
    system.both(FreezeWallet(wallet_number=alice.number))
    assert family(alice)[0].state == IS_FROZEN
    assert refused_for(child.pay, bob.number, 1) == "WALLET_FROZEN"
    assert refused_for(opened, alice) == "WALLET_FROZEN"
    assert refused_for(close, alice, child) == "WALLET_FROZEN"
    system.both(UnfreezeWallet(wallet_number=alice.number))
    assert refused_for(child.pay, bob.number, 1) == "WALLET_FROZEN"
    assert close(alice, child).state == IS_FROZEN
    system.both(UnfreezeWallet(wallet_number=child.number))
    system.bank.homecoming.step()
    assert (alice.fen, family(alice)[0].state) == (100_000, CLOSED)


def test_a_lower_class_is_confirmed_when_children_may_have_more_than_it_allows(
    system: System, alice: Holder
) -> None:
    alice.exchange(95_000, out=True)
    opened(alice, balance_cap_fen=20_000)
    assert refused(change_class, alice, 4) == ("OVER_BALANCE_CAP", "over_the_cap")
    change_class(alice, 4, over_the_cap=True)
    assert refused_for(opened, alice, balance_cap_fen=1_000) == "OVER_BALANCE_CAP"
    assert family(alice)[0].state == IS_OPEN


def test_a_child_shows_whose_it_is_and_is_of_its_parents_class(
    system: System, alice: Holder
) -> None:
    child = opened(alice, purpose="pocket money")
    shown = GrpcWallets(system.bank).GetWallet(
        _query(child),
        None,  # type: ignore[arg-type]
    )
    assert shown.belongs_to.parent_number == alice.number
    assert (shown.belongs_to.terms.purpose, shown.wallet_class) == ("pocket money", 2)
    assert not shown.has_deposit_account
    assert not GrpcWallets(system.bank).GetWallet(_query(alice), None).HasField("belongs_to")  # type: ignore[arg-type]


def _query(holder: Holder) -> wallets_pb2.GetWalletRequest:
    return wallets_pb2.GetWalletRequest(query=holder.signed(orders_pb2.Query))


def test_a_sub_wallet_is_no_further_wallet_of_a_telephone(system: System) -> None:
    system.publish(wallets_per_phone=1)
    holder = system.open(phone="13800138777")
    opened(holder, balance_cap_fen=1_000)
    assert refused_for(system.open, phone="13800138777") == "TOO_MANY_WALLETS"
    system.publish(wallets_per_phone=2)
    system.open(phone="13800138777")


def test_the_key_of_a_child_is_replaced_as_any(system: System, bob: Holder) -> None:
    bob.exchange(1_000)
    child = opened(bob, fen=500)
    again = replaced(system, child)
    again.pay(bob.number, 500)
    assert bob.fen == 1_000


@pytest.mark.parametrize("action", [CHANGE, CLOSE, 0, 9])
def test_an_order_is_whole(system: System, alice: Holder, action: int) -> None:
    child = opened(alice)
    bank = system.bank.sub_wallets
    wrong = order(alice, action, public_key=PUBLIC, sub_wallet_number=child.number)
    assert refused_for(bank.order, wrong) in ("FIELD_INVALID", "FIELD_UNKNOWN", "FIELD_MISSING")
    nothing = order(alice, action)
    assert refused_for(bank.order, nothing) in ("FIELD_MISSING", "FIELD_INVALID", "FIELD_UNKNOWN")
    elsewhere = order(alice, CLOSE, bank="beta", sub_wallet_number=child.number)
    assert refused(bank.order, elsewhere) == ("FIELD_INVALID", "bank")
    unnamed = order(alice, CLOSE, request_id=str(uuid.uuid4()).replace("-", "x"))
    assert refused_for(bank.order, unnamed) == "FIELD_INVALID"
    for key in (b"", bytes(32), alice.wallet.public_key):
        given = order(alice, OPEN, public_key=key, terms=terms(system))
        assert refused_for(bank.order, given) in ("FIELD_MISSING", "FIELD_INVALID")
    mine = order(alice, OPEN, public_key=PUBLIC, terms=terms(system), sub_wallet_number=FOREIGN)
    assert refused_for(bank.order, mine) == "FIELD_INVALID"
    assert refused_for(bank.order, order(alice, OPEN, public_key=PUBLIC)) == "FIELD_MISSING"
    assert len(family(alice)) == 1
