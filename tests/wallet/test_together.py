"""A wallet of several people, each in a home of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from currency.key_code import code_of
from dcep.bank.v1 import orders_pb2, signers_pb2, states_pb2
from dcep.errors.v1 import errors_pb2
from runtime.errors import NoAnswer
from tests.refusals import refused_for
from tests.wallet.phones import ALPHA, Phones, yes
from wallet.app import App
from wallet.online.together import Waiting
from wallet.orders.bulk import BulkPayments, Wish
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
    assert refused_for(company.old.holder().top_up, 100) == "SIGNER_MAY_NOT"
    assert company.received() == []


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
