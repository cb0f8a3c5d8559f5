"""A wallet of several people, each in a home of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from currency.key_code import code_of
from dcep.bank.v1 import orders_pb2, signers_pb2, states_pb2, wallets_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer, Refusal
from tests.refusals import refused_for
from tests.wallet.phones import ALPHA, OTHER, Phones, yes
from wallet.app import App
from wallet.online.together import Waiting
from wallet.orders.bulk import BulkPayments, Wish
from wallet.orders.releases import WaitsForOthers
from wallet.payroll.runs import PAYERS_OWN

PREPARE = states_pb2.SIGNER_ROLE_PREPARE


def agreed(_: Any) -> None:
    """Whoever is asked agrees."""


@pytest.fixture
def company(tmp_path: Path) -> Phones:
    """The old phone and another release together; a clerk prepares."""
    company = Phones(tmp_path)
    company.joined("ben")
    company.joined("clerk", PREPARE)
    company.old.signers().set_threshold(2, lambda: None)
    return company


def app(company: Phones, name: str) -> App:
    made: App = company.system.built[name]
    return made


def test_a_clerk_prepares_and_two_release_what_they_have_seen(company: Phones) -> None:
    clerk, ben = app(company, "clerk"), app(company, "ben")
    placed = clerk.together().prepare(company.payee, 700, "rent")
    assert (list(placed.message.signed), placed.message.threshold) == ([], 2)
    company.system.clock.advance(1)
    again = clerk.together().prepare(company.payee, 700, "rent", anew=True)
    assert again.message.order_digest != placed.message.order_digest
    first, _second = company.old.together().waiting()
    seen: list[Waiting] = []
    company.old.together().release(first.name, seen.append)
    [one] = seen
    assert one.payment is not None
    assert (one.payment.amount_fen, one.payment.payee_number) == (700, company.payee)
    assert company.received() == []
    done = ben.together().release(first.name, agreed)
    assert (done.done, done.paid.state) == (True, states_pb2.PAYMENT_STATE_SETTLED)
    assert company.received() == [700]
    [left] = ben.together().waiting()
    assert ben.together().withdraw(left.name, agreed).digest == again.message.order_digest
    assert ben.together().waiting() == []
    assert refused_for(company.old.together().release, left.name, agreed) == "REQUEST_UNKNOWN"


def test_nobody_orders_alone(company: Phones) -> None:
    for name in ("ben", "clerk"):
        assert refused_for(company.pay, app(company, name)) == "SIGNER_MAY_NOT"
    assert refused_for(company.pay, company.old) == "SIGNER_MAY_NOT"
    with pytest.raises(WaitsForOthers):
        company.old.holder().close()
    assert company.received() == []


def test_an_exchange_waits_for_the_others_and_is_made_once(company: Phones) -> None:
    clerk, ben = app(company, "clerk"), app(company, "ben")
    before = clerk.holder().show().available_fen
    for missing in (2, 1, 1):
        with pytest.raises(WaitsForOthers) as caught:
            clerk.holder().top_up(500)
        [one] = ben.together().waiting()
        assert (caught.value.missing, caught.value.name) == (missing, one.name)
        if missing == 2:
            company.old.together().release(one.name, agreed)
    done = ben.together().release(one.name, agreed)
    assert done.done and not done.HasField("paid")
    assert clerk.holder().show().available_fen == before
    assert clerk.holder().top_up(500).message.available_fen == before + 500
    assert ben.together().waiting() == []
    with pytest.raises(WaitsForOthers):
        clerk.holder().cash_out(500)  # a new one


def test_a_payroll_stops_at_its_first_payments(company: Phones) -> None:
    bulk = BulkPayments(company.old.submitter())
    [said] = bulk.send(bulk.order("run", [Wish(company.payee, 1, "")]))
    assert said.ended
    assert said.order.reason == errors_pb2.REASON_SIGNER_MAY_NOT
    assert said.order.reason in PAYERS_OWN
    assert company.received() == []


def test_a_preparation_whose_answer_was_lost_is_the_same_one_again(
    company: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = app(company, "clerk")
    port = clerk.key_here().bank
    sign = port.sign

    def lost(request: Any) -> Any:
        sign(request)
        raise NoAnswer("lost")

    monkeypatch.setattr(type(port), "sign", lambda _self, request: lost(request))
    with pytest.raises(NoAnswer):
        clerk.together().prepare(company.payee, 5)
    monkeypatch.undo()
    placed = clerk.together().prepare(company.payee, 5)
    assert placed.resent
    assert len(clerk.together().waiting()) == 1


def test_who_signs_is_changed_by_two(company: Phones) -> None:
    new = company.home("dan")
    code = code_of(bytes(new.home.key().verify_key))
    found = company.old.signers().add(code, PREPARE, "dan", yes)
    assert found.waits and len(found.signers) == 3
    [one] = app(company, "ben").together().waiting()
    assert one.signers is not None and len(one.signers.signers) == 4
    assert app(company, "ben").together().release(one.name, agreed).done
    assert new.recover(ALPHA, company.number).profile.opened
    # The others go on by themselves, under the list of now.
    placed = app(company, "clerk").together().prepare(company.payee, 5)
    assert not placed.message.done
    assert new.together().prepare(company.payee, 6).message.threshold == 2


def test_another_wallets_order_is_not_shown_and_not_signed(
    company: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bank that puts somebody else's order before a signer gets no signature of hers."""
    ben = app(company, "ben")
    other = orders_pb2.PaymentOrder(
        wallet_number=company.payee, sequence=1, payee_number=company.number, amount_fen=1
    )
    shown = signers_pb2.ListPendingResponse()
    shown.pending.add(payload=other.SerializeToString(), created_time_ms=1)
    monkeypatch.setattr(type(ben.key_here().bank), "list_pending", lambda *_: shown)
    assert ben.together().waiting() == []


