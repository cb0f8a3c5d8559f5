"""Refusals and missing answers, and how they travel over gRPC.

Exception
├── Refusal    somebody said no: a reason, a field, a sentence. Nothing changed.
│              Whether it is the last word, its reason says: `is_undecided`.
└── NoAnswer   nobody said anything: unknown, ask again with the same id.
    ├── BadAnswer  what came is not what the contract allows; as good as nothing.
    └── Unreached  there was no connection, or it broke.
"""

from __future__ import annotations

import re
from typing import cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from dcep.errors.v1 import errors_pb2
from runtime.output import harmless

DOMAIN = "dcep"
RETRY_AFTER_MS = "retry_after_ms"
"""In a refusal's metadata: after what time to ask again."""

_PREFIX = "REASON_"
_REASONS = errors_pb2.Reason.DESCRIPTOR
_MILLISECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


class Refusal(Exception):
    """Somebody said no, and nothing changed.

    Attributes:
        reason: a ``dcep.errors.v1.Reason``.
        message: a sentence for a person.
        field: the field of the request that is meant, or "".
        metadata: more about it, such as ``missing_fen``.
    """

    def __init__(self, reason: int, message: str, /, *, field: str = "", **metadata: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.metadata = metadata

    @property
    def name(self) -> str:
        """The reason's name without its prefix, as in ErrorInfo."""
        return reason_name(self.reason)

    @property
    def code(self) -> int:
        """The google.rpc.Code that belongs to the reason."""
        return status_of(self.reason)


class NoAnswer(Exception):
    """Whether it happened is unknown; asking again with the same id is safe."""


class BadAnswer(NoAnswer):
    """A peer's answer is beyond the contract; nothing in it is believed."""


class Unreached(NoAnswer):
    """There is no connection to the peer; perhaps it shows another certificate than before."""


def lost_database() -> Refusal:
    """What callers are told by a service that cannot reach its database, or may not any more."""
    return Refusal(
        errors_pb2.REASON_NOT_SERVING,
        "the service has lost touch with its database; ask the same again",
    )


def reason_name(reason: int) -> str:
    """``INSUFFICIENT_FUNDS`` for REASON_INSUFFICIENT_FUNDS."""
    value = _REASONS.values_by_number.get(reason)
    return value.name.removeprefix(_PREFIX) if value is not None else f"UNKNOWN_{reason}"


def as_reason(number: int) -> errors_pb2.Reason:
    """A reason as tables and records keep it, for a message's field; its type alone differs."""
    return cast("errors_pb2.Reason", number)


def reason_number(name: str) -> int:
    """The reason of that name; UNSPECIFIED for one that this version does not know."""
    value = _REASONS.values_by_name.get(_PREFIX + name)
    return int(value.number) if value is not None else errors_pb2.REASON_UNSPECIFIED


def status_of(reason: int) -> int:
    """The status code that the contract gives a reason."""
    value = _REASONS.values_by_number[reason]
    return int(value.GetOptions().Extensions[errors_pb2.status])


def is_undecided(reason: int) -> bool:
    """Whether a refusal with a reason decides nothing; so also one that this version knows not."""
    value = _REASONS.values_by_number.get(reason)
    return value is None or bool(value.GetOptions().Extensions[errors_pb2.undecided])


def to_status(refusal: Refusal) -> status_pb2.Status:
    """A refusal as google.rpc.Status with ErrorInfo; with RetryInfo if it may be asked again."""
    metadata = dict(refusal.metadata)
    if refusal.field:
        metadata["field"] = refusal.field
    info = error_details_pb2.ErrorInfo(reason=refusal.name, domain=DOMAIN, metadata=metadata)
    status = status_pb2.Status(code=refusal.code, message=refusal.message)
    status.details.add().Pack(info)
    said = metadata.get(RETRY_AFTER_MS, "")
    again_ms = int(said) if _MILLISECONDS.fullmatch(said) else 0
    if again_ms:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(again_ms)
        status.details.add().Pack(retry)
    return status


def _refusal(error: grpc.RpcError) -> Refusal | None:
    """The refusal beside a call's status; None without one, or one that cannot be believed.

    It cannot where it is of another code than the call: the call ended here before its answer was
    whole, say at its deadline.
    """
    try:
        status = rpc_status.from_call(error)
        for detail in status.details if status is not None else ():
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info) and info.domain == DOMAIN:
                metadata = {key: harmless(value) for key, value in info.metadata.items()}
                field = metadata.pop("field", "")
                said = harmless(status.message)
                return Refusal(reason_number(info.reason), said, field=field, **metadata)
    except (ValueError, DecodeError):
        pass
    return None


def from_rpc_error(error: grpc.RpcError) -> Refusal | NoAnswer:
    """What a failed call means to its caller, whatever the peer put beside its status."""
    refusal = _refusal(error)
    if refusal is not None:
        return refusal
    code, details = error.code(), harmless(error.details() or "")
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Refusal(errors_pb2.REASON_OVERLOADED, details or "overloaded")
    if code in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INVALID_ARGUMENT):
        return Refusal(errors_pb2.REASON_MESSAGE_UNREADABLE, details or "not understood")
    kind = Unreached if code == grpc.StatusCode.UNAVAILABLE else NoAnswer
    return kind(f"{code.name}: {details}")
