"""The audit makes officers' rights anew from acts, and names who acted without, or has more."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from sqlalchemy import delete, insert, update

from auditor.signatures.rights import RIGHT_OF
from dcep.office.v1 import office_pb2
from operator_bank.tables import office as office_tables
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, Stack, named
from tests.officers.people import Person

WANG, ZHOU, SUN = (Person("alpha", name) for name in ("wang", "zhou", "sun"))
CERTIFICATES = (office_pb2.RIGHT_OFFICERS, office_pb2.RIGHT_SUSPENSE)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Sun was registered, froze alice's wallet with wang, and may do less since."""
    stack = Stack(tmp_path)
    both(stack, WANG, ZHOU, SUN.registration())
    both(stack, SUN, WANG, office_pb2.FreezeWallet(wallet_number=stack.number(ALICE)))
    both(stack, WANG, ZHOU, office_pb2.ChangeRights(name="sun", rights=CERTIFICATES))
    assert stack.problems() == []
    return stack


def both(stack: Stack, maker: Person, checker: Person, kind: Message) -> None:
    """Two officers of alpha do something; a second passes."""
    acts, now_ms = stack.system.built["alpha"].acts, stack.system.clock.now_ms()
    proposal = maker.propose(kind, now_ms, str(uuid.uuid4()))
    acts.propose(maker.identity, proposal)
    acts.approve(checker.identity, checker.signer.approve(proposal.payload, now_ms))
    stack.system.clock.advance(1_000)


def write(stack: Stack, statement: Any) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        assert connection.execute(statement).rowcount


def test_the_audit_knows_the_right_of_each_act(stack: Stack) -> None:
    found = {
        kind: effect.right
        for name in (CENTRAL, "alpha")
        for kind, effect in stack.system.built[name].acts.effects.items()
    }
    assert found == RIGHT_OF


def test_an_act_of_somebody_without_the_right_is_named(stack: Stack) -> None:
    """Who can write into the table gives himself the right for a moment."""
    of = office_tables.officers
    more = sum(1 << right for right in (*CERTIFICATES, office_pb2.RIGHT_WALLETS))
    less = sum(1 << right for right in CERTIFICATES)
    with stack.system.built["alpha"].officers.change():
        write(stack, update(of).where(of.c.name == "sun").values(rights=more))
    both(stack, SUN, WANG, office_pb2.UnfreezeWallet(wallet_number=stack.number(ALICE)))
    write(stack, update(of).where(of.c.name == "sun").values(rights=less))
    (problem,) = stack.problems()
    assert named([problem], "alpha: table officer_acts", "sun had not RIGHT_WALLETS then")


def test_a_right_that_no_act_gave_is_named(stack: Stack) -> None:
    of = office_tables.officers
    write(stack, update(of).where(of.c.name == "sun").values(rights=2))
    assert named(stack.problems(), "table officers, row name=sun", "neither the founding nor")


def test_a_removal_that_was_undone_is_named(stack: Stack) -> None:
    both(stack, WANG, ZHOU, office_pb2.RemoveOfficer(name="sun"))
    assert stack.problems() == []
    of = office_tables.officers
    write(stack, update(of).where(of.c.name == "sun").values(removed_by=None))
    assert named(stack.problems(), "table officers, row name=sun")


def test_an_officer_who_was_put_in_or_taken_out_is_named(stack: Stack) -> None:
    of = office_tables.officers
    write(stack, insert(of).values(name="mallory", rights=2, registered_by=0))
    write(stack, delete(of).where(of.c.name == "sun"))
    problems = stack.problems()
    assert named(problems, "table officers, row name=mallory")
    assert named(problems, "table officers, row name=sun is missing")


def test_what_was_renewed_alone_is_in_order_and_another_certificate_is_named(stack: Stack) -> None:
    new = Person("alpha", "sun", seed="renewed")
    renewal = office_pb2.RenewOfficer(name="sun", certificate_fingerprint=new.fingerprint)
    both(stack, WANG, ZHOU, renewal)
    both(stack, WANG, ZHOU, office_pb2.RenewOfficer(name="sun", signing_key=new.key))
    assert stack.problems() == []
    of = office_tables.credentials
    mine = update(of).where(of.c.officer == "sun", of.c.fingerprint == new.fingerprint)
    write(stack, mine.values(fingerprint="0" * 64))
    assert named(stack.problems(), "officer sun has a certificate", "neither the founding nor")
