"""Proposes acts so that a command which is repeated without an answer proposes nothing twice.

A proposal is signed, and kept in a file under what it asks for, before it is sent. When the command
got no answer, or could not print it, the same command finds the file and tells what became of the
first proposal.
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
from officers.contents import content_of, message_of
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
    """Proposes an act, only once however often that is repeated before its outcome was printed.

    The caller prints the outcome within the block; when the block ends, it counts as heard.

    Args:
        plan: the stack.
        institution: the central bank or a bank.
        officer: the one of its officers who proposes.
        kind: what is to happen, such as `office_pb2.Issue`.
        cause: why.
        act_id: the caller's own id, to repeat the act by; nothing is kept here then.
        anew: whether to propose another act even if nobody heard what became of an equal one.

    Raises:
        Refusal: the act was not taken, and nothing waits for approval, unless the reason leaves
            that undecided (`runtime.errors.is_undecided`).
        NoAnswer: it is safe to make the same call again.
    """
    with ActClient(plan, institution, officer) as client:
        if act_id:
            yield _by_id(client, kind, cause, act_id)
            return
        wish = _wish(institution, officer, kind, cause)
        with unheard(_folder(plan), wish, anew=anew) as kept:
            try:
                proposed = _proposed(client, kept, kind, cause)
            except Refusal as refusal:
                if not is_undecided(refusal.reason):
                    kept.heard()
                raise
            yield proposed
            kept.heard()


def is_unheard(plan: StackPlan, institution: str, officer: str, kind: Message, cause: str) -> bool:
    """Whether an equal command proposed this, or was about to, and its outcome was not heard."""
    return is_left_behind(_folder(plan), _wish(institution, officer, kind, cause))


def _proposed(client: ActClient, kept: Unheard, kind: Message, cause: str) -> Proposed:
    """Asks about the proposal that an earlier command left, or signs, keeps and sends a new one."""
    if kept.content:
        return Proposed(_again(client, SignedEnvelope.FromString(kept.content)), True)
    envelope = client.signed(kind, cause)
    kept.keep(envelope.SerializeToString())
    return Proposed(client.send(envelope), False)


def _by_id(client: ActClient, kind: Message, cause: str, act_id: str) -> Proposed:
    """The act with an id, proposed now or before.

    Raises:
        Refusal: ID_REUSED when it asks for something else.
    """
    found = _found(client, act_id)
    if found is None:
        return Proposed(client.propose(kind, cause, act_id), False)
    content = content_of(found)
    same = (content.officer, content.cause) == (client.officer, cause)
    if not same or message_of(content) != kind:
        raise Refusal(
            errors_pb2.REASON_ID_REUSED, _("this id was used for another act"), field="act_id"
        )
    return Proposed(found, True)


def _again(client: ActClient, envelope: SignedEnvelope) -> Act:
    """The act of a proposal; it is sent again if it never arrived."""
    content = office_pb2.OfficerAct.FromString(envelope.payload)
    return _found(client, content.act_id) or client.send(envelope)


def _found(client: ActClient, act_id: str) -> Act | None:
    try:
        return client.act(act_id)
    except Refusal as refusal:
        if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
            raise
    return None


def _folder(plan: StackPlan) -> Path:
    return plan.officers_folder / "unheard"


def _wish(institution: str, officer: str, kind: Message, cause: str) -> bytes:
    """The bytes by which two proposals are equal."""
    parts = (
        institution.encode(),
        officer.encode(),
        kind.DESCRIPTOR.full_name.encode(),
        kind.SerializeToString(deterministic=True),
        cause.encode(),
    )
    return b"".join(len(part).to_bytes(4) + part for part in parts)