def test_a_refund_waits_for_the_others(company: Phones) -> None:
    payer, ben = company.system.built[OTHER], app(company, "ben")
    paid = payer.holder().pay(company.number, 40)
    clerk = app(company, "clerk")
    asked: list[int] = []
    refund = clerk.holder().refund

    def agree(_received: Any, fen: int) -> None:
        asked.append(fen)

    with pytest.raises(WaitsForOthers):
        refund(paid.order.payment_id, agree=agree)
    with pytest.raises(WaitsForOthers) as caught:
        refund(paid.order.payment_id, agree=agree)
    assert asked == [40]
    # Withdrawn, it is put before them anew when it is typed again.
    ben.together().withdraw(caught.value.name, agreed)
    with pytest.raises(WaitsForOthers) as again:
        refund(paid.order.payment_id, agree=agree)
    assert (again.value.name != caught.value.name, asked) == (True, [40, 40])
    for one in (company.old, ben):
        one.together().release(again.value.name, agreed)
    placed = refund(paid.order.payment_id, agree=agree)
    assert placed.resent and asked == [40, 40]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_release_whose_answer_was_lost_is_the_same_one_again_or_a_new_one(
    company: Phones, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    clerk = app(company, "clerk")
    port = type(clerk.key_here().bank)
    sign = port.sign

    def lost(bank: Any, request: Any) -> Any:
        if arrived:
            sign(bank, request)
        raise NoAnswer("lost")

    monkeypatch.setattr(port, "sign", lost)
    with pytest.raises(NoAnswer):
        clerk.holder().top_up(5)
    monkeypatch.undo()
    with pytest.raises(WaitsForOthers):
        clerk.holder().top_up(5)
    assert len(clerk.together().waiting()) == 1


def test_what_the_bank_does_not_keep_is_over(
    company: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = app(company, "clerk")
    port = type(clerk.key_here().bank)

    def full(_bank: Any, _request: Any) -> Any:
        raise Refusal(errors_pb2.REASON_OVERLOADED, "20 is all")

    monkeypatch.setattr(port, "sign", full)
    assert refused_for(clerk.holder().top_up, 5) == "OVERLOADED"
    monkeypatch.undo()
    assert clerk.submitter().book.unknown(company.number) == []
    with pytest.raises(WaitsForOthers):
        clerk.holder().top_up(5)


def test_a_program_repeats_by_its_id(company: Phones) -> None:
    clerk, wish = app(company, "clerk"), "123e4567-e89b-42d3-a456-426614174000"
    top_up = clerk.holder().top_up
    for _ in range(2):
        with pytest.raises(WaitsForOthers) as caught:
            top_up(5, request_id=wish)
    assert len(clerk.together().waiting()) == 1
    for one in (company.old, app(company, "ben")):
        one.together().release(caught.value.name, agreed)
    assert top_up(5, request_id=wish).message.available_fen
    assert top_up(5, request_id=wish).resent


def test_another_list_ends_what_waits_and_it_is_ordered_under_that(company: Phones) -> None:
    clerk, ben = app(company, "clerk"), app(company, "ben")
    with pytest.raises(WaitsForOthers):
        clerk.holder().top_up(5)
    company.old.signers().set_threshold(1, lambda: None)
    [listed] = [one for one in ben.together().waiting() if one.signers is not None]
    ben.together().release(listed.name, agreed)
    with pytest.raises(WaitsForOthers) as caught:
        clerk.holder().top_up(5)
    assert caught.value.missing == 1
    ben.together().release(caught.value.name, agreed)
    assert clerk.holder().top_up(5).resent


def test_a_list_that_changed_while_nothing_was_open_stops_no_later_order(company: Phones) -> None:
    clerk, ben = app(company, "clerk"), app(company, "ben")
    with pytest.raises(WaitsForOthers):
        clerk.holder().top_up(5)
    for one in (company.old, ben):
        [waits] = ben.together().waiting()
        one.together().release(waits.name, agreed)
    clerk.holder().top_up(5)
    company.old.signers().set_threshold(1, lambda: None)
    [listed] = ben.together().waiting()
    ben.together().release(listed.name, agreed)
    with pytest.raises(WaitsForOthers):
        clerk.holder().top_up(6)


def test_a_request_is_paid_once_the_others_have_released_it(company: Phones) -> None:
    asker = company.system.built[OTHER].requests_to_pay()
    due_ms = company.system.clock.now_ms() + 3_600_000
    name = asker.ask(company.number, 90, words="tea", due_time_ms=due_ms)
    clerk = app(company, "clerk").requests_to_pay()
    for _ in range(2):
        with pytest.raises(WaitsForOthers) as caught:
            clerk.pay(clerk.get(name), 90)
    [one] = app(company, "ben").together().waiting()
    assert one.release is not None
    assert one.release.items[0].order.request_to_pay_id == name
    for each in (company.old, app(company, "ben")):
        each.together().release(caught.value.name, agreed)
    assert company.received() == []
    clerk.pay(clerk.get(name), 90)
    assert company.received() == [90]


def test_a_wallet_is_closed_once_the_others_have_released_it(company: Phones) -> None:
    clerk = app(company, "clerk").holder()
    rest = clerk.show().available_fen
    for order in (lambda: clerk.cash_out(rest), clerk.close):
        with pytest.raises(WaitsForOthers) as caught:
            order()
        for each in (company.old, app(company, "ben")):
            each.together().release(caught.value.name, agreed)
        order()
    assert clerk.show().status == wallets_pb2.WALLET_STATUS_CLOSED
