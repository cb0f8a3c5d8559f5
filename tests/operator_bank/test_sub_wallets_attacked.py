"""Who tries to spend more through a sub-wallet, or to have one that is not theirs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey
from sqlalchemy import func, select

from dcep.bank.v1 import sub_wallets_pb2
from dcep.office.v1.office_pb2 import ConfirmPresence, DowngradeWallet
from operator_bank.ledger.tables import accounts
from operator_bank.sub_wallets.tables import sub_wallet_orders
from runtime.envelope import sign
from tests.operator_bank import asking
from tests.operator_bank.at_once import at_once
from tests.operator_bank.classes import change as change_class
from tests.operator_bank.device_orders import certify, load_order, some_key
from tests.operator_bank.keys import replaced
from tests.operator_bank.refunding import received, refund
from tests.operator_bank.sub_wallets import (
    CHANGE,
    CLOSE,
    CLOSED,
    CLOSING,
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
from tests.refusals import refused, refused_for

PUBLIC = bytes(SigningKey(b"k" * 32).verify_key)


def count(system: System, column: object = sub_wallet_orders.c.position) -> int:
    with system.engine.connect() as connection:
        return connection.execute(select(func.count(column))).scalar_one()  # type: ignore[arg-type]


def test_a_stranger_opens_nothing_under_somebodys_wallet(
    system: System, alice: Holder, bob: Holder
) -> None:
    wallets = count(system, accounts.c.number)
    content = sub_wallets_pb2.SubWalletOrder.FromString(
        order(alice, OPEN, public_key=PUBLIC, terms=terms(system)).payload
    )
    bank = system.bank.sub_wallets
    forged = sign(content, bob.key, alice.number.encode())
    assert refused_for(bank.order, forged) == "SIGNATURE_INVALID"
    his = sign(content, bob.key, bob.number.encode())
    assert refused(bank.order, his) == ("WRONG_WALLET", "wallet_number")
    nobody = sign(content, bob.key, b"6201000000000020")
    assert refused_for(bank.order, nobody) == "SIGNATURE_INVALID"
    child = opened(alice, fen=1_000)
    for action, more in ((CLOSE, {}), (CHANGE, {"terms": terms(system)})):
        asked = order(bob, action, sub_wallet_number=child.number, **more)
        assert refused(bank.order, asked) == ("WALLET_UNKNOWN", "sub_wallet_number")
        none = order(bob, action, sub_wallet_number=bob.number, **more)
        assert refused(bank.order, none) == ("WALLET_UNKNOWN", "sub_wallet_number")
    assert (count(system), count(system, accounts.c.number)) == (1, wallets + 1)
    assert (family(bob), child.fen) == ([], 1_000)


def test_a_child_has_no_children_no_class_and_no_cash(system: System, alice: Holder) -> None:
    child = opened(alice, fen=1_000)
    no = "NOT_FOR_SUB_WALLETS"
    for action in (OPEN, CHANGE, CLOSE):
        asked = order(child, action, public_key=PUBLIC, terms=terms(system))
        assert refused_for(system.bank.sub_wallets.order, asked) == no
    assert refused_for(child.exchange, 100, out=True) == no
    assert refused_for(child.exchange, 100, cash=True) == no
    assert refused_for(child.exchange, 100, out=True, cash=True) == no
    assert refused_for(change_class, child, 2, name="Alice") == no
    assert refused_for(change_class, child, 4) == no
    assert child.fen == 1_000


def test_officers_give_a_sub_wallet_no_class(system: System, alice: Holder) -> None:
    child = opened(alice)
    for act in (
        DowngradeWallet(wallet_number=child.number, wallet_class=4),
        ConfirmPresence(wallet_number=child.number, salt=b"s" * 16, shown_digest=bytes(32)),
    ):
        assert refused_for(system.propose, act) == "NOT_FOR_SUB_WALLETS"
    assert system.bank.wallets.state(child.wallet).limits_fen == (20_000, 5_000, 10_000, 0)


def test_two_payments_at_once_are_not_both_within_a_limit(
    tmp_path: Path, database_url: str
) -> None:
    system = System(tmp_path, database_url)
    system.restart(threaded=True)
    try:
        alice, bob = system.open(name="Alice"), system.open(name="Bob")
        alice.exchange(100_000)
        for _ in range(6):
            child = opened(alice, single_fen=0, fen=20_000)
            two = [child.order(bob.number, 6_000) for _ in range(2)]
            told = at_once(
                *(lambda one=one: system.bank.payments.pay(one, 0.0)[0].state for one in two)
            )
            assert sorted(told) == ["2", "OVER_DAY_LIMIT"]
            assert child.fen == 14_000
            close(alice, child)
        # And two children within their parent's.
        system.limits[2] = (500_000, 100_000, 44_000, 300_000)
        system.publish()
        one, other = (opened(alice, single_fen=0, fen=10_000) for _ in range(2))
        told = at_once(
            lambda: system.bank.payments.pay(one.order(bob.number, 6_000), 0.0)[0].state,
            lambda: system.bank.payments.pay(other.order(bob.number, 6_000), 0.0)[0].state,
        )
        assert sorted(told) == ["2", "OVER_DAY_LIMIT"]
    finally:
        system.bank.books.stop()


def test_offline_money_is_spent_when_it_is_loaded(system: System, alice: Holder) -> None:
    child = opened(alice, fen=20_000)
    system.central.makes_tokens = True
    key = some_key()
    certify(system, child, key)
    load = system.bank.offline.loads.load
    assert refused_for(load, load_order(child, key, 5_001)) == "OVER_SINGLE_LIMIT"
    load(load_order(child, key, 5_000))
    load(load_order(child, key, 4_000))
    assert refused_for(load, load_order(child, key, 1_001)) == "OVER_DAY_LIMIT"
    assert system.bank.wallets.state(alice.wallet).day_spent_fen == 9_000
    change(alice, child, payees=[FOREIGN])
    order = load_order(child, key, 100)
    assert refused(load, order) == ("PAYEE_NOT_ALLOWED", "device_key")
    change(alice, child)
    assert refused_for(load, order) == "PAYEE_NOT_ALLOWED", "what was refused is refused for good"


def test_refunds_give_no_limit_back_and_reach_nobody_else(
    system: System, alice: Holder, bob: Holder
) -> None:
    child = opened(alice, single_fen=0, fen=20_000)
    child.pay(bob.number, 10_000)
    refund(system, bob, received(system, bob), 10_000)
    assert child.fen == 20_000
    assert refused_for(child.pay, bob.number, 1) == "OVER_DAY_LIMIT"
    bob.exchange(3_000)
    close_to = opened(alice, balance_cap_fen=50_000)
    bob.pay(close_to.number, 3_000)
    paid = received(system, close_to)
    refund(system, close_to, paid, 3_000)
    assert refused_for(refund, system, close_to, paid, 1) == "REFUND_TOO_LARGE"
    # What its parent gave it goes back there, and counts for nobody.
    funded = opened(alice, fen=2_000)
    refund(system, funded, received(system, funded), 2_000)
    assert funded.fen == 0


def test_only_those_are_paid_that_it_was_opened_for(
    system: System, alice: Holder, bob: Holder
) -> None:
    child = opened(alice, fen=20_000, payees=[bob.number, FOREIGN])
    eve = system.open(name="Eve")
    child.pay(bob.number, 1)
    child.pay(FOREIGN, 1)
    child.pay(alice.number, 1)
    assert refused(child.pay, eve.number, 1) == ("PAYEE_NOT_ALLOWED", "payee_number")
    kept = child.order(eve.number, 2)
    mixed = [kept, child.order(bob.number, 3)]
    no, paid = system.bank.payments.pay_many(mixed)
    assert (getattr(no, "name", ""), getattr(paid, "repeated", None)) == (
        "PAYEE_NOT_ALLOWED",
        False,
    )
    # A request to pay is no way round it.
    name = asking.ask(eve, child.number, 5)
    assert refused_for(asking.pay, child, name, 5) == "PAYEE_NOT_ALLOWED"
    change(alice, child)
    again = system.bank.payments.pay_many(mixed)
    assert getattr(again[0], "name", "") == "PAYEE_NOT_ALLOWED", "a refusal is final"
    assert getattr(again[1], "repeated", None) is True
    child.pay(eve.number, 1)


def test_an_order_that_was_done_is_answered_so_after_the_terms_have_changed(
    system: System, alice: Holder, bob: Holder
) -> None:
    child = opened(alice, fen=20_000)
    done = child.order(bob.number, 7)
    many = [child.order(bob.number, 1) for _ in range(20)]
    system.bank.payments.pay(done, 0.0)
    system.bank.payments.pay_many(many)
    change(alice, child, payees=[FOREIGN])
    assert system.bank.payments.pay(done, 0.0)[0].repeated
    assert all(getattr(one, "repeated", False) for one in system.bank.payments.pay_many(many))
    close(alice, child)
    assert system.bank.payments.pay(done, 0.0)[0].repeated
    assert refused_for(child.pay, bob.number, 7) == "WALLET_CLOSED"


def test_a_key_that_was_replaced_orders_nothing_about_them(
    system: System, bob: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob.exchange(1_000)
    child = opened(bob, fen=500)
    early = order(
        bob, CLOSE, sub_wallet_number=child.number, expires_time_ms=system.clock.now_ms() + 600_000
    )
    directory, waits = system.bank.directory, system.bank.directory.one_at_a_time
    made: list[Any] = []

    def replaced_meanwhile(asked: Sequence[str]) -> AbstractContextManager[None]:
        """The order was verified, and waits for its turn; the key is replaced just then."""
        if not made:
            made.append(None)
            made[0] = replaced(system, bob)
        return waits(asked)

    monkeypatch.setattr(directory, "one_at_a_time", replaced_meanwhile)
    assert refused_for(system.bank.sub_wallets.order, early) == "KEY_REPLACED"
    [new] = made
    for action in (CLOSE, OPEN):
        more = {"public_key": PUBLIC, "terms": terms(system)} if action == OPEN else {}
        asked = order(bob, action, sub_wallet_number=child.number if not more else "", **more)
        assert refused_for(system.bank.sub_wallets.order, asked) == "SIGNATURE_INVALID"
    assert (child.fen, len(family(new))) == (500, 1)
    assert close(new, child).state == CLOSED


@pytest.mark.parametrize("set_back", [False, True])
def test_one_whose_end_was_put_off_in_its_last_moment_goes_on(
    system: System, alice: Holder, bob: Holder, set_back: bool
) -> None:
    """It was found to be over, and its parent's order came before its money was moved."""
    child, clock = opened(alice, fen=1_000), system.clock
    ends_ms = family(alice)[0].terms.ends_time_ms
    clock.advance(ends_ms + 1 - clock.now_ms())
    families = system.bank.sub_wallets.families
    assert families.over(10) == [families.find(child.wallet.account)]
    clock.set_back(1)
    if not set_back:
        assert change(alice, child).terms.ends_time_ms > ends_ms
    clock.advance(0 if set_back else 1)
    system.bank.homecoming.step()
    assert (child.fen, family(alice)[0].state) == (1_000, IS_OPEN)
    ends_ms = family(alice)[0].terms.ends_time_ms
    child.pay(bob.number, 1, expires_time_ms=min(ends_ms, clock.now_ms() + 1))
    clock.advance(ends_ms + 1 - clock.now_ms())
    system.bank.homecoming.step()
    assert (child.fen, family(alice)[0].state, alice.fen) == (0, CLOSED, 99_999)


