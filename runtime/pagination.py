"""Page tokens: opaque to the caller, a tuple of integers to us."""

from __future__ import annotations

import base64
import binascii
import struct

from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal

DEFAULT_PAGE = 50
MAX_PAGE = 500


def page_size(wanted: int) -> int:
    """The number of items to give: 1 to MAX_PAGE, DEFAULT_PAGE for 0."""
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
    """The numbers in a token; None for the empty token, which means the first page."""
    if not token:
        return None
    try:
        return struct.unpack(f"<{count}q", base64.b64decode(token, b"-_", validate=True))
    except (binascii.Error, struct.error, ValueError):
        raise invalid_token() from None


def invalid_token() -> Refusal:
    """The refusal of a token that was made up."""
    return Refusal(
        errors_pb2.REASON_PAGE_TOKEN_INVALID,
        "page_token is not one that this service gave",
        field="page_token",
    )
