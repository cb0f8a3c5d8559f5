"""Counts what each bank changes in the directory of aliases, and asks of it, a day."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, update

from central_bank.aliases.tables import alias_budgets, alias_directory
from central_bank.authentication.banks import AdmittedBank
from central_bank.limits import ALIAS_CHANGES_PER_DAY
from currency.days import DAY_MS
from dcep.errors.v1 import errors_pb2
from runtime.errors import Refusal
from runtime.shares import overloaded

_OF, _LABELS = alias_budgets.c, alias_directory.c


def count_change(connection: Connection, bank: AdmittedBank, number: int, now_ms: int) -> int:
    """Counts a change with its number.

    Returns:
        How many labels the bank has at most: those that it had when its day began, and one for each
        change since.

    Raises:
        Refusal: SEQUENCE_INVALID, the number is not above the last; OVERLOADED, for today.
    """
    last, held, changes, _ = _row(connection, bank, now_ms)
    if number <= last:
        raise Refusal(
            errors_pb2.REASON_SEQUENCE_INVALID,
            f"the number is above {last}, this bank's last one",
            field="number",
            highest=str(last),
        )
    if changes >= ALIAS_CHANGES_PER_DAY:
        raise overloaded("as many aliases as a bank may change today", _again_ms(now_ms))
    _set(connection, bank, number=number, changes=changes + 1)
    return held + changes


def count_lookup(connection: Connection, bank: AdmittedBank, most: int, now_ms: int) -> None:
    """Counts a question, whatever comes of it.

    Raises:
        Refusal: TOO_MANY_LOOKUPS, for today.
    """
    lookups = _row(connection, bank, now_ms)[3]
    _check_lookups(lookups, most, now_ms)
    _set(connection, bank, lookups=lookups + 1)


def check_lookups(connection: Connection, bank: AdmittedBank, most: int, now_ms: int) -> None:
    """Raises as `count_lookup`, and counts nothing."""
    query = select(_OF.lookups).where(_OF.bank == bank.index, _OF.day >= now_ms // DAY_MS)
    _check_lookups(connection.scalar(query) or 0, most, now_ms)


def _check_lookups(lookups: int, most: int, now_ms: int) -> None:
    if lookups >= most:
        raise Refusal(
            errors_pb2.REASON_TOO_MANY_LOOKUPS,
            f"a bank looks for {most} aliases a day at most",
            retry_time_ms=str(now_ms + _again_ms(now_ms)),
        )


def _row(connection: Connection, bank: AdmittedBank, now_ms: int) -> tuple[int, int, int, int]:
    """The last number, the labels at the day's beginning, and the changes and questions of the day;
    the row is locked.

    Today never goes back: a clock that does gives nobody another day's budget.
    """
    row = connection.execute(
        select(alias_budgets).where(_OF.bank == bank.index).with_for_update()
    ).first()
    day = now_ms // DAY_MS
    if row is not None and row.day >= day:
        return row.number, row.held, row.changes, row.lookups
    mine = select(func.count()).select_from(alias_directory).where(_LABELS.bank == bank.index)
    values = {"day": day, "held": connection.scalar(mine) or 0, "changes": 0, "lookups": 0}
    if row is not None:
        _set(connection, bank, **values)
        return row.number, values["held"], 0, 0
    connection.execute(insert(alias_budgets).values(bank=bank.index, number=0, **values))
    return 0, values["held"], 0, 0


def _set(connection: Connection, bank: AdmittedBank, **values: int) -> None:
    connection.execute(update(alias_budgets).where(_OF.bank == bank.index).values(**values))


def _again_ms(now_ms: int) -> int:
    return DAY_MS - now_ms % DAY_MS
