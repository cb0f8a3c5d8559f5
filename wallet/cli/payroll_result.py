"""The file that says of each row of a payroll what came of it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from currency.amount import format_yuan
from currency.reasons import SENTENCES
from language import N_, _
from runtime.errors import reason_name
from runtime.files import write_whole
from wallet.cli.console import UsageError
from wallet.cli.reason_texts import sentence
from wallet.cli.spreadsheets import no_formula
from wallet.payroll.runs import Entry
from wallet.payroll.sheet import Row, Sheet

SETTLED, RETURNED, REFUSED = "SETTLED", "RETURNED", "REFUSED"
PENDING, NOT_PAID = "PENDING", "NOT_PAID"
STATES = (SETTLED, RETURNED, REFUSED, PENDING, NOT_PAID)
STATE_WORDS = (
    N_("settled"),
    N_("returned"),
    N_("refused"),
    N_("pending"),
    N_("not paid"),
)
"""For each of STATES, what people read."""

_HEADER = ("line", "payee", "name", "amount", "state", "payment_id", "reason")
_MARK = "\ufeff"
"""Without it, a spreadsheet takes UTF-8 for the encoding of its own system."""


class Outcome(NamedTuple):
    """What came of one payee.

    Attributes:
        line: 0 if the file does not have it any more.
        sequence: of its order; 0 if there is none.
        reason: why not, as the contract names it; "" if nothing stood against it.
    """

    line: int
    payee: str
    name: str
    amount_fen: int
    state: str
    sequence: int
    reason: str


def outcomes(sheet: Sheet, entries: dict[str, Entry]) -> Iterator[Outcome]:
    """What came of each row, and then of what the run has paid that is in the file no more."""
    for row in sheet.rows:
        yield _outcome(row, entries.get(row.payee))
    there = {row.payee for row in sheet.rows}
    for payee, entry in entries.items():
        if payee not in there and (entry.open or entry.settled):
            yield _outcome(Row(0, payee, "", entry.amount_fen, ""), entry)


def _outcome(row: Row, entry: Entry | None) -> Outcome:
    state, reason = NOT_PAID, ""
    if entry is not None:
        reason = reason_name(entry.reason) if entry.reason else ""
        if entry.open:
            state = PENDING
        elif entry.settled:
            state = RETURNED if entry.returned else SETTLED
        elif entry.refused:
            state = REFUSED
    sequence = entry.sequence if entry is not None else 0
    return Outcome(row.line, row.payee, row.name, row.amount_fen, state, sequence, reason)


@dataclass(frozen=True)
class Tally:
    """How much came to what.

    Attributes:
        count, fen: by state.
        reasons: how many rows were refused or not paid, by reason.
    """

    count: Counter[str]
    fen: Counter[str]
    reasons: Counter[str]


def tally(of: Iterator[Outcome]) -> Tally:
    """Counts outcomes."""
    found = Tally(Counter(), Counter(), Counter())
    for one in of:
        found.count[one.state] += 1
        found.fen[one.state] += one.amount_fen
        if one.reason:
            found.reasons[one.reason] += 1
    return found


def check_place(path: Path, file: Path) -> None:
    """Checks that a result may be written to a path.

    Raises:
        UsageError: it is the file of payments itself, or another file that is no result.
    """
    try:
        with path.open("rb") as found:
            start = found.read(len(_start()))
    except FileNotFoundError:
        return
    if start != _start() or path.resolve() == file.resolve():
        raise UsageError(
            _("{path} is no result of a payroll and is not replaced; say --result PATH").format(
                path=path
            )
        )


def write_result(path: Path, own_number: str, of: Iterator[Outcome]) -> None:
    """Writes the result: the file is whole, old or new, whenever power fails. Raises OSError."""
    out = io.StringIO()
    out.write(_MARK)
    table = csv.writer(out)
    table.writerow(_HEADER)
    for one in of:
        table.writerow(
            (
                one.line or "",
                # In groups, so that no spreadsheet takes it for a number and rounds it.
                " ".join(one.payee[at : at + 4] for at in range(0, len(one.payee), 4)),
                no_formula(one.name),
                format_yuan(one.amount_fen).replace(",", ""),
                one.state,
                f"{own_number}-{one.sequence}" if one.sequence else "",
                f"{one.reason}: {reason_words(one.reason)}" if one.reason else "",
            )
        )
    write_whole(path, out.getvalue().encode())


def reason_words(reason: str) -> str:
    """What a reason means for a payment, in the reader's language."""
    return sentence(reason, "")[0] or _(SENTENCES.get(reason, SENTENCES["UNSPECIFIED"]))


def _start() -> bytes:
    return (_MARK + ",".join(_HEADER)).encode()
