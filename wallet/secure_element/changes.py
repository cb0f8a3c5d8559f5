"""What differs between a state and the same state later, small where little changed.

A state is fields, and a field that is a list or a dictionary is rows in an order. Of such a field a
change names the rows that are gone by their places, those that have another value, and those that
were added behind; whatever cannot be said so is gone and added again. So a change applied to the
one state gives exactly the other, orders included: the oldest row is the first to be forgotten.
Of the trust bundle it has the bytes that are others, behind the line of JSON: a newer one with the
same filter is a tenth of it.
"""

from __future__ import annotations

import json
from dataclasses import fields
from os.path import commonprefix
from typing import Any

from wallet.secure_element.state import LINE_END, HeldKey, HeldPiece, State, in_a_line

Row = tuple[str, Any]
"""What a row is known again by, and its value."""
Noted = dict[str, Any]
"""Fields of a state as they were: rows, or the value itself."""

_NAMES = [field.name for field in fields(State)]


def noted(state: State) -> Noted:
    """A state as it is now; what is done to the state does not alter it."""
    return {name: _noted(getattr(state, name)) for name in _NAMES}


def change_since(before: Noted, state: State) -> bytes:
    """What has changed, as a line of JSON and bytes; b"" for nothing."""
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


def apply(state: State, change: bytes) -> None:
    """Brings a state to what it became. Raises ValueError for no change of such a state."""
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
    """How many bytes are the same at the beginning, and then at the end."""
    first = len(commonprefix([before, after]))
    rest, others = before[first:][::-1], after[first:][::-1]
    return first, len(commonprefix([rest, others]))


def _respelled(earlier: bytes, what: Any, fresh: bytes) -> bytes:
    """Other bytes between those that are the same."""
    if isinstance(what, str):  # all of them in hex: an earlier version wrote it
        return bytes.fromhex(what)
    first, behind = what
    if not (0 <= first <= len(earlier) - behind and behind >= 0):
        raise ValueError("not a change of a secure element's trust bundle")
    return earlier[:first] + fresh + earlier[len(earlier) - behind :]


def _between(before: list[Row], after: list[Row], named: bool) -> list[Any]:
    """Places that are gone; [place among those that stay, value] of others; rows behind them.

    Of an item of a list its name is its value's, and not written once more.
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
