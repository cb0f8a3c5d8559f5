"""Encodes the difference between two versions of the secure element's state, and applies it.

A change is small where little has changed. A state consists of fields; a list or a dictionary
counts as rows in an order. For such a field a change has the places of the rows that are gone, the
rows that have another value, and the rows that were added at the end. Anything else, such as a row
that was moved, is removed and added again. Applied to the earlier state, a change gives exactly the
later one, with the same order of rows; the order counts, because the oldest row is forgotten first.

For the trust bundle a change has only the bytes that differ, after the line of JSON. A newer bundle
with the same filter costs about a tenth of the bundle.
"""

from __future__ import annotations

import json
from dataclasses import fields
from os.path import commonprefix
from typing import Any

from wallet.secure_element.state import LINE_END, ElementState, HeldKey, HeldPiece, in_a_line

Row = tuple[str, Any]
"""What identifies a row, and its value."""
Noted = dict[str, Any]
"""The fields of a state at one time, by name: their rows, or the value itself."""

_NAMES = [field.name for field in fields(ElementState)]


def noted(state: ElementState) -> Noted:
    """A copy of a state's fields as they are now. Later changes to the state do not alter it."""
    return {name: _noted(getattr(state, name)) for name in _NAMES}


def change_since(before: Noted, state: ElementState) -> bytes:
    """What has changed since `noted` gave `before`: a line of JSON, then bytes; b"" for nothing."""
    found: dict[str, Any] = {}
    fresh = b""
    for name in _NAMES:
        now, earlier = _noted(getattr(state, name)), before[name]
        if now == earlier:
            continue
        if isinstance(now, bytes):
            first, behind = _same(earlier, now)
            found[name], fresh = [first, behind], now[first : len(now) - behind]
        else:
            named = isinstance(getattr(state, name), dict)
            found[name] = _between(earlier, now, named) if isinstance(now, list) else now
    return in_a_line(found) + fresh if found else b""


def apply(state: ElementState, change: bytes) -> None:
    """Applies a change to a state, in place. Raises ValueError if it is no change of this state."""
    line, _, fresh = change.partition(LINE_END)
    try:
        for name, what in json.loads(line).items():
            earlier = getattr(state, name)
            if isinstance(earlier, bytes):
                setattr(state, name, _respelled(earlier, what, fresh))
            elif isinstance(earlier, list | dict):
                rows = _applied(_noted(earlier), *what)
                setattr(state, name, _from_rows(name, earlier, rows))
            else:
                setattr(state, name, what)
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"not a change of a secure element's state: {error}") from None


def _noted(value: Any) -> Any:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list):
        return [_row(item) for item in value]
    return value


def _row(item: HeldKey | HeldPiece | str) -> Row:
    if isinstance(item, HeldKey):
        return item.public, dict(vars(item))
    if isinstance(item, HeldPiece):
        return f"{item.output} {item.chain}", dict(vars(item))
    return item, item


def _same(before: bytes, after: bytes) -> tuple[int, int]:
    """How many bytes are the same at the beginning, and how many of the rest at the end."""
    first = len(commonprefix([before, after]))
    rest, others = before[first:][::-1], after[first:][::-1]
    return first, len(commonprefix([rest, others]))


def _respelled(earlier: bytes, what: Any, fresh: bytes) -> bytes:
    """The later bytes: the fresh ones between the two ends that are the same."""
    if isinstance(what, str):  # An earlier version wrote all the bytes, in hex.
        return bytes.fromhex(what)
    first, behind = what
    if not (0 <= first <= len(earlier) - behind and behind >= 0):
        raise ValueError("not a change of a secure element's trust bundle")
    return earlier[:first] + fresh + earlier[len(earlier) - behind :]


def _between(before: list[Row], after: list[Row], named: bool) -> list[Any]:
    """How one list of rows becomes another.

    Args:
        named: whether a row's name is written. For an item of a list it follows from the value.

    Returns:
        The places of rows that are gone; [place among the rows that stay, value] for each row
        with another value; and [name, value] for each row that was added at the end.
    """
    places: dict[str, list[int]] = {}
    for place, (name, _) in enumerate(before):
        places.setdefault(name, []).append(place)
    stay: list[int] = []
    for name, _ in after:
        last = stay[-1] if stay else -1
        next_place = next((each for each in places.get(name, ()) if each > last), None)
        if next_place is None:
            break
        stay.append(next_place)
    gone = sorted(set(range(len(before))) - set(stay))
    altered = [
        [at, after[at][1]] for at, place in enumerate(stay) if before[place][1] != after[at][1]
    ]
    more = [[name if named else "", value] for name, value in after[len(stay) :]]
    return [gone, altered, more]


def _applied(rows: list[Row], gone: list[int], altered: list[Any], more: list[Any]) -> list[Row]:
    for place in reversed(gone):
        del rows[place]
    for place, value in altered:
        rows[place] = (rows[place][0], value)
    return rows + [(name, value) for name, value in more]


def _from_rows(field: str, earlier: Any, rows: list[Row]) -> Any:
    if isinstance(earlier, dict):
        return dict(rows)
    kind = {"keys": HeldKey, "pieces": HeldPiece}.get(field)
    return [kind(**value) if kind is not None else value for _, value in rows]
