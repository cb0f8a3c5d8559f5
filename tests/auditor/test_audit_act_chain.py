"""What officers did is a chain: who takes an act out of the database, or moves one, is named."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from sqlalchemy import delete, insert, select, update

from central_bank.authentication.tables import office as central_office
from central_bank.registration.tables import acts_told
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.office.v1 import office_pb2
from officers.chain import after_end, after_proposal, chain_beginning, put_link
from operator_bank.tables import office as tables
from runtime.hash_chain import beginning
from tests.auditor.acting import both, propose
from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, CAROL, DAN, Stack, named
from tests.central_bank.system import LIN, MEI
from tests.officers.people import Person

WANG, ZHOU, SUN, WU = (Person("alpha", name) for name in ("wang", "zhou", "sun", "wu"))
ACTS, CHAIN = tables.acts, tables.chain


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """At alpha sun came and went, two wallets were frozen, and wang turned something down."""
    stack = Stack(tmp_path)
    both(stack, SUN.registration())
    both(stack, office_pb2.FreezeWallet(wallet_number=stack.number(ALICE)))
    both(stack, office_pb2.FreezeWallet(wallet_number=stack.number(CAROL)))
    turned_down = propose(stack, ZHOU, office_pb2.UnfreezeWallet(wallet_number=stack.number(ALICE)))
    acts, now_ms = stack.system.built["alpha"].acts, stack.system.clock.now_ms()
    acts.reject(WANG.identity, WANG.signer.reject(turned_down, now_ms))
    both(stack, office_pb2.RemoveOfficer(name="sun"))
    propose(stack, WANG, WU.registration())
    assert stack.problems() == []
    return stack


def write(stack: Stack, *statements: Any) -> None:
    with stack.system.engines["alpha"].begin() as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount


def number_of(stack: Stack, kind: str) -> int:
    with stack.system.engines["alpha"].connect() as connection:
        query = select(ACTS.c.id).where(ACTS.c.kind == kind).order_by(ACTS.c.id)
        return int(connection.execute(query).scalars().first())  # type: ignore[arg-type]


def test_an_act_that_was_taken_out_is_named(stack: Stack) -> None:
    """One that moved nothing in the journal, so that nothing else would miss it."""
    gone = number_of(stack, "unfreeze_wallet")
    write(stack, delete(ACTS).where(ACTS.c.id == gone))
    assert named(stack.problems(), "alpha: table officer_chain", f"act {gone} is missing")


def test_an_act_that_was_taken_out_with_its_links_is_named(stack: Stack) -> None:
    gone = number_of(stack, "unfreeze_wallet")
    write(
        stack,
        delete(ACTS).where(ACTS.c.id == gone),
        delete(CHAIN).where(CHAIN.c.act == gone),
    )
    assert named(stack.problems(), "table officer_chain", "acts are missing")


def test_links_that_were_numbered_anew_over_a_gap_are_named(stack: Stack) -> None:
    gone = number_of(stack, "unfreeze_wallet")
    with stack.system.engines["alpha"].connect() as connection:
        of = select(CHAIN.c.number).where(CHAIN.c.act == gone).order_by(CHAIN.c.number)
        first, last = connection.execute(of).scalars().all()
        later = connection.execute(select(CHAIN.c.number).where(CHAIN.c.number > last)).scalars()
        moved = sorted(later)
    assert last == first + 1
    write(
        stack,
        delete(ACTS).where(ACTS.c.id == gone),
        delete(CHAIN).where(CHAIN.c.act == gone),
        *(update(CHAIN).where(CHAIN.c.number == at).values(number=at - 2) for at in moved),
    )
    assert named(stack.problems(), "table officer_chain, row number=", "does not follow")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("decided_time_ms", 1_750_000_000_500),
        ("proposed_time_ms", 1_750_000_000_500),
        ("decision_signature", bytes(64)),
        ("position", 3),
        ("reason", 7),
    ],
)
def test_an_act_that_was_changed_is_named(stack: Stack, column: str, value: Any) -> None:
    changed = number_of(stack, "register_officer")
    write(stack, update(ACTS).where(ACTS.c.id == changed).values({column: value}))
    assert named(stack.problems(), "table officer_chain", f"act {changed} was changed")


def test_an_act_that_was_turned_down_and_stands_there_as_open_is_named(stack: Stack) -> None:
    number = number_of(stack, "unfreeze_wallet")
    again = {"state": 1, "decider": "", "decision": b"", "decision_signature": b""}
    write(stack, update(ACTS).where(ACTS.c.id == number).values(again))
    assert named(stack.problems(), "table officer_chain", f"act {number} has another end")


def test_a_rejection_that_nobody_signed_is_named(stack: Stack) -> None:
    number = number_of(stack, "unfreeze_wallet")
    write(stack, update(ACTS).where(ACTS.c.id == number).values(decision_signature=bytes(64)))
    where = f"table officer_acts, row id={number}"
    assert named(stack.problems(), where, "the decision is not signed by a key that wang had then")


def test_acts_that_changed_places_are_named(stack: Stack) -> None:
    first, second = 1, 3  # two proposals
    write(
        stack,
        update(CHAIN).where(CHAIN.c.number == first).values(number=999),
        update(CHAIN).where(CHAIN.c.number == second).values(number=first),
        update(CHAIN).where(CHAIN.c.number == 999).values(number=second),
    )
    assert named(stack.problems(), "table officer_chain", "does not follow")


def test_an_act_that_was_put_in_beside_the_chain_is_named(stack: Stack) -> None:
    """Two officers signed it, but it was never proposed: who has both keys, and the database."""
    now_ms = stack.system.clock.now_ms()
    more = office_pb2.ChangeRights(name="zhou", rights=[office_pb2.RIGHT_OFFICERS])
    proposal = WANG.propose(more, now_ms, str(uuid.uuid4()))
    decision = ZHOU.signer.approve(proposal.payload, now_ms)
    with stack.system.engines["alpha"].connect() as connection:
        row = connection.execute(select(ACTS).where(ACTS.c.kind == "remove_officer")).one()
    values = {
        **row._mapping,
        "id": 999,
        "act_id": office_pb2.OfficerAct.FromString(proposal.payload).act_id,
        "kind": "change_rights",
        "proposal": proposal.payload,
        "proposal_signature": proposal.signature,
        "decision": decision.payload,
        "decision_signature": decision.signature,
    }
    write(stack, insert(ACTS).values(values))
    assert named(stack.problems(), "table officer_acts, row id=999", "otherwise than proposed once")


def test_another_founding_than_the_chain_begins_with_is_named(stack: Stack) -> None:
    write(stack, update(tables.founding).values(time_ms=5))
    assert named(stack.problems(), "for another time than acts say")
    digest = beginning("officer-acts/v1", b"alpha")
    write(stack, update(CHAIN).where(CHAIN.c.number == 1).values(hash=digest))
    assert named(stack.problems(), "table officer_chain, row number=1", "does not follow")


@pytest.mark.parametrize("column", ["until_time_ms", "from_time_ms"])
def test_a_key_that_is_said_to_be_good_for_another_time_is_named(stack: Stack, column: str) -> None:
    of = tables.credentials
    longer = update(of).where(of.c.officer == "sun").values({column: 1_900_000_000_000})
    write(stack, longer)
    assert named(stack.problems(), "officer sun has the key", "for another time than acts say")


def test_a_key_that_was_taken_out_is_named(stack: Stack) -> None:
    of = tables.credentials
    write(stack, delete(of).where(of.c.officer == "sun"))
    assert named(stack.problems(), "table officer_credentials", "officer sun is missing")


def test_a_clock_that_is_set_back_between_two_acts_is_no_alarm(stack: Stack) -> None:
    """Zhou may not free wallets, the clock goes back, zhou may again and does: in this order."""
    li = Person("alpha", "li")
    both(stack, li.registration())
    stack.system.clock.advance(100_000)
    both(
        stack,
        office_pb2.ChangeRights(
            name="zhou", rights=[office_pb2.RIGHT_OFFICERS, office_pb2.RIGHT_SUSPENSE]
        ),
        WANG,
        li,
    )
    stack.system.clock.set_back(50_000)
    both(
        stack,
        office_pb2.ChangeRights(
            name="zhou", rights=[office_pb2.RIGHT_OFFICERS, office_pb2.RIGHT_WALLETS]
        ),
        WANG,
        li,
    )
    both(stack, office_pb2.UnfreezeWallet(wallet_number=stack.number(ALICE)))
    both(stack, office_pb2.RemoveOfficer(name="li"))
    assert stack.problems() == []


# The end of the chain, which others were told of


def cut(stack: Stack, name: str, office: Any, first: int) -> None:
    """Takes the last acts out of a database with all that came of them, as if they never were."""
    chain, acts, people, held = office.chain, office.acts, office.officers, office.credentials
    with stack.system.engines[name].begin() as connection:
        connection.execute(delete(chain).where(chain.c.act >= first))
        connection.execute(delete(acts).where(acts.c.id >= first))
        connection.execute(delete(people).where(people.c.registered_by >= first))
        connection.execute(delete(held).where(held.c.registered_by >= first))


def link_anew(stack: Stack, name: str, office: Any) -> None:
    """Makes every hash right again, over what stands there now."""
    chain, acts = office.chain, office.acts
    with stack.system.engines[name].begin() as connection:
        rows = {row.id: row for row in connection.execute(select(acts)).all()}
        links = connection.execute(select(chain).order_by(chain.c.number)).all()
        first = connection.execute(select(office.founding)).one()
        place = chain_beginning(first.institution, first.payload, first.signature)
        connection.execute(delete(chain))
        for link in links:
            if link.act in rows:
                after = after_proposal if link.state == 1 else after_end
                place = after(place, link.act, rows[link.act])
                put_link(connection, office, link.act, link.state, place)


def central_act(stack: Stack, kind: Message) -> Any:
    acts, now_ms = stack.system.built[CENTRAL].acts, stack.system.clock.now_ms()
    proposal = LIN.propose(kind, now_ms, str(uuid.uuid4()))
    acts.propose(LIN.identity, proposal)
    return acts.approve(MEI.identity, MEI.signer.approve(proposal.payload, now_ms))


def test_the_last_acts_of_the_central_bank_cannot_be_cut_off(stack: Stack) -> None:
    """The banks have the central bank's signature on where its acts ended."""
    act = central_act(stack, Person(CENTRAL, "wei").registration())
    stack.pay(DAN, CAROL, 5)
    stack.settle()
    assert stack.problems() == []
    cut(stack, CENTRAL, central_office, act.number)
    assert named(stack.problems(), "central-bank", "officer_chain", "bank beta", "are cut off")


