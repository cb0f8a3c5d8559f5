"""Checks the record of officers' looks at who customers are: signed, and none taken out.

What it cannot tell: that the last looks of an officer are missing, which the officer's own commands
notice at the next look; and a look with the bank's key past its service.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Row, column, table

from auditor.signatures.acts import ActsDone
from auditor.signatures.orders import Wrong, read, same
from auditor.signatures.rights import SKEW_MS
from auditor.signatures.rows import rows_if_there
from auditor.signatures.verifying import Problems, Verifying
from dcep.bank.v1 import officers_pb2
from language import _

_looks = table(
    "customer_looks",
    *map(column, ("id", "officer", "number", "payload", "signature", "time_ms")),
)
_KEPT_MS = 400 * 86_400_000


def look_rows(engine: Engine) -> Sequence[Row[Any]]:
    """The looks on record at a bank, each officer's in order."""
    return rows_if_there(engine, _looks, "officer", "number")


def check_looks(
    bank: str, rows: Sequence[Row[Any]], acts: ActsDone, verifying: Verifying
) -> Problems:
    """Names looks that their officers did not sign, and gaps where one was taken out.

    Args:
        bank: its name.
        rows: as `look_rows` read them before the acts.
        acts: the bank's, which say whose keys are whose.
        verifying: verifies the signatures.
    """
    problems, before = Problems(), dict[str, Row[Any]]()
    newest_ms = max((row.time_ms for row in rows), default=0)
    for row in rows:
        try:
            _check(row, bank, acts, verifying)
            _follows(row, before.get(row.officer), newest_ms)
        except Wrong as wrong:
            problems.say(
                _("table {table}, row id={id}: {wrong}").format(
                    table=_looks.name, id=row.id, wrong=wrong
                )
            )
        before[row.officer] = row
    return problems


def _check(row: Row[Any], bank: str, acts: ActsDone, verifying: Verifying) -> None:
    payload = bytes(row.payload)
    look = read(officers_pb2.CustomerLook, payload)
    same("bank", look.bank, bank)
    same("officer", look.officer, row.officer)
    same("number", look.number, row.number)
    keys, signature = acts.keys_at(row.officer, row.time_ms), bytes(row.signature)
    if not verifying.now(keys, [officers_pb2.CustomerLook], payload, signature):
        raise Wrong(
            _("it is not signed by a key that {officer} had then").format(officer=row.officer)
        )
    late = row.time_ms > look.expires_time_ms + SKEW_MS and row.time_ms != look.previous_time_ms
    if row.time_ms < look.created_time_ms - SKEW_MS or late:
        raise Wrong(
            _("it was {what} at {time_ms}, and signed for {first} to {last}").format(
                what=_("written down"),
                time_ms=row.time_ms,
                first=look.created_time_ms,
                last=look.expires_time_ms,
            )
        )


def _follows(row: Row[Any], before: Row[Any] | None, newest_ms: int) -> None:
    """Raises Wrong unless a look is the officer's next one after another, or after one so old that
    it is not kept.
    """
    look = read(officers_pb2.CustomerLook, bytes(row.payload))
    if before is not None:
        follows = (row.number, look.previous_time_ms) == (before.number + 1, before.time_ms)
    elif row.number == 1:
        follows = not look.previous_time_ms
    else:
        follows = 0 < look.previous_time_ms < newest_ms - _KEPT_MS
    if not follows:
        raise Wrong(_("a look of {officer} before it is missing").format(officer=row.officer))
