"""Copies of a database, put back, and what officers do meanwhile and about it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from console.coming_back import next_act
from dcep.authentication.v1 import authentication_pb2
from dcep.bank.v1 import officers_pb2
from operator_bank.api.office import GrpcOffice
from tests.auditor.simulated import CALL, CENTRAL
from tests.auditor.told import ALICE, BOB, CAROL, DAN, Stack
from tests.central_bank.system import LIN, MEI
from tests.officers.people import Person

WANG, ZHOU = Person("alpha", "wang"), Person("alpha", "zhou")


def two_payments(folder: Path) -> Stack:
    """Two banks with two wallets each; a payment in each direction has arrived."""
    made = Stack(folder)
    made.pay(ALICE, BOB, 1_000)
    made.pay(DAN, CAROL, 2_000)
    made.settle()
    return made


def copied(stack: Stack, name: str) -> sqlite3.Connection:
    """A copy of a party's database, made while it runs."""
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    with closing(stack.system.engines[name].raw_connection()) as connection:
        connection.driver_connection.backup(copy)  # type: ignore[union-attr]
    return copy


def put_back(stack: Stack, name: str, copy: sqlite3.Connection) -> None:
    """The party stops, gets that copy for its database, and is started again."""
    with closing(stack.system.engines[name].raw_connection()) as connection:
        copy.backup(connection.driver_connection)  # type: ignore[arg-type]
    stack.system.rebuild(name)


def office(stack: Stack, kind: Any) -> None:
    """An act of two officers of the central bank."""
    system = stack.system
    central, now_ms = system.built[CENTRAL], system.clock.now_ms()
    proposal = LIN.propose(kind, now_ms, system.randomness.uuid())
    central.acts.propose(LIN.identity, proposal)
    central.acts.approve(MEI.identity, MEI.signer.approve(proposal.payload, now_ms))


def told(stack: Stack) -> officers_pb2.GetFeedResponse:
    """As a bank's officers see it."""
    bank = stack.system.built["alpha"]
    return GrpcOffice(bank).GetFeed(officers_pb2.GetFeedRequest(), CALL)


def beyond(stack: Stack) -> authentication_pb2.GetFeedOfResponse:
    """As the central bank's officers see it."""
    central = stack.system.built[CENTRAL]
    found = central.feed_look.beyond(central.registry.get("alpha"), told(stack).number)
    return authentication_pb2.GetFeedOfResponse(
        incarnation=central.registry.get("alpha").incarnation,
        last_entry=found.last_entry,
        last_number=found.last_number,
        journal_position=found.journal_position,
    )


def at_alpha(stack: Stack, kind: Any) -> None:
    """An act of two officers of the bank."""
    system = stack.system
    bank, now_ms = system.built["alpha"], system.clock.now_ms()
    proposal = WANG.propose(kind, now_ms, system.randomness.uuid())
    bank.acts.propose(WANG.identity, proposal)
    bank.acts.approve(ZHOU.identity, ZHOU.signer.approve(proposal.payload, now_ms))


def come_back(stack: Stack) -> None:
    """Alpha, whose database is an older copy, goes on from it by acts of both sides' officers."""
    alpha = stack.system.built["alpha"]
    alpha.follower.step()
    assert alpha.standing.is_behind
    office(stack, next_act("alpha", told(stack), beyond(stack)))
    at_alpha(stack, next_act("alpha", told(stack), beyond(stack)))
    stack.settle()
