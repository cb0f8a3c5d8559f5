"""A wallet on a second phone, each in a home of its own, at a bank with everything behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from currency.key_code import code_of
from currency.recovery import RECOVERY_KEPT_MS
from runtime.errors import NoAnswer
from tests.refusals import refused_for
from tests.wallet.phones import ALPHA, NEW, RELEASE, SEE, Phones, yes
from wallet.app import NotYetIts
from wallet.home.home import HomeError
from wallet.orders.bulk import BulkPayments, Wish
from wallet.orders.submitter import SignersChanged
from wallet.recovery import backup
from wallet.recovery.format import sealed
from wallet.tables import metadata as wallet_tables

PASSPHRASE = "correct horse battery"


@pytest.fixture
def phones(tmp_path: Path) -> Phones:
    return Phones(tmp_path)


def test_a_second_phone_pays_and_shows_the_same_wallet(phones: Phones) -> None:
    phones.pay(phones.old)
    new = phones.home()
    with pytest.raises(NotYetIts):
        new.profile()
    [(key, _time)] = phones.old.signers().show().asked
    assert key == bytes(new.home.key().verify_key)
    found = phones.old.signers().add(code_of(key), RELEASE, "tablet", yes)
    assert [(one.place, one.label) for one in found.signers] == [(0, ""), (1, "tablet")]
    assert new.recover(ALPHA, phones.number).profile.opened
    for app, fen in ((new, 1), (phones.old, 2), (new, 3), (phones.old, 4)):
        phones.pay(app, fen)
    assert phones.received() == [4, 3, 2, 1, 100]
    for app in (phones.old, new):
        assert app.holder().show().available_fen == 100_000 - 110
        assert [e.change_fen for e in app.holder().history()[0]][:2] == [-4, -3]
        assert app.book.elsewhere_ms(phones.number) is None
    # A home that is built anew goes on.
    phones.system.rebuild(NEW)
    phones.pay(phones.new, 5)
    assert phones.received()[0] == 5


def test_a_phone_that_was_not_told_of_a_new_list_orders_anew_by_itself(phones: Phones) -> None:
    new = phones.joined()
    phones.pay(new, 1)
    phones.joined("third")  # by the old phone
    placed = phones.pay(new, 2)
    assert not placed.resent
    assert phones.received() == [2, 1]
    assert new.book.unknown(phones.number) == []


def test_an_order_whose_answer_was_lost_before_a_new_list_is_never_paid_twice(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was carried out or not, the journal knows."""
    new = phones.joined()
    for fen, arrives in ((1, True), (2, False)):
        submitter = new.submitter()
        pay = submitter.bank.pay

        def lost(order: Any, pay: Any = pay, arrives: bool = arrives) -> Any:
            if arrives:
                pay(order)
            raise NoAnswer("lost")

        monkeypatch.setattr(type(new.key_here().bank), "pay", lambda _self, order: lost(order))
        with pytest.raises(NoAnswer):
            phones.pay(new, fen)
        monkeypatch.undo()
    phones.joined("third")
    assert phones.pay(new, 1).resent  # it was carried out: its first answer
    with pytest.raises(SignersChanged):
        phones.pay(new, 2)  # it was not, and never will be; whoever asked is told
    phones.pay(new, 2)
    assert phones.received() == [2, 1]


def test_a_phone_that_is_cut_off_is_told_so_and_pays_nothing(phones: Phones) -> None:
    new = phones.joined()
    phones.pay(new, 1)
    found = new.signers().remove(0, yes)
    assert [one.place for one in found.signers] == [1]
    assert refused_for(phones.pay, phones.old, 2) == "KEY_REPLACED"
    phones.pay(new, 3)
    assert phones.received() == [3, 1]
    # A phone may also cut itself off.
    code = code_of(bytes(phones.home("third").home.key().verify_key))
    new.signers().add(code, RELEASE, "", yes)
    new.signers().remove(1, yes)
    assert refused_for(phones.pay, new, 2) == "KEY_REPLACED"


def test_who_only_looks_pays_nothing(phones: Phones) -> None:
    new = phones.joined(role=SEE)
    assert new.holder().show().available_fen == 100_000
    assert refused_for(phones.pay, new) == "SIGNER_MAY_NOT"
    assert refused_for(new.signers().remove, 0, yes) == "SIGNER_MAY_NOT"
    assert phones.received() == []


def test_many_payments_at_once_from_two_phones(phones: Phones) -> None:
    new = phones.joined()
    for app in (new, phones.old, new):
        bulk = BulkPayments(app.submitter())
        orders = bulk.order("run", [Wish(phones.payee, fen, "") for fen in (1, 2, 3)])
        assert all(one.ended for one in bulk.send(orders))
    assert sum(phones.received()) == 18
    phones.joined("third")
    bulk = BulkPayments(new.submitter())
    late = bulk.order("run", [Wish(phones.payee, 4, "")])
    [said] = bulk.send(late)
    assert said.ended and said.order.reason
    [again] = bulk.send(bulk.order("run", [Wish(phones.payee, 4, "")]))
    assert not again.order.reason
    assert sum(phones.received()) == 22


def test_a_key_of_another_code_is_not_let_in(phones: Phones) -> None:
    phones.home()
    assert refused_for(phones.old.signers().add, "0000-0000-0000-0000", RELEASE, "", yes) == (
        "REQUEST_UNKNOWN"
    )
    assert refused_for(phones.old.signers().remove, 3, yes) == "REQUEST_UNKNOWN"
    assert phones.old.signers().show().number == 0


def test_no_home_of_several_replaces_its_key_or_is_backed_up(
    phones: Phones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key does not take the place of several; nothing is left half-way."""
    monkeypatch.setattr(backup, "sealed", lambda *args: sealed(*args, log2_n=10))
    before = tmp_path / "before"
    phones.old.back_up(before, PASSPHRASE)
    new = phones.joined()
    for app in (phones.old, new):
        assert refused_for(app.rotate_key) == "HAS_SIGNERS"
        assert not app.home.has_next
        with pytest.raises(HomeError, match="several keys sign for this wallet"):
            app.back_up(tmp_path / "after", PASSPHRASE)
    assert not (tmp_path / "after").exists()
    phones.system.add("restored", wallet_tables)
    restored = phones.system.built["restored"]
    assert refused_for(restored.restore, before.read_bytes(), PASSPHRASE) == "HAS_SIGNERS"
    assert restored.home.profile() is None and not restored.home.has_key
    phones.pay(phones.old, 1)
    phones.pay(new, 2)
    assert phones.received() == [2, 1]


def test_a_phrase_is_given_up_before_orders_take_two_signatures(phones: Phones) -> None:
    phrase = SigningKey.generate()
    phones.old.rotate_key(bytes(phrase.verify_key))
    phones.joined()
    use, agreed = phones.old.signers(), lambda: None
    assert refused_for(use.set_threshold, 2, agreed) == "RECOVERY_KEY_COUNTS"
    assert use.give_up_phrase(agreed).threshold == 1
    assert refused_for(use.set_threshold, 2, agreed) == "RECOVERY_KEY_COUNTS"
    phones.system.clock.advance(RECOVERY_KEPT_MS)
    assert use.set_threshold(2, agreed).threshold == 2
    assert refused_for(phones.pay, phones.old, 1) == "SIGNER_MAY_NOT"