def test_the_acts_of_the_central_bank_cannot_be_linked_anew_without_one(stack: Stack) -> None:
    act = central_act(stack, Person(CENTRAL, "wei").registration())
    central_act(stack, Person(CENTRAL, "ma").registration())
    stack.pay(DAN, CAROL, 5)
    stack.settle()
    with stack.system.engines[CENTRAL].begin() as connection:
        for table, column in (
            (central_office.acts, "id"),
            (central_office.officers, "registered_by"),
            (central_office.credentials, "registered_by"),
        ):
            connection.execute(delete(table).where(table.c[column] == act.number))
    link_anew(stack, CENTRAL, central_office)
    problems = stack.problems()
    assert len(problems) == len([p for p in problems if "central-bank: table officer_chain" in p])
    assert named(problems, "bank beta", "are cut off")
    # And with another act for it, so that the chain is as long as it was.
    central_act(stack, Person(CENTRAL, "gu").registration())
    assert named(stack.problems(), "bank beta", "another history up to entry")


def test_the_last_acts_of_a_bank_cannot_be_cut_off(stack: Stack) -> None:
    """The central bank has the bank's signature on where its acts ended."""
    stack.system.built["alpha"].follower.acknowledge()
    assert stack.problems() == []
    cut(stack, "alpha", tables, number_of(stack, "remove_officer"))
    assert named(stack.problems(), "alpha: table officer_chain", "the central bank", "are cut off")


def test_where_the_acts_of_a_bank_ended_is_the_banks_own_word(stack: Stack) -> None:
    stack.system.built["alpha"].follower.acknowledge()
    with stack.system.engines[CENTRAL].begin() as connection:
        row = connection.execute(select(acts_told)).one()
        envelope = SignedEnvelope.FromString(bytes(row.receipt))
        envelope.signature = bytes(64)
        connection.execute(update(acts_told).values(receipt=envelope.SerializeToString()))
    assert named(stack.problems(), "table acts_told", "not signed by the bank")
