"""Messages spoiled: a field at its edge, and bytes that no serializer writes."""

from __future__ import annotations

from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from runtime.bounds import of
from tests.fuzz.values import Values

_MANY_BYTES = 3_000_000
"""Of a list that is made too long."""


def spoil(message: Any, values: Values, draw: Random) -> None:
    """Puts one field, at any depth, at or beyond an edge of its bounds."""
    found = list(_fields(message))
    if not found:
        return
    place, field = draw.choice(found)
    if field.is_repeated:
        _spoil_list(getattr(place, field.name), field, values, draw)
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        place.ClearField(field.name)
    else:
        setattr(place, field.name, values.edge(field))


def _fields(message: Any) -> Any:
    for field in message.DESCRIPTOR.fields:
        yield message, field
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        if field.is_repeated:
            for item in getattr(message, field.name):
                yield from _fields(item)
        elif message.HasField(field.name):
            yield from _fields(getattr(message, field.name))


def _spoil_list(items: Any, field: FieldDescriptor, values: Values, draw: Random) -> None:
    how = draw.randrange(4)
    if how == 0 or not len(items):
        del items[:]
    elif how == 1 and field.type == FieldDescriptor.TYPE_MESSAGE:
        items.append(items[0])
    elif how == 2:
        size = items[0].ByteSize() if field.type == FieldDescriptor.TYPE_MESSAGE else 40
        count = of(field).max_items + draw.choice((0, 1))
        items.extend([items[0]] * (min(count, _MANY_BYTES // max(size, 1)) - len(items)))
    elif field.type != FieldDescriptor.TYPE_MESSAGE:
        items.append(values.edge(field))


def bent(data: bytes, draw: Random) -> bytes:
    """Bytes as no serializer writes them, or of another message."""
    cut = draw.randrange(len(data) + 1)
    turned = bytearray(data or b"\0")
    turned[draw.randrange(len(turned))] ^= 1 << draw.randrange(8)
    unknown = draw.choice((b"\xfa\xf0\x04\x03abc", b"\x98\x06\x05", b"\x7a\x01\x00"))
    return draw.choice((
        data[:cut],
        bytes(turned),
        data + data,
        data + unknown,
        _inside(data, unknown),
        data + b"\x10\x00" * draw.choice((1, 100, 10_000)),
        data + b"\x0a\xff\xff\xff\xff\x0f",
        data + b"\x0b" * draw.choice((1, 200)),
        data.replace(b"6", b"\xff", 1),
        draw.randbytes(draw.choice((0, 1, 50, 2_000))),
        data + bytes(1_000_000),
        b"",
    ))  # fmt: skip


def _inside(data: bytes, unknown: bytes) -> bytes:
    """An unknown field in the first message or text within, if it is a short one."""
    if len(data) < 2 or data[0] & 7 != 2 or data[1] + len(unknown) > 127:
        return data + unknown
    end = 2 + data[1]
    return data[:1] + bytes([data[1] + len(unknown)]) + data[2:end] + unknown + data[end:]
