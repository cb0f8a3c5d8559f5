"""Compares the table of redemptions, for which banks reserve money, with the acts of officers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Engine, Row, column, select, table

from auditor.signatures.orders import Wrong, read
from auditor.signatures.verifying import Problems
from dcep.office.v1 import office_pb2
from language import _

_COLUMNS = ("number", "bank", "amount_fen", "state")
_redemptions = table("redemptions", *map(column, _COLUMNS))
_OVER = "over"
Rows = dict[int, tuple[int, int, bool]]
"""By the number of the act: the bank's id, fen, and whether it is over."""


def redemption_rows(engine: Engine) -> Rows:
    """Reads the rows as they are now."""
    with engine.connect() as connection:
        rows = connection.execute(select(_redemptions)).all()
    return {row.number: (row.bank, row.amount_fen, row.state == _OVER) for row in rows}


def check_redemptions(
    before: Rows, acts: Iterable[Row[Any]], last: Rows, indexes: Mapping[str, int]
) -> Problems:
    """Names rows that no act says, and approved redemptions without a row.

    Args:
        before: the rows before the acts were read.
        acts: the rows of all acts.
        last: the rows after the acts were read; a row that has changed is left to the next audit.
        indexes: the banks' ids, by name.
    """
    problems, wanted = Problems(), Rows()
    approved = set()
    for act in acts:
        if act.kind != "redeem":
            continue
        try:
            asked = read(office_pb2.OfficerAct, bytes(act.proposal)).redeem
        except Wrong:
            continue  # the audit of acts names it
        is_over = act.state != office_pb2.ACT_STATE_OPEN
        wanted[act.id] = (indexes.get(asked.bank, -1), asked.amount_fen, is_over)
        if act.state == office_pb2.ACT_STATE_APPROVED:
            approved.add(act.id)
    for number, row in sorted(before.items()):
        if last.get(number) == row and wanted.get(number) != row:
            problems.say(
                _("table redemptions, row number={number}: no act of officers says so").format(
                    number=number
                )
            )
    for number in sorted(approved - last.keys()):
        problems.say(_("table redemptions, row number={number} is missing").format(number=number))
    return problems
