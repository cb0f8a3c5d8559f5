"""Reads messages from others, and checks them before anything is done with them.

Requests, signed payloads and answers are all read here. A message may be no longer than its fields
need. It may have no field, at any depth, that the contract does not know. Every value must be
within the bounds that the contract gives its field (`runtime.bounds`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NoReturn, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from dcep.bounds.v1 import bounds_pb2
from dcep.errors.v1 import errors_pb2
from runtime.bounds import (
    Bounds,
    carried,
    greatest_bytes,
    greatest_payload,
    has_bounds,
    is_plain,
    is_required,
    known_values,
    least_length,
    of,
    reason_of,
    too_long,
)
from runtime.bounds_expression import fits_of, only_lines
from runtime.checks import invalid, of_item
from runtime.errors import BadAnswer, Refusal

M = TypeVar("M", bound=Message)
Check = Callable[[Any], None]
"""Raises Refusal for a value that is out of bounds."""
_SHOWN = 40
"""How many characters of a value a refusal repeats."""


def read(kind: type[M], data: bytes) -> M:
    """Reads a request from its bytes.

    Raises:
        Refusal: MESSAGE_TOO_LONG, MESSAGE_UNREADABLE, FIELD_UNKNOWN, or the reason of the first
            wrong field, which it names by its path, such as `items[3].amount_fen`.
    """
    check_length(kind.DESCRIPTOR, data)
    return _read(kind, data, "")


def check_length(descriptor: Descriptor, data: bytes) -> None:
    """Raises Refusal, MESSAGE_TOO_LONG, when the bytes are too many for any such message."""
    if has_bounds(descriptor) and len(data) >= too_long(descriptor):
        raise Refusal(
            errors_pb2.REASON_MESSAGE_TOO_LONG,
            f"a {descriptor.name} has at most {greatest_bytes(descriptor)} bytes",
            most=str(greatest_bytes(descriptor)),
        )


def read_payload(kind: type[M], payload: bytes) -> M:
    """Reads a message from the bytes that somebody signed.

    Raises:
        Refusal: as `read`; where the bytes themselves are wrong it names the field `payload`, and
            too many of them are FIELD_INVALID.
    """
    if len(payload) >= too_long(kind.DESCRIPTOR):
        raise invalid("payload", f"has at most {greatest_bytes(kind.DESCRIPTOR)} bytes here")
    return _read(kind, payload, "payload")


def check(message: Message) -> None:
    """Checks a message's fields, at any depth.

    Raises:
        Refusal: a field is out of bounds; it is named by its path.
    """
    descriptor = message.DESCRIPTOR
    if not fits_of(descriptor)(message):
        # The slower check, which knows the field, runs only once one is wrong.
        _check_of(descriptor)(message)


def check_answer(message: Any) -> None:
    """Checks what a peer answered.

    Raises:
        BadAnswer: it breaks the contract; what became of the request is unknown.
    """
    if not isinstance(message, Message) or not has_bounds(message.DESCRIPTOR):
        return
    name = message.DESCRIPTOR.full_name
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise BadAnswer(f"an answer {name} with fields that the contract does not know")
    try:
        check(message)
    except Refusal as refusal:
        raise BadAnswer(f"an answer {name} beyond the contract: {refusal.message}") from None


def _read(kind: type[M], data: bytes, field: str) -> M:
    try:
        message: M = kind.FromString(data)
    except DecodeError:
        raise Refusal(
            errors_pb2.REASON_MESSAGE_UNREADABLE,
            f"the bytes are no {kind.DESCRIPTOR.name}",
            field=field,
        ) from None
    # Unknown fields, at any depth, show in the length. So do fields that are there more than once,
    # of which only the last counts.
    message.DiscardUnknownFields()
    if message.ByteSize() != len(data):
        _refuse_unknown(kind.FromString(data), "")
        if message.ByteSize() < len(data):
            raise _padded(kind.DESCRIPTOR, field, len(data) - message.ByteSize())
    check(message)
    return message


def _refuse_unknown(message: Message, path: str) -> None:
    """Refuses the first field that the contract does not know."""
    unknown = UnknownFieldSet(message)
    if len(unknown):
        number = f"{path}{unknown[0].field_number}"
        raise Refusal(
            errors_pb2.REASON_FIELD_UNKNOWN,
            f"{message.DESCRIPTOR.full_name} has no field {unknown[0].field_number}",
            field=number,
        )
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for index, inner in enumerate(value if field.is_repeated else [value]):
            place = f"{field.name}[{index}]" if field.is_repeated else field.name
            _refuse_unknown(inner, f"{path}{place}.")


def _padded(descriptor: Descriptor, field: str, surplus: int) -> Refusal:
    return Refusal(
        errors_pb2.REASON_MESSAGE_TOO_LONG,
        f"the {descriptor.name} has {surplus} bytes more than its fields need",
        field=field,
    )


# The check of each message type is put together once.


@cache
def _check_of(descriptor: Descriptor) -> Check:
    """The check of a message type."""
    if not has_bounds(descriptor):
        return _nothing
    plain = [field for field in descriptor.fields if is_plain(field)]
    steps: list[Check] = [
        _list_check(field) if field.is_repeated else _message_check(field)
        for field in descriptor.fields
        if field.is_repeated or field.type == FieldDescriptor.TYPE_MESSAGE
    ]
    steps += [_oneof_check(oneof) for oneof in descriptor.oneofs if is_required(oneof)]
    if plain:
        steps.insert(0, _values_check(plain))
    return steps[0] if len(steps) == 1 else _all_of(steps)


def _nothing(_: object) -> None:
    pass


def _all_of(steps: Sequence[Check]) -> Check:
    def check(message: Any) -> None:
        for step in steps:
            step(message)

    return check


def _values_check(fields: Sequence[FieldDescriptor]) -> Check:
    """The check of a message's single values."""
    one_by_one = [(attrgetter(field.name), _value_check(field)) for field in fields]

    def check(message: Any) -> None:
        for value, test in one_by_one:
            test(value(message))

    return check


