"""What is kept of releases: so much of each signer, so many a day, and none for ever unused."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from currency.days import DAY_MS
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from operator_bank import limits
from operator_bank.limits import PENDING_EACH
from operator_bank.signers import pending
from operator_bank.signers import releases as releasing_room
from operator_bank.signers.tables import (
    pending_orders,
    pending_signatures,
    release_signatures,
    released_orders,
    releases,
)
from operator_bank.wallets import released as released_orders_of
from operator_bank.wallets.signers import PLACES
from runtime.errors import Refusal
from tests.operator_bank.company import Company, pay, released, releasing
from tests.operator_bank.signers import Member, listing
from tests.operator_bank.system import Holder, System
from tests.refusals import refused_for


@pytest.fixture
def company(system: System, bob: Holder) -> Company:
    return Company(system, bob)


def rows(company: Company, of: Any) -> int:
    with company.system.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(of)).scalar_one()


def test_who_floods_fills_only_what_is_theirs(
    company: Company, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = company.clerk
    for _ in range(PENDING_EACH):
        company.sign_release(releasing(clerk, [clerk.order(alice.number, 1)]))
    assert refused_for(_one_more, company, clerk, alice) == "OVERLOADED"
    assert not _one_more(company, company.ann, alice).done
    company.system.clock.advance(60_001)
    monkeypatch.setattr(pending, "PENDING_BYTES_EACH", 2 * len(_one(company, clerk, alice).payload))
    _one_more(company, clerk, alice)
    _one_more(company, clerk, alice)
    assert refused_for(_one_more, company, clerk, alice) == "OVERLOADED"
    assert not _one_more(company, company.ann, alice).done
    assert rows(company, pending_orders) == 3


def _one(company: Company, by: Member, alice: Holder) -> SignedEnvelope:
    return releasing(by, [by.order(alice.number, 1)])


def _one_more(company: Company, by: Member, alice: Holder) -> Any:
    return company.sign_release(_one(company, by, alice))


def test_a_wallet_has_so_many_releases_a_day_and_those_of_no_use_are_forgotten(
    company: Company, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing_room, "RELEASES_PER_DAY", 2)
    assert limits.RELEASES_PER_DAY > 2
    used, unused = (company.clerk.order(alice.number, 1) for _ in range(2))
    for order in (used, unused):
        released(company, [order])
    pay(company, used)
    assert refused_for(_one_more, company, company.clerk, alice) == "OVERLOADED"
    company.system.clock.advance(DAY_MS + 60_001)
    released(company, [company.clerk.order(alice.number, 1)])
    assert (rows(company, releases), rows(company, released_orders)) == (2, 2)
    assert rows(company, release_signatures) == 4
    assert pay(company, used).repeated
    assert refused_for(pay, company, unused) == "SIGNER_MAY_NOT"


def test_only_a_release_of_the_wallets_that_waits_is_shown(company: Company, alice: Holder) -> None:
    release = releasing(company.clerk, [company.clerk.order(alice.number, 1)])
    company.sign_release(release)
    digest, show = hashlib.sha256(release.payload).digest(), company.system.bank.together.release
    wallet = company.system.bank.directory.get(company.number)
    assert show(wallet, digest) == release.payload
    assert refused_for(show, company.system.bank.directory.get(alice.number), digest) == (
        "REQUEST_UNKNOWN"
    )
    payment = company.clerk.order(alice.number, 1)
    company.sign(payment)
    for other in (bytes(32), hashlib.sha256(payment.payload).digest()):
        assert refused_for(show, wallet, other) == "REQUEST_UNKNOWN"
    company.system.clock.advance(60_001)
    assert refused_for(show, wallet, digest) == "REQUEST_UNKNOWN"


def test_what_nobody_was_shown_costs_little_however_much_waits(
    company: Company, alice: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clerk asks again and again about a payment that is in none of its releases."""
    orders = [company.clerk.order(alice.number, 1) for _ in range(100)]
    company.sign_release(releasing(company.clerk, orders))
    other = company.clerk.order(alice.number, 1)
    hashed: list[bytes] = []

    class Counting:
        @staticmethod
        def sha256(data: bytes) -> Any:
            hashed.append(data)
            return hashlib.sha256(data)

    monkeypatch.setattr(released_orders_of, "hashlib", Counting)
    assert refused_for(pay, company, other) == "SIGNER_MAY_NOT"
    assert len(hashed) == 1
    assert refused_for(pay, company, orders[99]) == "NOT_RELEASED"
    said = company.system.bank.payments.pay_many([*orders, other])
    assert [one.name for one in said if isinstance(one, Refusal)] == [
        *["NOT_RELEASED"] * 100,
        "SIGNER_MAY_NOT",
    ]


def test_a_look_at_all_that_may_wait_takes_no_seconds(company: Company, alice: Holder) -> None:
    """20 of each of 16 signers, signed by all: who looks again and again holds up nobody."""
    release = releasing(company.clerk, [company.clerk.order(alice.number, 1)])
    company.sign_release(release)
    digests = [hashlib.sha256(b"%d" % number).digest() for number in range(PENDING_EACH * PLACES)]
    with company.system.engine.begin() as connection:
        row = dict(connection.execute(select(pending_orders)).mappings().one())
        signed = dict(connection.execute(select(pending_signatures)).mappings().one())
        waits = [{**row, "digest": digest} for digest in digests]
        by = [
            {**signed, "digest": one, "place": place} for one in digests for place in range(PLACES)
        ]
        connection.execute(insert(pending_orders), waits)
        connection.execute(insert(pending_signatures), by)
    before = time.thread_time()
    shown = company.waiting
    assert time.thread_time() - before < 1
    assert sum(len(one.signed) for one in shown) == len(by) + 1


def test_nothing_is_left_of_what_waits_no_more(company: Company, alice: Holder) -> None:
    kept = released(company, [company.clerk.order(alice.number, 1)])
    _one_more(company, company.clerk, alice)
    assert rows(company, released_orders) == 2
    company.system.clock.advance(60_001)
    _one_more(company, company.clerk, alice)
    assert rows(company, released_orders) == 2
    without = listing(company.ann, [company.ann, company.ben, company.clerk], threshold=2)
    company.sign_list(without)
    company.sign_list(without, company.ben)
    assert (rows(company, pending_orders), rows(company, released_orders)) == (0, 1)
    assert company.sign_release(kept).done


def test_old_sequences_use_up_nothing_of_the_wallets_room(company: Company, alice: Holder) -> None:
    """Who only prepares could else fill the journal with orders of a list of before."""
    old = [company.clerk.order(alice.number, 1) for _ in range(5)]
    without = listing(company.ann, [company.ann, company.ben, company.clerk], threshold=2)
    company.sign_list(without)
    company.sign_list(without, company.ben)
    position = company.system.bank.books.ledger.position()
    said = company.system.bank.payments.pay_many(old)
    assert {one.name for one in said if isinstance(one, Refusal)} == {"KEY_REPLACED"}
    assert company.system.bank.books.ledger.position() == position
