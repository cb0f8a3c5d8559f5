"""The bounds of the contract's fields, read from its descriptors.

protos/dcep/bounds/v1/bounds.proto defines them; `runtime.messages` enforces them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message

from dcep.bounds.v1 import bounds_pb2
from dcep.errors.v1 import errors_pb2

Bounds = bounds_pb2.Bounds
_KINDS = bounds_pb2.Kind.DESCRIPTOR
_PACKAGE = "dcep."
_VARINT_BITS = 7
_VARINTS = frozenset((
    FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_ENUM,
))  # fmt: skip
_GREATEST: tuple[Literal["max", "max_length", "max_bytes"], ...] = (
    "max",
    "max_length",
    "max_bytes",
)
_ROOM_BYTES = 1_024
_LONGEST_CHARACTER = 4
"""Bytes of a character in UTF-8."""


class NoBounds(TypeError):
    """A field of the contract has no bounds: a mistake in a .proto."""


def of(field: FieldDescriptor) -> Bounds:
    """A field's bounds: those of its kind, overridden by its own.

    Raises:
        NoBounds: the field has none, or lacks those that its type needs.
    """
    return _of(field.containing_type.full_name, field.name)


@cache
def greatest(kind: bounds_pb2.Kind) -> int:
    """The greatest number of a kind, or its greatest length in characters or bytes.

    Raises:
        NoBounds: it has none, or several.
    """
    return _greatest(_of_kind(kind), bounds_pb2.Kind.Name(kind))


def greatest_in(message: type[Message], name: str) -> int:
    """The same of a field; of a list's field, of each item.

    Raises:
        NoBounds: it has none, or several.
    """
    field = message.DESCRIPTOR.fields_by_name[name]
    return _greatest(of(field), field.full_name)


def most_items(message: type[Message], name: str) -> int:
    """How many items a list's field may have.

    Raises:
        NoBounds: it is no list.
    """
    field = message.DESCRIPTOR.fields_by_name[name]
    found = of(field)
    if not found.HasField("max_items"):
        raise NoBounds(f"{field.full_name} is no list")
    return found.max_items


def has_bounds(descriptor: Descriptor) -> bool:
    """Whether a message belongs to the contract; others, such as health checks, have no bounds."""
    return str(descriptor.full_name).startswith(_PACKAGE)


@cache
def known_values(field: FieldDescriptor) -> frozenset[int]:
    """The values that an enum's field may have: those that this version knows.

    0 (unspecified) is one of them only where the field may be unset.
    """
    known = frozenset(field.enum_type.values_by_number)
    return known if of(field).may_be_unset else known - {0}


def least_length(bounds: Bounds, name: Literal["min_length", "min_bytes"]) -> int:
    """The least length: 0 if the field may be unset, 1 if no bound is given."""
    least = getattr(bounds, name) if bounds.HasField(name) else 1
    return 0 if bounds.may_be_unset else int(least)


def is_plain(field: FieldDescriptor) -> bool:
    """Whether a field is a single value with bounds."""
    kinds = (FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_BOOL)
    return not field.is_repeated and field.type not in kinds


def is_required(oneof: OneofDescriptor) -> bool:
    """Whether one of the oneof's fields has to be set."""
    return bool(oneof.GetOptions().Extensions[bounds_pb2.required])


def carried(field: FieldDescriptor) -> Descriptor | None:
    """The message type in the payload of a field's signed envelope, or None."""
    name = of(field).carries
    return descriptor_pool.Default().FindMessageTypeByName(name) if name else None


@cache
def greatest_bytes(descriptor: Descriptor) -> int:
    """The length in bytes of the longest encoding of a message within its bounds."""
    alone = [field for field in descriptor.fields if field.containing_oneof is None]
    longest = [max(map(_field_bytes, oneof.fields)) for oneof in descriptor.oneofs]
    return sum(map(_field_bytes, alone)) + sum(longest)


