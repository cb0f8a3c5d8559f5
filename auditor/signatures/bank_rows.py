"""Compares the table of banks with the acts of two officers that admit and suspend banks.

Somebody who only writes "suspended" into the table cuts a bank off from its money. Somebody who
writes another address keeps it from being paid, because it cannot be asked about payees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

from sqlalchemy import Engine, column, select, table

from auditor.signatures.acts import Approved
from auditor.signatures.verifying import Problems
from language import _

_COLUMNS = ("id", "name", "prefix", "inner_address", "suspended")
_banks = table("banks", *map(column, _COLUMNS))


class _Row(NamedTuple):
    id: int
    name: str
    prefix: str
    inner_address: str
    suspended: int


class BankRows(NamedTuple):
    """The rows at one moment, by their ids."""

    rows: dict[int, _Row]

    @classmethod
    def read(cls, engine: Engine) -> Self:
        """Reads them as they are now."""
        with engine.connect() as connection:
            rows = [_Row(*row) for row in connection.execute(select(_banks))]
        return cls({row.id: row for row in rows})

    def check(self, acts: Iterable[Approved], last: BankRows) -> Problems:
        """Compares the rows that were the same before and after the acts were read with the acts.

        What an act has just changed is left to the next audit.

        Args:
            acts: that took effect, in order.
            last: the rows after the acts were read.
        """
        problems = Problems()
        wanted = _said(acts)
        for index, row in sorted(self.rows.items()):
            where = _("table banks, row id={index}").format(index=index)
            said = wanted.get(index)
            if last.rows.get(index) != row:
                continue
            if said is None:
                problems.say(_("{where}: no act of two officers admitted it").format(where=where))
                continue
            for name, have, other in zip(_COLUMNS, row, said, strict=True):
                if have != other:
                    problems.say(
                        _("{where}: {name} is {have}, the acts of two officers say {said}").format(
                            where=where, name=name, have=have, said=other
                        )
                    )
        for index in sorted(wanted.keys() - last.rows.keys()):
            problems.say(_("table banks, row id={index} is missing").format(index=index))
        return problems


def _said(acts: Iterable[Approved]) -> dict[int, _Row]:
    """The rows that follow from the acts that took effect, in order."""
    found: dict[str, _Row] = {}
    for act in acts:
        kind = act.content.WhichOneof("kind")
        if kind == "admit_bank":
            new = act.content.admit_bank
            row = _Row(len(found), new.name, new.prefix, new.inner_address, 0)
            found.setdefault(new.name, row)
        elif kind in ("suspend_bank", "reinstate_bank"):
            name = getattr(act.content, kind).name
            if name in found:
                found[name] = found[name]._replace(suspended=int(kind == "suspend_bank"))
    return {row.id: row for row in found.values()}