def test_money_that_arrives_while_it_is_closed_is_not_stuck(
    system: System, alice: Holder, bob: Holder
) -> None:
    child = opened(alice, fen=20_000)
    gone = child.pay(FOREIGN, 1_000)
    assert close(alice, child).state == CLOSING
    bob.exchange(700)
    bob.pay(child.number, 700)
    system.bank.homecoming.step()
    assert (alice.fen, child.fen) == (99_700, 0)
    system.hear(outgoing_settled={"number": gone.number})
    system.bank.homecoming.step()
    assert family(alice)[0].state == CLOSED
    bob.exchange(1)
    assert refused_for(bob.pay, child.number, 1) == "PAYEE_CANNOT_BE_PAID"
    # What another bank sends all the same is not lost either, as for every closed wallet.
    system.hear(incoming=system.arriving(child.number, 10))
    suspense = system.bank.books.ledger.read([2])[0]
    assert (int(suspense["available_fen"] + suspense["held_fen"]), child.fen) == (10, 0)


def test_a_payment_and_a_closing_at_once_lose_nothing(tmp_path: Path, database_url: str) -> None:
    system = System(tmp_path, database_url)
    system.restart(threaded=True)
    try:
        alice, bob = system.open(name="Alice"), system.open(name="Bob")
        alice.exchange(100_000)
        for _ in range(8):
            child = opened(alice, fen=5_000)
            signed = child.order(bob.number, 1_000)
            before = bob.fen
            told = at_once(
                lambda child=child: close(alice, child).state,
                lambda signed=signed: system.bank.payments.pay(signed, 0.0)[0].state,
            )
            system.bank.homecoming.step()
            assert child.fen == 0
            assert family(alice)[-1].state == CLOSED
            assert bob.fen - before == (1_000 if told[1] == "2" else 0)
        assert alice.fen + bob.fen == 100_000
    finally:
        system.bank.books.stop()


def test_an_opening_and_a_closing_of_the_parent_at_once(tmp_path: Path, database_url: str) -> None:
    system = System(tmp_path, database_url)
    system.restart(threaded=True)
    try:
        for number in range(8):
            parent = system.open(phone=f"1380013800{number}")
            closing = parent.closing()
            told = at_once(
                lambda parent=parent: opened(parent, balance_cap_fen=1_000) and "opened",
                lambda closing=closing: system.bank.wallets.close(closing),
            )
            assert told in (["opened", "SUB_WALLETS_OPEN"], ["WALLET_CLOSED", "None"])
    finally:
        system.bank.books.stop()
