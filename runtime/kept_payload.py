"""A signed payload whose repeated items are kept elsewhere, so that none is kept twice.

What was signed can be made again, byte for byte, from what stood before the items and
from the items themselves. Where a payload is not of that form, all of it is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

_OTHER = struct.Struct("<II")


class KeptPayload(NamedTuple):
    """What is kept of a payload.

    Attributes:
        head: what stands before its items; all of it where `others` is None.
        others: those items that are kept nowhere else, each with its place.
    """

    head: bytes
    others: bytes | None


def take_apart(
    payload: bytes, field_number: int, items: Sequence[bytes], elsewhere: Collection[int]
) -> KeptPayload:
    """What has to be kept of a payload beside the items that are kept elsewhere.

    Args:
        payload: a serialized message that ends with a repeated field of messages.
        field_number: of that field, 1 to 15.
        items: all of that field, in order, each serialized.
        elsewhere: places of those items that are kept elsewhere.
    """
    tail = _fields(field_number, items)
    if not payload.endswith(tail):
        return KeptPayload(payload, None)
    others = [
        _OTHER.pack(place, len(item)) + item
        for place, item in enumerate(items)
        if place not in elsewhere
    ]
    return KeptPayload(payload[: len(payload) - len(tail)], b"".join(others))


def put_together(kept: KeptPayload, field_number: int, elsewhere: Sequence[bytes]) -> bytes:
    """The payload as it was signed, from what was kept of it and of its items elsewhere.

    Raises:
        ValueError: what was kept does not fit.
    """
    if kept.others is None:
        return kept.head
    rest = iter(elsewhere)
    items: list[bytes] = []
    for place, item in others_in(kept.others):
        while len(items) < place:
            items.append(_next(rest))
        items.append(item)
    return kept.head + _fields(field_number, [*items, *rest])


def _fields(number: int, items: Sequence[bytes]) -> bytes:
    """Items as a message's field, one after another."""
    tag = bytes([number << 3 | 2])
    return b"".join([part for item in items for part in (tag, _varint(len(item)), item)])


def _varint(value: int) -> bytes:
    if value < 128:
        return _SHORT[value]
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


_SHORT = [bytes([value]) for value in range(128)]


def others_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(place, item) of the items that `KeptPayload.others` keeps. Raises ValueError."""
    at = 0
    while at < len(data):
        if at + _OTHER.size > len(data):
            raise ValueError("an item is cut short")
        place, length = _OTHER.unpack_from(data, at)
        at += _OTHER.size
        if at + length > len(data):
            raise ValueError("an item is cut short")
        yield place, data[at : at + length]
        at += length


def _next(items: Iterator[bytes]) -> bytes:
    for item in items:
        return item
    raise ValueError("an item is missing")
