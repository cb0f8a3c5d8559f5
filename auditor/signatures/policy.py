"""Checks the limits of wallet classes in a bank's journal: the founding's, and two officers'."""

from __future__ import annotations

from auditor.signatures.acts import ActsDone
from auditor.signatures.orders import Line, Wrong, same
from auditor.signatures.verifying import Problems
from language import _
from settlement.records import Limit

_COLUMNS = {
    Limit.BALANCE_CAP: "balance_cap_fen",
    Limit.SINGLE: "single_fen",
    Limit.DAY: "day_fen",
    Limit.YEAR: "year_fen",
}
_Table = dict[tuple[int, int], int]


class PolicyWalk:
    """Follows the limits through the journal, row by row."""

    def __init__(self, acts: ActsDone, problems: Problems) -> None:
        self._acts = acts
        self._problems = problems
        self._now: _Table = {}
        self._founded = False
        self._founding = False
        self._wanted: _Table | None = None

    def take(self, line: Line) -> None:
        """Takes a record that sets a limit; raises Wrong when no act asked for it."""
        if not line.accepted:
            return
        cell = (line.credit, line.ref)
        self._now[cell] = line.amount_fen
        if not line.digest:
            if self._founded:
                raise Wrong(_("no act of two officers is behind it, and it is no bank's founding"))
            self._founding = True
            return
        asked = self._acts.policy(line.digest)
        if asked is None:
            raise Wrong(_("no act of two officers is behind it"))
        self._wanted = {
            (limits.wallet_class, int(column)): getattr(limits, name)
            for limits in asked.classes
            for column, name in _COLUMNS.items()
        }
        same("limit", self._wanted.get(cell, 0), line.amount_fen)

    def open_for_holders(self) -> None:
        """To be called when a wallet was opened: the founding is over, even one without limits."""
        self._founded = True

    def end_of(self, seq: int) -> None:
        """To be called after each row of the journal; names an act that was not applied whole."""
        self._founded = self._founded or self._founding or self._wanted is not None
        if self._wanted is not None and _set(self._now) != _set(self._wanted):
            self._problems.say(
                _(
                    "table journal, row seq={seq}: not all limits are set that two officers signed"
                ).format(seq=seq)
            )
        self._wanted = None


def _set(table: _Table) -> _Table:
    return {cell: fen for cell, fen in table.items() if fen}
