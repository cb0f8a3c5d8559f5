"""Reads what an act asks for, from the bytes that were signed."""

from __future__ import annotations

from google.protobuf.message import Message

from dcep.office.v1 import office_pb2


def content_of(act: office_pb2.Act) -> office_pb2.OfficerAct:
    """What was proposed, read from the very bytes that were signed."""
    content: office_pb2.OfficerAct = office_pb2.OfficerAct.FromString(act.proposal.payload)
    return content


def kind_of(content: office_pb2.OfficerAct) -> str:
    """The name of an act's kind, such as "issue"; "" for one that this version does not know."""
    return content.WhichOneof("kind") or ""


def message_of(content: office_pb2.OfficerAct) -> Message | None:
    """The message of an act's kind, such as an `office_pb2.Issue`; None for an unknown kind."""
    kind = kind_of(content)
    asked: Message | None = getattr(content, kind) if kind else None
    return asked
