"""Proposals whose outcome nobody has heard yet: the same command sends the same one again.

A proposal is signed and kept before it leaves the desk, under what it asks for. Who repeats the
command after no answer, or after one that could not be printed, learns what became of the first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError, Message

from dcep.envelope.v1.envelope_pb2 import SignedEnvelope
from dcep.errors.v1 import errors_pb2
from dcep.office.v1 import office_pb2
from runtime.errors import Refusal, is_undecided
from runtime.private import make_private, write_private
from sandbox.offices import Act, ActDesk
from sandbox.plan import StackPlan


@dataclass(frozen=True)
class Proposed:
    """An act, and whether an earlier command had proposed it."""

    act: Act
    repeated: bool


@contextmanager
def proposed_once(
    plan: StackPlan,
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
        officer: who proposes, at the desk of the officer's institution.
        kind: what is to happen, such as `office_pb2.Issue`.
        cause: why.
        act_id: an id of the asker's own, who then repeats by it; nothing is kept here.
        anew: propose another act though nobody heard what became of an equal one.

    Raises:
        Refusal: it was not taken; nothing waits for approval.
        NoAnswer: the same call again is safe.
    """
    with ActDesk(plan, plan.institution(officer), officer) as desk:
        if act_id:
            yield Proposed(desk.propose(kind, cause, act_id), False)
            return
        kept = _Kept(plan, officer, kind, cause)
        left = None if anew else kept.read()
        try:
            if left is None:
                envelope = desk.signed(kind, cause)
                kept.write(envelope)
                proposed = Proposed(desk.send(envelope), False)
            else:
                proposed = Proposed(_again(desk, left), True)
        except Refusal as refusal:
            if not is_undecided(refusal.reason):
                kept.forget()
            raise
        yield proposed
        kept.forget()


def _again(desk: ActDesk, envelope: SignedEnvelope) -> Act:
    """What became of a proposal; sent again when it never arrived."""
    content = office_pb2.OfficerAct.FromString(envelope.payload)
    try:
        return desk.act(content.act_id)
    except Refusal as refusal:
        if refusal.reason != errors_pb2.REASON_REQUEST_UNKNOWN:
            raise
    return desk.send(envelope)


class _Kept:
    """The file of one proposal, named by what it asks for."""

    def __init__(self, plan: StackPlan, officer: str, kind: Message, cause: str) -> None:
        wish = (
            officer.encode(),
            kind.DESCRIPTOR.full_name.encode(),
            kind.SerializeToString(deterministic=True),
            cause.encode(),
        )
        name = hashlib.sha256(b"".join(len(part).to_bytes(4) + part for part in wish)).hexdigest()
        self._file: Path = plan.officers_folder / "unheard" / name

    def read(self) -> SignedEnvelope | None:
        """The proposal that an earlier command left, if there is a whole one."""
        try:
            envelope: SignedEnvelope = SignedEnvelope.FromString(self._file.read_bytes())
            office_pb2.OfficerAct.FromString(envelope.payload)
        except (FileNotFoundError, DecodeError):
            return None  # a file that is cut off was never sent: it is flushed before that
        return envelope

    def write(self, envelope: SignedEnvelope) -> None:
        """Keeps the proposal; durable when this returns."""
        make_private(self._file.parent)
        fresh = self._file.with_suffix(f".{os.getpid()}.new")
        write_private(fresh, envelope.SerializeToString())
        _flush(fresh)
        os.replace(fresh, self._file)
        _flush(self._file.parent)

    def forget(self) -> None:
        """Somebody has heard what became of it."""
        self._file.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
