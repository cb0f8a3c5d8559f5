"""Proposals whose outcome nobody has heard yet: the same command sends the same one again.

A proposal is signed and kept before it leaves the desk, under what it asks for. Who repeats the
command after no answer, or after one that could not be printed, learns what became of the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import Message

from console.clients import Act, ActClient
from console.unheard import Unheard, is_left_behind, unheard
from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from deployment.topology import StackPlan
from language import _
from runtime.errors import Refusal, is_undecided


@dataclass(frozen=True)
class Proposed:
    """An act, and whether an earlier command had proposed it."""

    act: Act
    repeated: bool


@contextmanager
def proposed_once(
    plan: StackPlan,
    institution: str,
    officer: str,
    kind: Message,
    cause: str,
    *,
    act_id: str = "",
    anew: bool = False,
) -> Iterator[Proposed]:
    """Proposes an act, once however often it is asked for until somebody has heard of it.

    Whoever asks prints the outcome within the block; it counts as heard when the block ends.

    Args:
        plan: the stack.
        institution: where it is to happen: the central bank or a bank.
        officer: who proposes, one of its own.
        kind: what is to happen, such as `office_pb2.Issue`.
        cause: why.
        act_id: an id of the asker's own, who then repeats by it; nothing is kept here.
        anew: propose another act though nobody heard what became of an equal one.

    Raises:
        Refusal: it was not taken; nothing waits for approval.
        NoAnswer: the same call again is safe.
    """
    with ActClient(plan, institution, officer) as desk:
        if act_id:
            yield _by_id(desk, kind, cause, act_id)
            return
        wish = _wish(institution, officer, kind, cause)
        with unheard(_folder(plan), wish, anew=anew) as kept:
            try:
                proposed = _proposed(desk, kept, kind, cause)
            except Refusal as refusal:
                if not is_undecided(refusal.reason):
                    kept.heard()
                raise
            yield proposed
            kept.heard()


def is_unheard(plan: StackPlan, institution: str, officer: str, kind: Message, cause: str) -> bool:
    """Whether an equal command proposed this, or was about to, and nobody heard what came of it."""
    return is_left_behind(_folder(plan), _wish(institution, officer, kind, cause))


def _proposed(desk: ActClient, kept: Unheard, kind: Message, cause: str) -> Proposed:
    """What an earlier command left is asked for as it stands; anything else is signed, and kept."""
    if kept.content:
        return Proposed(_again(desk, SignedEnvelope.FromString(kept.content)), True)
    envelope = desk.signed(kind, cause)
    kept.keep(envelope.SerializeToString())
    return Proposed(desk.send(envelope), False)


def _by_id(desk: ActClient, kind: Message, cause: str, act_id: str) -> Proposed:
    """The act of that id, proposed now or before; ID_REUSED when it asks for something else."""
    found = _found(desk, act_id)
    if found is None:
        return Proposed(desk.propose(kind, cause, act_id), False)
    content = office_pb2.OfficerAct.FromString(found.proposal.payload)
    name = content.WhichOneof("kind") or ""
    same = (content.officer, content.cause) == (desk.officer, cause)
    if not same or getattr(content, name, None) != kind:
        raise Refusal(
            errors_pb2.REASON_ID_REUSED, _("this id was used for another act"), field="act_id"
        )
    return Proposed(found, True)


def _again(desk: ActClient, envelope: SignedEnvelope) -> Act:
    """What became of a proposal; sent again when it never arrived."""
    content = office_pb2.OfficerAct.FromString(envelope.payload)
    return _found(desk, content.act_id) or desk.send(envelope)


def _found(desk: ActClient, act_id: str) -> Act | None:
    try:
        return desk.act(act_id)
    except Refusal as refusal:
        if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
            raise
    return None


def _folder(plan: StackPlan) -> Path:
    return plan.officers_folder / "unheard"


def _wish(institution: str, officer: str, kind: Message, cause: str) -> bytes:
    """What makes proposals equal."""
    parts = (
        institution.encode(),
        officer.encode(),
        kind.DESCRIPTOR.full_name.encode(),
        kind.SerializeToString(deterministic=True),
        cause.encode(),
    )
    return b"".join(len(part).to_bytes(4) + part for part in parts)
