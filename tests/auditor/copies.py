"""Copies of a database, and what officers of the central bank do meanwhile."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.auditor.simulated import CENTRAL
from tests.auditor.told import ALICE, BOB, CAROL, DAN, Stack
from tests.central_bank.system import LIN, MEI


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