def _value_check(field: FieldDescriptor) -> Check:
    """The check of one value of a field; its refusal names the field."""
    bounds = of(field)
    if field.enum_type is not None:
        return _known(field, bounds)
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(field.name, bounds)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(field.name, bounds)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _check_of(field.message_type)
    return _number(field.name, bounds)


def _number(name: str, bounds: Bounds) -> Check:
    low, high, optional = bounds.min, bounds.max, bounds.may_be_unset

    def check(value: int) -> None:
        if not low <= value <= high and (value or not optional):
            refuse(value)

    def refuse(value: int) -> NoReturn:
        if not value and not bounds.reason:
            raise _missing(name, bounds)
        reason = reason_of(bounds, errors_pb2.REASON_FIELD_INVALID)
        raise Refusal(reason, f"{name} is {low} to {high}, not {value}", field=name)

    return check


def _known(field: FieldDescriptor, bounds: Bounds) -> Check:
    known, name = known_values(field), field.name

    def check(value: int) -> None:
        if value not in known:
            if not value:
                raise _missing(name, bounds)
            reason = reason_of(bounds, errors_pb2.REASON_FIELD_INVALID)
            raise Refusal(reason, f"{name} has no value {value}", field=name)

    return check


def _text(name: str, bounds: Bounds) -> Check:
    shortest, longest = least_length(bounds, "min_length"), bounds.max_length
    fits, what = _CHARACTERS[bounds.characters]
    matches = re.compile(bounds.pattern, re.ASCII).fullmatch if bounds.pattern else None

    def check(value: str) -> None:
        if not value:
            if shortest:
                raise _missing(name, bounds)
        elif (
            not shortest <= len(value) <= longest
            or not fits(value)
            or (matches is not None and not matches(value))
        ):
            refuse(value)

    def refuse(value: str) -> NoReturn:
        if not shortest <= len(value) <= longest:
            said = f"has {shortest} to {longest} characters, not {len(value)}"
        elif not fits(value):
            said = f"has {what} only"
        else:
            said = f"is not {value[:_SHOWN]!r}; it looks like {bounds.pattern}"
        reason = reason_of(bounds, errors_pb2.REASON_FIELD_INVALID)
        raise Refusal(reason, f"{name} {said}", field=name)

    return check


