"""A new home for a wallet whose home is lost, and what the old one is told."""

from __future__ import annotations

import pytest

from currency.key_code import code_of, same_code
from dcep.bank.v1 import keys_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer
from tests.refusals import refusal, refused_for
from tests.wallet.apps import ALPHA, MakeApp
from tests.wallet.fake_bank import FakeBank
from wallet.app import App, NotYetIts
from wallet.online.keys import APPROVED, IN_FORCE, REQUESTED


@pytest.fixture
def old(make_app: MakeApp) -> App:
    home = make_app("alice")
    home.holder().top_up(10_000)
    return home


@pytest.fixture
def new(make_app: MakeApp, bank: FakeBank) -> App:
    return make_app("new", opened=False)


def test_a_new_home_asks_waits_and_goes_on(
    old: App, new: App, bank: FakeBank, make_app: MakeApp
) -> None:
    number, bob = old.profile().number, make_app("bob").profile().number
    old.holder().pay(bob, 100)
    asked = new.recover(ALPHA, number)
    assert (asked.state.state, asked.profile.opened) == (REQUESTED, False)
    with pytest.raises(NotYetIts):
        new.profile()
    said = keys_pb2.GetKeyResponse(state=APPROVED, in_force_time_ms=1)
    bank.keys[number, asked.key] = said
    assert new.recover(ALPHA, number).state == said
    bank.replace_key(number, asked.key)
    done = new.recover(ALPHA, number)
    assert (done.state.state, done.profile.opened, done.key) == (IN_FORCE, True, asked.key)
    assert new.recover(ALPHA, number).profile == done.profile
    assert new.holder().show().available_fen == 9_900
    new.holder().pay(bob, 200)
    assert bank.accounts[bob].available_fen == 300
    entries, _ = new.holder().history()
    assert [entry.change_fen for entry in entries] == [-200, -100, 10_000]


def test_a_request_that_was_lost_on_its_way_is_made_again(
    old: App, new: App, bank: FakeBank
) -> None:
    number = old.profile().number
    first = new.recover(ALPHA, number)
    bank.keys.clear()  # it was forgotten
    again = new.recover(ALPHA, number)
    assert (again.key, again.state.state) == (first.key, REQUESTED)


def test_a_key_that_was_objected_to_is_thrown_away_and_the_next_is_another(
    old: App, new: App, bank: FakeBank
) -> None:
    number = old.profile().number
    first = new.recover(ALPHA, number)
    bank.keys[number, first.key] = keys_pb2.GetKeyResponse(state=keys_pb2.KEY_STATE_OBJECTED)
    assert refused_for(new.recover, ALPHA, number) == "ALREADY_DECIDED"
    again = new.recover(ALPHA, number)
    assert again.key != first.key and again.state.state == REQUESTED


def test_a_home_with_another_wallet_is_left_as_it_is(old: App, bank: FakeBank) -> None:
    profile, key = old.profile(), old.home.key()
    assert refused_for(old.recover, ALPHA, "6201000000000020") == "ALREADY_EXISTS"
    assert (old.profile(), bytes(old.home.key())) == (profile, bytes(key))
    assert old.recover(ALPHA, profile.number).profile == profile  # its key is in force


def test_an_old_home_is_told_that_its_key_was_replaced_whatever_it_asks(
    old: App, new: App, bank: FakeBank, make_app: MakeApp
) -> None:
    number, bob = old.profile().number, make_app("bob").profile().number
    bank.mute_after = 1
    with pytest.raises(NoAnswer):
        old.holder().pay(bob, 100)  # carried out; nobody here knows
    asked = new.recover(ALPHA, number)
    bank.replace_key(number, asked.key)
    holder = old.holder()
    for call in (holder.show, holder.history, holder.resume, lambda: holder.top_up(5)):
        assert refused_for(call) == "KEY_REPLACED"
    told = refusal(holder.pay, bob, 100)
    assert told.name == "KEY_REPLACED" and told.metadata["replaced_time_ms"] != "0"
    # It is not said that the payment was refused: it was carried out.
    assert [order.payment_id for order in old.book.unknown(number)] != []
    assert refused_for(old.recover, ALPHA, number) == "KEY_REPLACED"
    items = [states_pb2.ItemAnswer(reason=errors_pb2.REASON_SIGNATURE_INVALID)]
    bank.pay_many = lambda orders: items  # type: ignore[method-assign, assignment]
    assert refused_for(old.key_here().explaining().pay_many, []) == "KEY_REPLACED"


def test_a_wrong_signature_stays_one_where_no_key_was_replaced(old: App, bank: FakeBank) -> None:
    bank.accounts[old.profile().number].key = bytes(32)
    assert refused_for(old.holder().show) == "SIGNATURE_INVALID"


def test_the_key_that_is_here_objects_by_the_code_that_it_was_shown(
    old: App, new: App, bank: FakeBank
) -> None:
    number = old.profile().number
    coming = new.recover(ALPHA, number).key
    here = old.key_here()
    assert refused_for(here.object, code_of(coming)) == "REQUEST_UNKNOWN"
    bank.keys[number, here.public] = keys_pb2.GetKeyResponse(
        state=IN_FORCE, successor=coming, successor_time_ms=1
    )
    assert refused_for(here.object, code_of(here.public)) == "REQUEST_UNKNOWN"
    here.object(code_of(coming).upper().replace("-", " "))
    assert bank.objections == [coming]


def test_a_code_is_typed_in_any_spelling_and_no_shorter() -> None:
    key = bytes(range(32))
    assert code_of(key) == "630d-cd29-66c4-3366"
    assert same_code(" 630D CD29 66C4 3366", key)
    assert not same_code("630d-cd29-66c4", key)
    assert not same_code("", key)
