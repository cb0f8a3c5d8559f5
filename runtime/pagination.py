"""Reads and writes page tokens: opaque to the caller, a tuple of integers to us."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable, Sequence
from typing import TypeVar

from dcep.bounds.v1.bounds_pb2 import KIND_PAGE_SIZE
from dcep.errors.v1 import errors_pb2
from runtime.bounds import greatest
from runtime.errors import Refusal

DEFAULT_PAGE = 50
MAX_PAGE = greatest(KIND_PAGE_SIZE)
T = TypeVar("T")


def page_size(wanted: int) -> int:
    """How many items a page has: what is wanted, or DEFAULT_PAGE for 0.

    Raises:
        Refusal: FIELD_INVALID, when it is not 0 to MAX_PAGE.
    """
    if wanted == 0:
        return DEFAULT_PAGE
    if not 1 <= wanted <= MAX_PAGE:
        raise Refusal(
            errors_pb2.REASON_FIELD_INVALID,
            f"page_size must be 1 to {MAX_PAGE}, not {wanted}",
            field="page_size",
        )
    return wanted


def encode_token(*numbers: int) -> str:
    """A token that carries signed 64-bit numbers."""
    return base64.urlsafe_b64encode(struct.pack(f"<{len(numbers)}q", *numbers)).decode()


def decode_token(token: str, count: int) -> tuple[int, ...] | None:
    """The `count` numbers in a token; None for the empty token, which means the first page.

    Raises:
        Refusal: PAGE_TOKEN_INVALID.
    """
    if not token:
        return None
    try:
        return struct.unpack(f"<{count}q", base64.b64decode(token, b"-_", validate=True))
    except (binascii.Error, struct.error, ValueError):
        raise invalid_token() from None


def page_of(
    found: Sequence[T], size: int, place: Callable[[T], Sequence[int]]
) -> tuple[Sequence[T], str]:
    """A page, and the token of the next one, "" on the last.

    Args:
        found: up to ``size + 1`` items: the one beyond the page tells that there are more.
        size: how many items the page has at most.
        place: gives the numbers by which the item is found again.
    """
    more = len(found) > size
    return found[:size], encode_token(*place(found[size - 1])) if more else ""


def invalid_token() -> Refusal:
    """The refusal of a token that no service gave, PAGE_TOKEN_INVALID."""
    return Refusal(
        errors_pb2.REASON_PAGE_TOKEN_INVALID,
        "page_token is not one that this service gave",
        field="page_token",
    )