def too_long(descriptor: Descriptor) -> int:
    """From this many bytes on a message is refused unread.

    The bound is a little above the allowed length, so that a sender who is slightly over it learns
    which field is wrong.
    """
    return greatest_bytes(descriptor) + _ROOM_BYTES


@cache
def greatest_payload(field: FieldDescriptor) -> int:
    """The length in bytes of the longest payload of the signed envelope in a field."""
    payload = of(field.message_type.fields_by_name["payload"]).max_bytes
    kind = carried(field)
    return payload if kind is None else min(payload, greatest_bytes(kind))


@cache
def _of(message: str, name: str) -> Bounds:
    field = descriptor_pool.Default().FindMessageTypeByName(message).fields_by_name[name]
    options: Any = field.GetOptions().Extensions
    kind = options[bounds_pb2.kind]
    found = _of_kind(kind)
    found.MergeFrom(options[bounds_pb2.own])
    said = kind or options[bounds_pb2.own].ByteSize()
    if not said or not all(found.HasField(name) for name in _needed(field, found)):
        raise NoBounds(f"{message}.{name} has no bounds, or too few")
    return found


def _of_kind(kind: bounds_pb2.Kind) -> Bounds:
    """A copy of a kind's bounds."""
    found = Bounds()
    found.MergeFrom(_KINDS.values_by_number[kind].GetOptions().Extensions[bounds_pb2.of_kind])
    return found


def _greatest(found: Bounds, whose: str) -> int:
    given = [name for name in _GREATEST if found.HasField(name)]
    if len(given) != 1:
        raise NoBounds(f"{whose} has no greatest value or length, or several")
    return int(getattr(found, given[0]))


def _needed(field: FieldDescriptor, bounds: Bounds) -> list[str]:
    """The bounds that a field of this type must have."""
    needed = []
    if field.is_repeated:
        needed.append("max_items")
    if field.type in _VARINTS and field.enum_type is None:
        needed += ["min", "max"]
    if field.type == FieldDescriptor.TYPE_STRING:
        needed.append("max_length")
    if field.type == FieldDescriptor.TYPE_BYTES:
        needed.append("max_bytes")
    return needed


def _field_bytes(field: FieldDescriptor) -> int:
    """The longest encoding of a field, tags included."""
    if field.type == FieldDescriptor.TYPE_BOOL and not field.is_repeated:
        return _varint(field.number << 3) + 1
    bounds = of(field)
    content = _content_bytes(field, bounds)
    count = bounds.max_items if field.is_repeated else 1
    tag = _varint(field.number << 3)
    if field.is_repeated and field.is_packed:
        return tag + _varint(count * content) + count * content
    if field.type not in _VARINTS and field.type != FieldDescriptor.TYPE_BOOL:
        tag += _varint(content)
    return count * (tag + content)


def _content_bytes(field: FieldDescriptor, bounds: Bounds) -> int:
    if field.type in _VARINTS:
        if field.enum_type is not None:
            return max(_varint(number) for number in field.enum_type.values_by_number)
        return max(_varint(bounds.min), _varint(bounds.max))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return 1
    if field.type == FieldDescriptor.TYPE_STRING:
        printable = bounds_pb2.CHARACTERS_PRINTABLE
        wide = bounds.characters == printable and not bounds.pattern
        return bounds.max_length * (_LONGEST_CHARACTER if wide else 1)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bounds.max_bytes
    if bounds.carries:
        payload = field.message_type.fields_by_name["payload"]
        most = greatest_payload(field)
        rest = greatest_bytes(field.message_type) - _field_bytes(payload)
        return rest + _varint(payload.number << 3) + _varint(most) + most
    return greatest_bytes(field.message_type)


def _varint(value: int) -> int:
    """Bytes of a number; a negative one takes as many as 64 bits."""
    bits = 64 if value < 0 else max(1, value.bit_length())
    return -(-bits // _VARINT_BITS)


def reason_of(bounds: Bounds, usual: int) -> int:
    """The reason with which a value beyond its bounds is refused."""
    return bounds.reason if bounds.reason != errors_pb2.REASON_UNSPECIFIED else usual
