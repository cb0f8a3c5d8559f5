"""What officers and holders of the told stack decide."""

from __future__ import annotations

import uuid

from google.protobuf.message import Message

from dcep.bank.v1 import orders_pb2, wallets_pb2
from runtime.envelope import sign
from tests.auditor.told import ALICE, Stack
from tests.officers.people import Person


def by_two(stack: Stack, kind: Message) -> None:
    """Two officers of alpha do something."""
    acts, now_ms = stack.system.built["alpha"].acts, stack.system.clock.now_ms()
    maker, checker = Person("alpha", "wang"), Person("alpha", "zhou")
    proposal = maker.propose(kind, now_ms, str(uuid.uuid4()))
    acts.propose(maker.identity, proposal)
    acts.approve(checker.identity, checker.signer.approve(proposal.payload, now_ms))


def change(stack: Stack, wanted: int) -> None:
    now_ms, key = stack.system.clock.now_ms(), stack.system.built[ALICE].home.key()
    order = orders_pb2.ChangeClassOrder(
        wallet_number=stack.number(ALICE),
        request_id=str(uuid.uuid4()),
        wallet_class=wanted,
        over_the_cap=True,
        bank="alpha",
        created_time_ms=now_ms,
        expires_time_ms=now_ms + 60_000,
    )
    signed = sign(order, key, stack.number(ALICE).encode())
    asked = wallets_pb2.ChangeClassRequest(order=signed)
    stack.system.built["alpha"].class_changes.change(asked)
