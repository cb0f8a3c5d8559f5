"""Checks refused deposits: a root of offline money signed the ruling, and none was paid.

Of a refused deposit the central bank keeps a digest, and not the chains. Only its bank can show
whether it was rightly refused: it keeps the whole deposit, and the signed refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Engine, Row, column, select, table, tuple_

from auditor.signatures.bank_keys import check_root
from auditor.signatures.key_rows import Term
from auditor.signatures.verifying import Problems, Verifying
from dcep.errors.v1 import errors_pb2
from dcep.registration.v1 import registration_pb2
from language import _
from offline_token.formats import FormatError
from offline_token.ruling import End, Ruling
from offline_token.verify import Reason

_COLUMNS = ("bank", "number", "reason", "verdict", "ruling")
_refused = table("refused_deposits", *map(column, _COLUMNS))
_ROWS = 5_000
_BEFORE = errors_pb2.REASON_ALREADY_DEPOSITED
_INVALID = errors_pb2.REASON_TOKEN_INVALID
_VERDICTS = set(registration_pb2.TokenVerdict.values()) - {0}


def numbers_refused(engine: Engine) -> set[tuple[int, int]]:
    """(bank's id, number) of each refused deposit."""
    return {(row.bank, row.number) for row in _rows(engine)}


def check_refusals(engine: Engine, roots: Sequence[Term], verifying: Verifying) -> Problems:
    """Names refusals whose ruling no root has signed, or says something else than the row.

    Args:
        engine: the central bank's database.
        roots: of offline money, by the acts of officers.
        verifying: verifies the signatures.
    """
    problems = Problems()
    for row in _rows(engine):
        where = _("table refused_deposits, row bank={bank} number={number}").format(
            bank=row.bank, number=row.number
        )
        known = row.verdict in _VERDICTS if row.reason == _INVALID else not row.verdict
        if row.reason not in (_BEFORE, _INVALID) or not known:
            problems.say(_("{where}: no deposit is refused for this reason").format(where=where))
        elif row.ruling:
            _check_ruling(where, row, roots, verifying, problems)
    return problems


def _check_ruling(
    where: str, row: Row[Any], roots: Sequence[Term], verifying: Verifying, problems: Problems
) -> None:
    try:
        ruling = Ruling.decode(bytes(row.ruling))
    except FormatError:
        problems.say(_("{where}: its ruling cannot be read").format(where=where))
        return
    if ruling.end != _end(row):
        problems.say(
            _("{where}: its ruling says that the piece ended otherwise").format(where=where)
        )
    check_root(verifying, problems, where, roots, ruling, ruling.time_ms)


def _end(row: Row[Any]) -> End:
    """How the piece ended, by the reason and verdict in the row."""
    if row.reason == _BEFORE:
        return End.DEPOSITED
    ends = {
        int(registration_pb2.TOKEN_VERDICT_SPENT_TWICE): End.SPENT_TWICE,
        int(Reason.TOKEN_EXPIRED): End.REFUNDED,
    }
    return ends.get(row.verdict, End.BAD)


def _rows(engine: Engine) -> Iterator[Row[Any]]:
    of, after = _refused.c, (-1, 0)
    while True:
        query = select(_refused).where(tuple_(of.bank, of.number) > after)
        with engine.connect() as connection:
            rows = connection.execute(query.order_by(of.bank, of.number).limit(_ROWS)).all()
        yield from rows
        if len(rows) < _ROWS:
            return
        after = (rows[-1].bank, rows[-1].number)
