"""Officers of alpha who act."""

from __future__ import annotations

import uuid

from google.protobuf.message import Message

from tests.auditor.told import Stack
from tests.officers.people import Person

WANG, ZHOU = (Person("alpha", name) for name in ("wang", "zhou"))


def propose(stack: Stack, who: Person, kind: Message) -> bytes:
    acts, now_ms = stack.system.built["alpha"].acts, stack.system.clock.now_ms()
    proposal = who.propose(kind, now_ms, str(uuid.uuid4()))
    acts.propose(who.identity, proposal)
    return bytes(proposal.payload)


def both(stack: Stack, kind: Message, maker: Person = WANG, checker: Person = ZHOU) -> None:
    proposal = propose(stack, maker, kind)
    acts, now_ms = stack.system.built["alpha"].acts, stack.system.clock.now_ms()
    acts.approve(checker.identity, checker.signer.approve(proposal, now_ms))
    stack.system.clock.advance(1_000)
