"""Checks of fields; each refusal names the field and the reason."""

from __future__ import annotations

import uuid
from collections.abc import Sized

from nacl.bindings import crypto_core_ed25519_is_valid_point

from dcep.bounds.v1.bounds_pb2 import KIND_AMOUNT
from dcep.errors.v1 import errors_pb2
from runtime.bounds import greatest
from runtime.errors import Refusal
from runtime.limits import MAX_POSITION

_MAX_AMOUNT_FEN = greatest(KIND_AMOUNT)


def required(value: Sized, field: str) -> None:
    """The field is there."""
    if not len(value):
        raise Refusal(errors_pb2.REASON_FIELD_MISSING, f"{field} is missing", field=field)


def text(value: str, field: str, *, longest: int, shortest: int = 1) -> str:
    """A printable text of a bounded length."""
    if shortest and not value:
        raise Refusal(errors_pb2.REASON_FIELD_MISSING, f"{field} is missing", field=field)
    if not shortest <= len(value) <= longest:
        raise invalid(field, f"has {shortest} to {longest} characters, not {len(value)}")
    if not value.isprintable():
        raise invalid(field, "has characters that cannot be printed")
    return value


def exact_bytes(value: bytes, field: str, length: int) -> bytes:
    """Bytes of one length."""
    required(value, field)
    if len(value) != length:
        raise invalid(field, f"has {length} bytes, not {len(value)}")
    return value


def public_key(value: bytes, field: str) -> bytes:
    """An Ed25519 public key that is not of small order (as 32 zero bytes are)."""
    exact_bytes(value, field, 32)
    if not crypto_core_ed25519_is_valid_point(value):
        raise invalid(field, "is no Ed25519 public key")
    return value


def request_id(value: str, field: str = "request_id") -> str:
    """A UUID in its usual text form."""
    required(value, field)
    try:
        same = str(uuid.UUID(value)) == value.lower()
    except ValueError:
        same = False
    if not same:
        raise invalid(field, "is not a UUID such as 123e4567-e89b-42d3-a456-426614174000")
    return value.lower()


def amount(value: int, field: str = "amount_fen", *, largest: int = _MAX_AMOUNT_FEN) -> int:
    """An amount in fen of at least 1."""
    if not 1 <= value <= largest:
        raise Refusal(
            errors_pb2.REASON_AMOUNT_INVALID,
            f"{field} must be 1 to {largest} fen, not {value}",
            field=field,
        )
    return value


def journal_position(value: int, field: str = "after_position") -> int:
    """A position that a journal can reach."""
    if not 0 <= value <= MAX_POSITION:
        raise invalid(field, f"is 0 to {MAX_POSITION}")
    return value


def at_most(items: Sized, field: str, most: int) -> None:
    """A list that is neither empty nor too long."""
    required(items, field)
    if len(items) > most:
        raise Refusal(
            errors_pb2.REASON_TOO_MANY_ITEMS,
            f"{field} may have {most} items, not {len(items)}",
            field=field,
            most=str(most),
        )


def of_item(place: str, refusal: Refusal) -> Refusal:
    """A refusal of an item's field, renamed to the list's: `items[3].amount_fen`."""
    return Refusal(
        refusal.reason,
        f"{place}.{refusal.message}",
        field=f"{place}.{refusal.field}",
        **refusal.metadata,
    )


def invalid(field: str, what: str) -> Refusal:
    """A refusal FIELD_INVALID: "`field` `what`"."""
    return Refusal(errors_pb2.REASON_FIELD_INVALID, f"{field} {what}", field=field)
