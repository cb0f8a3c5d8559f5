"""Lines of a history: fields for programs, rows for spreadsheets, text that fits a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from currency.amount import format_yuan
from runtime.output import harmless
from wallet.holder import Entry
from wallet.times import clock, zone, zoned
from wallet.words import sentence

Said = tuple[dict[str, Any], str]

MIN_WIDTH = 40
"""Columns that a terminal has at least: amounts are whole on it, other text is wrapped."""

MAX_WIDTH = 100
"""Columns beyond which lines get no longer: what belongs together stays together."""

_INDENT = "  "
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WHAT = {
    "payment": ("payment from", "payment to"),
    "return": ("returned by", "returned to"),
    "top-up": ("put in", "put in"),
    "cash-out": ("taken out", "taken out"),
    "offline-load": ("into the device", "into the device"),
    "offline-deposit": ("from the device", "from the device"),
    "offline-restore": ("back from the device", "back from the device"),
}


def listed(entries: list[Entry], token: str, more: bool, unanswered: list[str]) -> Said:
    """After ``history``.

    Args:
        token: of the next page; "" on the last, and when a history was searched.
        more: whether a search stopped at its limit.
        unanswered: ids of orders whose outcome nobody knows.
    """
    fields = {
        "items": [asdict(entry) for entry in entries],
        "next_page_token": token,
        "more": more or bool(token),
        "unanswered": unanswered,
    }
    lines = [line for entry in entries for line in _lines(entry, _width())]
    lines.append(f"Times are {zone(entries[0].time_ms)}." if entries else "Nothing yet.")
    if unanswered:
        lines.append("Without an answer so far: " + ", ".join(unanswered))
    if token:
        lines.append(f"Older: wallet history --page {token}")
    if more:
        lines.append(f"There is more: --limit, or --until '{clock(entries[-1].time_ms)}'")
    return fields, "\n".join(lines)


def told(entry: Entry) -> Said:
    """After ``payment``."""
    why = " ".join(sentence(entry.reason, "")) if entry.reason else ""
    rows = (
        ("Payment", entry.payment_id),
        ("State", f"{entry.state.lower()}{f': {why}' if why else ''}"),
        ("What", _what(entry)),
        ("Amount", f"{_signed(entry.change_fen)} yuan"),
        ("Balance", f"{format_yuan(entry.balance_after_fen)} yuan after it"),
        ("Time", f"{clock(entry.time_ms)} {zone(entry.time_ms)}"),
        ("Memo", harmless(entry.memo)),
    )
    return asdict(entry), "\n".join(f"{name:<8} {text}" for name, text in rows if text)


def resumed(others: list[Entry]) -> Said:
    """After ``resume``: what was ordered elsewhere."""
    fields = {"elsewhere": [asdict(entry) for entry in others]}
    lines = ["This home orders again. Another copy of it is told so at its next order."]
    if others:
        lines.append("Ordered elsewhere, newest first:")
        lines += [line for entry in others for line in _lines(entry, _width())]
        lines.append("If any of it is not yours, somebody has this wallet's key.")
    return fields, "\n".join(lines)


def as_table(entries: list[Entry]) -> list[list[str]]:
    """Rows for a spreadsheet, names first."""
    head = ["time", "payment_id", "kind", "state", "reason", "counterparty"]
    head += ["change_yuan", "balance_yuan", "memo"]
    return [
        head,
        *(
            [
                zoned(entry.time_ms),
                entry.payment_id,
                entry.kind,
                entry.state,
                entry.reason,
                entry.counterparty,
                format_yuan(entry.change_fen).replace(",", ""),
                format_yuan(entry.balance_after_fen).replace(",", ""),
                _no_formula(harmless(entry.memo)),
            ]
            for entry in entries
        ),
    ]


def progress(entry: Entry) -> str:
    """How far back a search is."""
    return f"Read back to {clock(entry.time_ms)} …"


def _lines(entry: Entry, width: int) -> Iterator[str]:
    """Two lines where they fit: when, what and how much; then the rest."""
    what = f"{clock(entry.time_ms)[:-3]}  {_what(entry)}"
    much = f"{_signed(entry.change_fen):>14}  {format_yuan(entry.balance_after_fen):>14}"
    if len(what) + 2 + len(much) <= width:
        yield f"{what:<{width - len(much)}}{much}"
    else:
        yield from textwrap.wrap(what, width, subsequent_indent=_INDENT)
        yield f"{much.strip():>{width}}" if len(much) > width else f"{much:>{width}}"
    state = entry.state.lower() + (f" ({entry.reason})" if entry.reason else "")
    memo = f"“{harmless(entry.memo)}”" if entry.memo else ""
    rest = "  ".join(text for text in (entry.payment_id, state, memo) if text)
    yield from _wrapped(rest, width)


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Lines of at most `width` columns, in which a Chinese character takes two."""
    from rich.cells import cell_len, chop_cells

    line = _INDENT.rstrip(" ")
    for word in text.split("  "):
        room = width - len(_INDENT)
        for part in chop_cells(word, room) if cell_len(word) > room else [word]:
            if line and cell_len(line) + 2 + cell_len(part) > room:
                yield _INDENT + line
                line = ""
            line = f"{line}  {part}" if line else part
    if line:
        yield _INDENT + line


def _what(entry: Entry) -> str:
    """``payment to 6201000000000012``."""
    came, went = _WHAT.get(entry.kind, (entry.kind, entry.kind))
    way = came if entry.change_fen > 0 else went
    return f"{way} {entry.counterparty}" if entry.counterparty else way


def _signed(fen: int) -> str:
    return ("+" if fen > 0 else "") + format_yuan(fen)


def _no_formula(text: str) -> str:
    """Text that a spreadsheet takes for text, whatever its sender began it with."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _width() -> int:
    columns = shutil.get_terminal_size((80, 24)).columns
    return max(MIN_WIDTH, min(columns, MAX_WIDTH))
