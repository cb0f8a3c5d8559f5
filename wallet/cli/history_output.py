"""Lines of a history: fields for programs, rows for spreadsheets, text that fits a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from currency.amount import format_yuan
from language import N_, _
from language.wide import broken, columns_of, labelled, terminal
from runtime.output import harmless
from wallet.cli.console import CommandResult
from wallet.cli.reason_texts import sentence
from wallet.cli.spreadsheets import no_formula
from wallet.cli.times import clock, zone, zoned
from wallet.online.account import HistoryEntry

MAX_WIDTH = 100
"""Columns beyond which lines get no longer: what belongs together stays together."""

_INDENT = "  "
_STATES = (N_("pending"), N_("settled"), N_("refused"), N_("expired"), N_("returned"))
_WHAT = {
    "payment": (N_("payment from"), N_("payment to")),
    "sub-wallet": (N_("home from sub-wallet"), N_("home to")),
    "refund": (N_("refund from"), N_("refund to")),
    "return": (N_("returned by"), N_("returned to")),
    "top-up": (N_("put in"), N_("put in")),
    "cash-out": (N_("taken out"), N_("taken out")),
    "sweep": (N_("on to the deposit account"), N_("on to the deposit account")),
    "offline-load": (N_("into the device"), N_("into the device")),
    "offline-deposit": (N_("from the device"), N_("from the device")),
    "offline-restore": (N_("back from the device"), N_("back from the device")),
}


def listed(
    entries: list[HistoryEntry],
    token: str,
    more: bool,
    unanswered: list[str],
    *,
    searched: bool = False,
) -> CommandResult:
    """After ``history``.

    Args:
        token: of the next page; "" on the last, and when a history was searched.
        more: whether a search stopped at its limit.
        unanswered: ids of orders whose outcome is unknown.
        searched: whether the history was filtered.
    """
    fields = {
        "items": [asdict(entry) for entry in entries],
        "next_page_token": token,
        "more": more or bool(token),
        "unanswered": unanswered,
    }
    lines = [line for entry in entries for line in _lines(entry, _width())]
    lines.append(
        _("Times are {zone}.").format(zone=zone(entries[0].time_ms))
        if entries
        else (_("Nothing like that is in the history.") if searched else _("Nothing yet."))
    )
    if unanswered:
        lines.append(_("Without an answer so far: ") + ", ".join(unanswered))
    if token:
        lines.append(_("Older: wallet history --page {token}").format(token=token))
    if more:
        lines.append(
            _("There is more: --limit, or --until '{time}'").format(time=clock(entries[-1].time_ms))
        )
    return fields, "\n".join(lines)


def told(entry: HistoryEntry) -> CommandResult:
    """After ``payment``."""
    why = " ".join(sentence(entry.reason, "")).strip() if entry.reason else ""
    state = _(entry.state.lower())
    rows = (
        (_("Payment"), entry.payment_id),
        (_("State"), _("{state}: {why}").format(state=state, why=why) if why else state),
        (_("What"), _what(entry)),
        (_("Amount"), _("{amount} yuan").format(amount=_signed(entry.moved_fen))),
        (_("Top-up"), _topped_up(entry)),
        (
            _("Balance"),
            _("{balance_after} yuan after it").format(
                balance_after=format_yuan(entry.balance_after_fen)
            ),
        ),
        (_("Time"), f"{clock(entry.time_ms)} {zone(entry.time_ms)}"),
        (_("Request"), entry.request_to_pay_id),
        (_("Refund of"), entry.refunds_payment_id),
        (_("Refunded"), _refunded(entry)),
        (_("Sweep of"), entry.sweeps_payment_id),
        (_("Memo"), harmless(entry.memo)),
    )
    return asdict(entry), "\n".join(labelled([row for row in rows if row[1]], 8))


def resumed(others: list[HistoryEntry]) -> CommandResult:
    """After ``resume``: the orders that were given elsewhere."""
    fields = {"elsewhere": [asdict(entry) for entry in others]}
    lines = [_("This home orders again. Another copy of it is told so at its next order.")]
    if others:
        lines.append(_("Ordered elsewhere, newest first:"))
        lines += [line for entry in others for line in _lines(entry, _width())]
        lines.append(_("If any of it is not yours, somebody has this wallet's key."))
    return fields, "\n".join(lines)


def as_table(entries: list[HistoryEntry]) -> list[list[str]]:
    """Rows for a spreadsheet, names first."""
    head = ["time", "payment_id", "kind", "state", "reason", "counterparty"]
    head += ["change_yuan", "top_up_yuan", "balance_yuan", "refund_of", "refunded_yuan"]
    head += ["sweep_of", "memo"]
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
                format_yuan(entry.top_up_fen).replace(",", ""),
                format_yuan(entry.balance_after_fen).replace(",", ""),
                entry.refunds_payment_id,
                format_yuan(entry.refunded_fen).replace(",", ""),
                entry.sweeps_payment_id,
                no_formula(harmless(entry.memo)),
            ]
            for entry in entries
        ),
    ]


def progress(entry: HistoryEntry) -> str:
    """How far back a search has got."""
    return _("Read back to {time} …").format(time=clock(entry.time_ms))


def _lines(entry: HistoryEntry, width: int) -> Iterator[str]:
    """Two lines where they fit: when, what and how much; then the rest."""
    what = f"{clock(entry.time_ms)[:-3]}  {_what(entry)}"
    much = f"{_signed(entry.moved_fen):>14}  {format_yuan(entry.balance_after_fen):>14}"
    room = width - columns_of(what) - len(much)
    if room >= 2:
        yield what + " " * room + much
    else:
        yield from broken(what, width, _INDENT)
        yield f"{much.strip():>{width}}" if len(much) > width else f"{much:>{width}}"
    state = _(entry.state.lower()) + (f" ({entry.reason})" if entry.reason else "")
    memo = f"“{harmless(entry.memo)}”" if entry.memo else ""
    of = entry.refunds_payment_id
    refund = _("refund of {payment_id}").format(payment_id=of) if of else ""
    back = _("refunded: {yuan}").format(yuan=_refunded(entry)) if entry.refunded_fen else ""
    swept = entry.sweeps_payment_id
    sweep = _("of what {payment_id} brought").format(payment_id=swept) if swept else ""
    words = (entry.payment_id, state, _topped_up(entry), refund, back, sweep, memo)
    rest = "  ".join(text for text in words if text)
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


def _what(entry: HistoryEntry) -> str:
    """``payment to 6201000000000012``."""
    came, went = _WHAT.get(entry.kind, (entry.kind, entry.kind))
    way = came if entry.change_fen > 0 else went
    return f"{_(way)} {entry.counterparty}" if entry.counterparty else _(way)


def _topped_up(entry: HistoryEntry) -> str:
    """What came from the deposit account for a payment; "" for nothing."""
    if not entry.top_up_fen:
        return ""
    return _("{yuan} yuan from the deposit account").format(yuan=format_yuan(entry.top_up_fen))


def _refunded(entry: HistoryEntry) -> str:
    """How much was given back of what was received; "" for nothing."""
    if not entry.refunded_fen:
        return ""
    return _("{amount} yuan").format(amount=format_yuan(entry.refunded_fen))


def _signed(fen: int) -> str:
    return ("+" if fen > 0 else "") + format_yuan(fen)


def _width() -> int:
    return min(terminal(), MAX_WIDTH)
