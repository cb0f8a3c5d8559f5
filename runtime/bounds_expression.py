"""Compiles the bounds of a message type, at any depth, into one Python expression.

Bulk calls check millions of messages. A function call for each value would cost more than all
comparisons together. The expression only says yes or no; `runtime.messages` finds out what is
wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

from dcep.bounds.v1 import bounds_pb2
from runtime.bounds import (
    carried,
    has_bounds,
    is_plain,
    is_required,
    known_values,
    least_length,
    of,
    too_long,
)

Fits = Callable[[Any], bool]
_CHARACTERS = {
    bounds_pb2.CHARACTERS_PRINTABLE: "{0}.isprintable()",
    bounds_pb2.CHARACTERS_DIGITS: "{0}.isascii() and {0}.isdigit()",
    bounds_pb2.CHARACTERS_ASCII: "{0}.isascii() and {0}.isprintable()",
}


@cache
def fits_of(descriptor: Descriptor) -> Fits:
    """Makes a function that says whether a message of this type is within all its bounds.

    The expression is built from numbers and names of the contract, never from anything received.
    """
    if not has_bounds(descriptor):
        return lambda _: True
    names: dict[str, Any] = {}
    plain = [field for field in descriptor.fields if is_plain(field)]
    choices = [oneof for oneof in descriptor.oneofs if _is_choice(oneof)]
    chosen = {field.name for oneof in choices for field in oneof.fields}
    tests = [_values(plain, names)] if plain else []
    tests += [_choice(oneof, names) for oneof in choices]
    for oneof in descriptor.oneofs:
        if oneof not in choices and is_required(oneof):
            tests.append(f"m.WhichOneof({oneof.name!r}) is not None")
    for field in descriptor.fields:
        if field.is_repeated:
            tests.append(_list(field, names))
        elif field.type == FieldDescriptor.TYPE_MESSAGE and field.name not in chosen:
            tests.append(_message(field, names))
    return _made(f"lambda m: {' and '.join(tests) or True}", names)


def _made(source: str, names: dict[str, Any]) -> Fits:
    made: Fits = eval(source, names)  # noqa: S307
    return made


def _values(fields: Sequence[FieldDescriptor], names: dict[str, Any]) -> str:
    """The test of a message's single values, each of which is read once."""
    tests = [_expression(f"v{index}", field, names) for index, field in enumerate(fields)]
    given = ", ".join(f"v{index}" for index in range(len(fields)))
    names["values"] = _made(f"lambda {given}: {' and '.join(tests)}", names)
    return f"values({', '.join(f'm.{field.name}' for field in fields)})"


def _is_choice(oneof: OneofDescriptor) -> bool:
    """Whether which message it is tells all: none of them has to be there."""
    messages = [f for f in oneof.fields if f.type == FieldDescriptor.TYPE_MESSAGE]
    return bool(messages) and all(of(field).may_be_unset for field in messages)


def _choice(oneof: OneofDescriptor, names: dict[str, Any]) -> str:
    """The test of the message that a oneof has, if it has one."""
    tests = {
        field.name: _made(f"lambda m: {_inner(field, names)}", names)
        if field.type == FieldDescriptor.TYPE_MESSAGE
        else _true
        for field in oneof.fields
    }
    if not is_required(oneof):
        tests[None] = _true
    names[f"one_{oneof.name}"] = tests.get
    names["none"] = _false
    return f"one_{oneof.name}(m.WhichOneof({oneof.name!r}), none)(m)"


def _true(_: object) -> bool:
    return True


def _false(_: object) -> bool:
    return False


def _message(field: FieldDescriptor, names: dict[str, Any]) -> str:
    there = f"m.HasField({field.name!r})"
    inner = _inner(field, names)
    return f"(not {there} or {inner})" if of(field).may_be_unset else f"({there} and {inner})"


def _inner(field: FieldDescriptor, names: dict[str, Any]) -> str:
    """The test of a message that is there, and of what its payload carries."""
    names[f"fits_{field.name}"] = fits_of(field.message_type)
    test = f"fits_{field.name}(m.{field.name})"
    kind = carried(field)
    return test if kind is None else f"{test} and len(m.{field.name}.payload) < {too_long(kind)}"


def _list(field: FieldDescriptor, names: dict[str, Any]) -> str:
    bounds, items = of(field), f"m.{field.name}"
    count = f"{bounds.min_items} <= len({items}) <= {bounds.max_items}"
    # Items that are answered one by one are checked where they are answered.
    if bounds.by_item or field.type == FieldDescriptor.TYPE_BOOL:
        return f"({count})"
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        each = fits_of(field.message_type)
    else:
        each = _made(f"lambda v: {_expression('v', field, names)}", names)
    names[f"each_{field.name}"] = each
    return f"({count} and all(map(each_{field.name}, {items})))"


def _expression(value: str, field: FieldDescriptor, names: dict[str, Any]) -> str:
    bounds = of(field)
    if field.enum_type is not None:
        names[f"known_{field.name}"] = known_values(field)
        return f"{value} in known_{field.name}"
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(value, field, names)
    if field.type == FieldDescriptor.TYPE_BYTES:
        least = least_length(bounds, "min_bytes")
        length = f"{max(least, 1)} <= len({value}) <= {bounds.max_bytes}"
        ascii_only = bounds.characters == bounds_pb2.CHARACTERS_ASCII
        test = f"{length} and {value}.isascii()" if ascii_only else length
        return f"(not {value} or {test})" if not least else f"({test})"
    test = f"{bounds.min} <= {value} <= {bounds.max}"
    return f"(not {value} or {test})" if bounds.may_be_unset else f"({test})"


def _text(value: str, field: FieldDescriptor, names: dict[str, Any]) -> str:
    bounds = of(field)
    least = least_length(bounds, "min_length")
    test = f"{max(least, 1)} <= len({value}) <= {bounds.max_length}"
    if bounds.pattern:
        names[f"matches_{field.name}"] = re.compile(bounds.pattern, re.ASCII).fullmatch
        test += f" and matches_{field.name}({value}) is not None"
    characters = _CHARACTERS.get(bounds.characters)
    if characters is None:
        names["only_lines"] = only_lines
        test += f" and only_lines({value})"
    else:
        test += f" and {characters.format(value)}"
    return f"(not {value} or {test})" if not least else f"({test})"


def only_lines(value: str) -> bool:
    """Whether a text is ASCII that can be printed, with blanks and line ends."""
    return value.isascii() and all(c.isprintable() or c in "\r\n\t" for c in value)