def _bytes(name: str, bounds: Bounds) -> Check:
    shortest, longest = least_length(bounds, "min_bytes"), bounds.max_bytes
    ascii_only = bounds.characters == bounds_pb2.CHARACTERS_ASCII

    def check(value: bytes) -> None:
        if not value and shortest:
            raise _missing(name, bounds)
        if value and not shortest <= len(value) <= longest:
            refuse(f"has {shortest} to {longest} bytes, not {len(value)}")
        if ascii_only and not value.isascii():
            refuse("is ASCII")

    def refuse(said: str) -> NoReturn:
        reason = reason_of(bounds, errors_pb2.REASON_FIELD_INVALID)
        raise Refusal(reason, f"{name} {said}", field=name)

    return check


def _list_check(field: FieldDescriptor) -> Check:
    bounds, name = of(field), field.name
    fewest, most = bounds.min_items, bounds.max_items
    # Items that are each answered for themselves are checked where they are answered.
    free = bounds.by_item or field.type == FieldDescriptor.TYPE_BOOL
    each = None if free else _value_check(field)
    values = attrgetter(name)

    def check(message: Any) -> None:
        items = values(message)
        count = len(items)
        if not fewest <= count <= most:
            refuse(count)
        if each is None:
            return
        for index, item in enumerate(items):
            try:
                each(item)
            except Refusal as refusal:
                raise _at(f"{name}[{index}]", field, refusal) from None

    def refuse(count: int) -> NoReturn:
        if not count:
            raise _missing(name, bounds)
        raise Refusal(
            reason_of(bounds, errors_pb2.REASON_TOO_MANY_ITEMS),
            f"{name} has {fewest} to {most} items, not {count}",
            field=name,
            most=str(most),
        )

    return check


def _message_check(field: FieldDescriptor) -> Check:
    bounds, name, inner = of(field), field.name, _check_of(field.message_type)
    optional = bounds.may_be_unset
    values = attrgetter(name)
    kind = carried(field)
    most = too_long(kind) if kind is not None else None

    def check(message: Any) -> None:
        if not message.HasField(name):
            if not optional:
                raise _missing(name, bounds)
            return
        value = values(message)
        try:
            inner(value)
            if most is not None and len(value.payload) >= most:
                said = f"has at most {greatest_payload(field)} bytes, not {len(value.payload)}"
                raise invalid("payload", said)
        except Refusal as refusal:
            raise of_item(name, refusal) from None

    return check


def _oneof_check(oneof: OneofDescriptor) -> Check:
    name = oneof.name

    def check(message: Any) -> None:
        if message.WhichOneof(name) is None:
            raise Refusal(errors_pb2.REASON_FIELD_MISSING, f"{name} is missing", field=name)

    return check


def _at(place: str, field: FieldDescriptor, refusal: Refusal) -> Refusal:
    """The refusal of an item: of a field in it, or of the item itself."""
    if field.message_type is not None:
        return of_item(place, refusal)
    said = refusal.message.removeprefix(field.name)
    return Refusal(refusal.reason, f"{place}{said}", field=place, **refusal.metadata)


def _missing(name: str, bounds: Bounds) -> Refusal:
    reason = reason_of(bounds, errors_pb2.REASON_FIELD_MISSING)
    return Refusal(reason, f"{name} is missing", field=name)


_CHARACTERS: dict[int, tuple[Callable[[str], bool], str]] = {
    bounds_pb2.CHARACTERS_PRINTABLE: (str.isprintable, "characters that can be printed"),
    bounds_pb2.CHARACTERS_DIGITS: (lambda v: v.isascii() and v.isdigit(), "digits"),
    bounds_pb2.CHARACTERS_ASCII: (
        lambda v: v.isascii() and v.isprintable(),
        "ASCII that can be printed",
    ),
    bounds_pb2.CHARACTERS_LINES: (only_lines, "ASCII and line ends"),
}
