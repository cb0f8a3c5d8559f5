"""Which moments of several databases go together, and which do not.

Real ledgers in one thread, each copied before or after something was sent.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from dcep.office.v1 import office_pb2
from deployment.topology import StackPlan
from sandbox.backup import cut
from sandbox.backup.cut import Held, contradictions, held, stands
from sandbox.backup.refused import BackupRefused
from tests.auditor.copies import at_alpha, come_back, copied, office, put_back, two_payments
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, BOB, CAROL, DAN, Stack
from tests.sandbox.backup.copying import append

Hold = Callable[[str], None]


class Moments:
    """Databases that are held one after the other, while things go on in between."""

    def __init__(self, stack: Stack) -> None:  # noqa: F811
        self.stack = stack
        self._held: dict[str, Held] = {}
        self._ends: list[Any] = []

    def hold(self, name: str) -> None:
        copy = copied(self.stack, name)
        copy.execute("CREATE TABLE alembic_version (version_num)")
        engine = create_engine("sqlite://", creator=lambda: copy, poolclass=StaticPool)
        connection = engine.connect()
        self._held[name] = Held(name, "", connection, stands(connection, name))
        self._ends += [connection.close, engine.dispose]

    def contradictions(self) -> list[str]:
        return contradictions(self._held)

    def close(self) -> None:
        for end in self._ends:
            end()


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return two_payments(tmp_path)


@pytest.fixture
def moments(stack: Stack) -> Iterator[Moments]:  # noqa: F811
    found = Moments(stack)
    yield found
    found.close()


def send(stack: Stack, bank: str) -> None:  # noqa: F811
    while stack.system.built[bank].send():
        pass


def test_what_is_held_while_nothing_moves_goes_together(moments: Moments) -> None:
    for name in ("alpha", "beta", CENTRAL):
        moments.hold(name)
    assert moments.contradictions() == []


def test_what_is_begun_or_on_its_way_goes_together(moments: Moments) -> None:
    moments.stack.pay(ALICE, BOB, 100)
    moments.stack.pay(DAN, CAROL, 100)
    send(moments.stack, "beta")
    for name in ("alpha", "beta", CENTRAL):
        moments.hold(name)
    assert moments.contradictions() == []


def test_a_payment_that_was_begun_and_settled_in_between_does_not(moments: Moments) -> None:
    moments.hold("alpha")
    moments.hold("beta")
    moments.stack.pay(ALICE, BOB, 100)
    send(moments.stack, "alpha")
    moments.hold(CENTRAL)
    (said,) = moments.contradictions()
    assert "has heard of payment" in said
    assert "of alpha, which has" in said


def test_a_payment_that_was_begun_before_and_settled_in_between_goes_together(
    moments: Moments,
) -> None:
    moments.stack.pay(ALICE, BOB, 100)
    moments.hold("alpha")
    moments.hold("beta")
    send(moments.stack, "alpha")
    moments.hold(CENTRAL)
    assert moments.contradictions() == []


def test_a_bank_that_applied_something_after_the_central_bank_was_held_does_not(
    moments: Moments,
) -> None:
    moments.hold(CENTRAL)
    moments.stack.pay(ALICE, BOB, 100)
    moments.stack.settle()
    moments.hold("alpha")
    moments.hold("beta")
    said = moments.contradictions()
    assert said == [
        "alpha has applied more than the central bank has",
        "beta has applied more than the central bank has",
    ]


def test_a_receipt_that_came_in_between_does_not(moments: Moments) -> None:
    moments.hold("alpha")
    moments.hold("beta")
    moments.stack.pay(DAN, CAROL, 100)
    moments.stack.settle()
    moments.stack.system.built["alpha"].follower.acknowledge()
    moments.hold(CENTRAL)
    assert any("feed entry" in said and "of alpha" in said for said in moments.contradictions())


def test_a_redemption_that_is_being_made_is_waited_for(
    moments: Moments, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments.hold("alpha")
    office(moments.stack, office_pb2.Redeem(bank="alpha", amount_fen=100))
    moments.hold(CENTRAL)
    now_s = moments.stack.system.clock.now_ms() / 1_000
    monkeypatch.setattr(time, "time", lambda: now_s)
    (said,) = moments.contradictions()
    assert said == "a redemption of alpha is being made just now"
    monkeypatch.setattr(time, "time", lambda: now_s + 61)
    assert moments.contradictions() == []


def test_a_bank_that_came_back_with_fewer_acts_than_it_had_told_of_goes_together(
    stack: Stack, moments: Moments
) -> None:
    older = copied(stack, "alpha")
    carol = stack.number(CAROL)
    for _ in range(8):
        at_alpha(stack, office_pb2.FreezeWallet(wallet_number=carol))
        at_alpha(stack, office_pb2.UnfreezeWallet(wallet_number=carol))
    stack.pay(DAN, CAROL, 100)
    stack.settle()
    stack.system.built["alpha"].follower.acknowledge()
    put_back(stack, "alpha", older)
    come_back(stack)
    for name in ("alpha", "beta", CENTRAL):
        moments.hold(name)
    assert moments.contradictions() == []


def test_a_bank_that_came_back_and_is_an_older_copy_again_does_not(
    stack: Stack, moments: Moments
) -> None:
    older = copied(stack, "alpha")
    stack.pay(DAN, CAROL, 100)
    stack.settle()
    stack.system.built["alpha"].follower.acknowledge()
    put_back(stack, "alpha", older)
    come_back(stack)
    moments.hold("alpha")
    at_alpha(stack, office_pb2.FreezeWallet(wallet_number=stack.number(CAROL)))
    stack.system.built["alpha"].follower.acknowledge()
    moments.hold(CENTRAL)
    (said,) = moments.contradictions()
    assert "of alpha, which has" in said


def test_a_bank_alone_or_the_central_bank_alone_contradicts_nobody(moments: Moments) -> None:
    moments.hold("alpha")
    assert moments.contradictions() == []


def test_what_is_held_stays_as_it_is_while_its_writer_goes_on(
    plan: StackPlan,  # noqa: F811
) -> None:
    with held(plan, ("alpha",)) as found:
        append(plan, "alpha", b"\x02" * 32)
        assert found["alpha"].stands.seq == 1
        assert stands(found["alpha"].connection, "alpha").seq == 1
    with held(plan, ("alpha",)) as found:
        assert found["alpha"].stands.seq == 2


def test_parties_that_never_go_together_are_refused(
    plan: StackPlan,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with closing(sqlite3.connect(_file(plan, "alpha"))) as bank, bank:
        bank.execute("INSERT INTO feed_place VALUES (1, ?, 5, ?, 7)", (b"\x05" * 16, bytes(32)))
    with closing(sqlite3.connect(_file(plan, "central-bank"))) as centre, centre:
        centre.execute("INSERT INTO banks VALUES (0, 'alpha', '6201', '', 0)")
    monkeypatch.setattr(cut, "ATTEMPTS", 3)
    with (
        pytest.raises(BackupRefused, match="alpha has applied more") as refused,
        held(plan, ("alpha", "central-bank")),
    ):
        pass
    assert refused.value.reason == "NOT_CONSISTENT"


def _file(plan: StackPlan, name: str) -> Path:  # noqa: F811
    return Path(plan.database_url(name).removeprefix("sqlite:///"))
