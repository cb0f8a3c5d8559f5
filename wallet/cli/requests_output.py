"""Results of the commands about requests to pay; others' words are made safe for a terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from currency.amount import format_yuan
from language import N_, _
from runtime.output import quoted
from wallet.cli.console import CommandResult
from wallet.cli.reason_texts import sentence
from wallet.cli.times import clock, zone
from wallet.online.requests import RequestLine

_STATES = {
    "OPEN": N_("open"),
    "PAID": N_("paid"),
    "DECLINED": N_("declined"),
    "WITHDRAWING": N_("being withdrawn"),
    "WITHDRAWN": N_("withdrawn"),
    "EXPIRED": N_("expired"),
}


def state_word(line: RequestLine) -> str:
    """The state of a request in the reader's language."""
    return _(_STATES.get(line.state, line.state))


def made(asked: list[tuple[str, str, int]], due_time_ms: int) -> CommandResult:
    """After ``request``.

    Args:
        asked: id, who is asked, and fen, of each request.
        due_time_ms: until when they can be paid.
    """
    fields: dict[str, Any] = {
        "requests": [
            {"name": name, "payer_number": payer, "amount_fen": fen} for name, payer, fen in asked
        ],
        "due_time_ms": due_time_ms,
    }
    due = f"{clock(due_time_ms)} {zone(due_time_ms)}"
    text = "\n".join(
        _("Asked {number} for {yuan} yuan, until {due}.\n{name}").format(
            number=payer, yuan=format_yuan(fen), due=due, name=name
        )
        for name, payer, fen in asked
    )
    return fields, text


def lines(found: list[RequestLine], more: bool) -> CommandResult:
    """After ``requests``."""
    fields = {"requests": [_fields(line) for line in found], "more": more}
    said = [_told(line) for line in found] or [_("There are no such requests.")]
    if found:
        said.append(_("Times are {zone}.").format(zone=zone(found[0].time_ms)))
    if more:
        said.append(_("There are more, older ones."))
    return fields, "\n".join(said)


def changed(line: RequestLine) -> CommandResult:
    """After ``requests decline``, ``withdraw`` and ``remind``."""
    return _fields(line), _told(line)


def blocked(asker: str, *, undo: bool) -> CommandResult:
    """After ``requests block``."""
    who = asker or _("everybody")
    text = (
        _("New requests of {who} are shown again.")
        if undo
        else _("No new requests of {who} are shown. Who asks is not told.")
    )
    return {"asker_number": asker, "blocked": not undo}, text.format(who=who)


def payment_of(line: RequestLine, amount_fen: int) -> str:
    """What is paid, to whom, and for what, in a sentence's words."""
    pays = _("{yuan} yuan to {number}").format(
        yuan=format_yuan(amount_fen), number=line.counterparty
    )
    if amount_fen != line.amount_fen:
        pays += _(" of {yuan} yuan that were asked").format(yuan=format_yuan(line.amount_fen))
    if line.text:
        pays += _(", for {memo}").format(memo=quoted(line.text))
    return pays


def _fields(line: RequestLine) -> dict[str, Any]:
    return {**asdict(line), "left_fen": line.left_fen}


def _told(line: RequestLine) -> str:
    """Two or three lines: who asks whom for how much, what is left; the words; the id."""
    yuan, number = format_yuan(line.amount_fen), line.counterparty
    what = (
        _("you ask {number} for {yuan} yuan") if line.mine else _("{number} asks for {yuan} yuan")
    ).format(number=number, yuan=yuan)
    said = _("{what}: {state}").format(what=what, state=state_word(line))
    if line.paid_fen and line.left_fen:
        said += _(", {left} yuan are left").format(left=format_yuan(line.left_fen))
    if line.partial and line.is_open:
        said += _(", also in parts")
    times = _("of {time}, due {due}").format(
        time=clock(line.time_ms)[:-3], due=clock(line.due_time_ms)[:-3]
    )
    if line.mandate:
        said += "\n  " + _("to your mandate {number}").format(number=line.mandate)
        if line.is_open and line.not_paid:
            said += "\n  " + _("Not paid: {why}").format(why=sentence(line.not_paid, "")[0])
    if line.reminders:
        times += _(", reminded {count} times").format(count=line.reminders)
    words = " ".join(quoted(one) for one in (line.text, line.reference) if one)
    return "\n  ".join(filter(None, (said, words, times, line.name)))
