"""Whether single values keep their bounds, all in one expression.

Bulk calls ask this millions of times, and a call of a function for each value would take longer
than all comparisons together. What is wrong, and how it is refused, `runtime.messages` knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from dcep.bounds.v1 import bounds_pb2
from runtime.bounds import known_values, least_length, of, values_of

_CHARACTERS = {
    bounds_pb2.CHARACTERS_PRINTABLE: "{0}.isprintable()",
    bounds_pb2.CHARACTERS_DIGITS: "{0}.isascii() and {0}.isdigit()",
    bounds_pb2.CHARACTERS_ASCII: "{0}.isascii() and {0}.isprintable()",
}


def one_expression(fields: Sequence[FieldDescriptor]) -> Callable[[Any], bool]:
    """Tells of a message whether it keeps the bounds of these fields, none of them a message.

    It is made of the numbers and names of the contract, and of nothing that anybody sends.
    """
    names: dict[str, Any] = {}
    tests = [_expression(f"v{index}", field, names) for index, field in enumerate(fields)]
    values = ", ".join(f"m.{field.name}" for field in fields)
    given = ", ".join(f"v{index}" for index in range(len(fields)))
    names["fits"] = eval(f"lambda {given}: {' and '.join(tests)}", names)  # noqa: S307
    fits: Callable[[Any], bool] = eval(f"lambda m: fits({values})", names)  # noqa: S307
    return fits


def _expression(value: str, field: FieldDescriptor, names: dict[str, Any]) -> str:
    bounds = of(field)
    if values_of(field) is not None:
        names[f"known_{value}"] = known_values(field)
        return f"{value} in known_{value}"
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(value, bounds, names)
    if field.type == FieldDescriptor.TYPE_BYTES:
        least = least_length(bounds, "min_bytes")
        length = f"{max(least, 1)} <= len({value}) <= {bounds.max_bytes}"
        ascii_only = bounds.characters == bounds_pb2.CHARACTERS_ASCII
        test = f"{length} and {value}.isascii()" if ascii_only else length
        return f"(not {value} or {test})" if not least else f"({test})"
    test = f"{bounds.min} <= {value} <= {bounds.max}"
    return f"(not {value} or {test})" if bounds.may_be_unset else f"({test})"


def _text(value: str, bounds: bounds_pb2.Bounds, names: dict[str, Any]) -> str:
    least = least_length(bounds, "min_length")
    test = f"{max(least, 1)} <= len({value}) <= {bounds.max_length}"
    if bounds.pattern:
        names[f"matches_{value}"] = re.compile(bounds.pattern, re.ASCII).fullmatch
        test += f" and matches_{value}({value}) is not None"
    characters = _CHARACTERS.get(bounds.characters)
    if characters is None:
        names[f"lines_{value}"] = only_lines
        test += f" and lines_{value}({value})"
    else:
        test += f" and {characters.format(value)}"
    return f"(not {value} or {test})" if not least else f"({test})"


def only_lines(value: str) -> bool:
    """Whether a text is ASCII that can be printed, with blanks and line ends."""
    return value.isascii() and all(c.isprintable() or c in "\r\n\t" for c in value)
