"""Checks what officers of a bank have said of holders: who was at a counter, and whose document or
account turned out false.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Row, column, table

from auditor.signatures.acts import Approved
from auditor.signatures.orders import Wrong, same
from auditor.signatures.rights import SKEW_MS
from auditor.signatures.rows import rows_if_there
from auditor.signatures.verifying import Problems
from currency.proofs import ASKED, Proof
from language import _

_presences = table("presences", *map(column, ("act", "wallet", "shown", "time_ms")))
_CONFIRMED, _WITHDRAWN = "confirm_presence", "downgrade_wallet"


def presence_rows(engine: Engine) -> Sequence[Row[Any]]:
    """The holders who were at a counter of a bank, as they stand now."""
    return rows_if_there(engine, _presences, "act")


class Presences:
    """What two officers each have confirmed and withdrawn, by the wallet's number."""

    def __init__(
        self,
        rows: Sequence[Row[Any]],
        approved: Sequence[Approved],
        last: Sequence[Row[Any]],
        problems: Problems,
    ) -> None:
        """Takes what is there.

        Args:
            rows: of presences, read before the acts: the act of each is among these.
            approved: the bank's acts that took effect, in order.
            last: the same rows, read after the acts: what each of these did is among them.
            problems: takes what is wrong.
        """
        self._with_acts = {row.act for row in rows}
        self._last = last
        self._problems = problems
        self._confirmed: dict[int, Approved] = {}
        self._of_number: dict[str, list[Approved]] = defaultdict(list)
        for act in approved:
            kind = act.content.WhichOneof("kind")
            if kind in (_CONFIRMED, _WITHDRAWN):
                self._of_number[getattr(act.content, kind).wallet_number].append(act)
            if kind == _CONFIRMED:
                self._confirmed[act.number] = act
        self.shown: dict[int, set[int]] = defaultdict(set)
        """By the wallet's row, what its holder had shown when they were at a counter."""
        self._newer: set[int] = set()
        """Rows of wallets whose holders were confirmed while this audit reads."""
        for row in last:
            self.shown[row.wallet].add(row.shown)
            if row.act not in self._with_acts and row.act not in self._confirmed:
                self._newer.add(row.wallet)

    def check(self, numbers: Mapping[int, str]) -> None:
        """Compares the table with the acts; `numbers` are all wallets', by their rows."""
        for row in self._last:
            try:
                self._check(row, numbers)
            except Wrong as wrong:
                self._problems.say(
                    _("table {table}, row act={act}: {wrong}").format(
                        table=_presences.name, act=row.act, wrong=wrong
                    )
                )
        for act in self._confirmed.keys() - {row.act for row in self._last}:
            self._problems.say(
                _("table {table}: act {act} of two officers is missing").format(
                    table=_presences.name, act=act
                )
            )

    def check_shown(
        self, wallet: int, number: str, shown: int, position: int = 0, time_ms: int = 0
    ) -> None:
        """Raises Wrong if a holder cannot have shown something, by what officers said before.

        Args:
            wallet: the row's id.
            number: the wallet's.
            shown: a `currency.proofs.Proof`.
            position: of a record that stands on it; 0: it is what is known now.
            time_ms: of that record.
        """
        said = list(self._of_number.get(number, ()))
        if position:
            said = [act for act in said if _is_before(act, position, time_ms)]
        elif wallet in self._newer:
            return
        may = ~Proof.PRESENCE
        for act in said:
            if act.content.HasField(_CONFIRMED):
                may |= Proof.PRESENCE | Proof.DOCUMENT | Proof.ACCOUNT
                continue
            left = ASKED[act.content.downgrade_wallet.wallet_class]  # type: ignore[index]
            # Whose document counts can show another account.
            may &= left | Proof.ACCOUNT if Proof.DOCUMENT in left else left
        if Proof(shown) & ~may:
            raise Wrong(_("no act of two officers is behind what its holder has shown"))

    def _check(self, row: Row[Any], numbers: Mapping[int, str]) -> None:
        act = self._confirmed.get(row.act)
        if act is None:
            if row.act in self._with_acts:
                raise Wrong(_("no act of two officers is behind it"))
            return  # it was approved while this audit reads
        same("wallet", act.content.confirm_presence.wallet_number, numbers.get(row.wallet))
        same("time", act.time_ms, row.time_ms)
        if Proof.PRESENCE not in Proof(row.shown):
            raise Wrong(_("its holder has not shown presence by it"))


def _is_before(act: Approved, position: int, time_ms: int) -> bool:
    """Whether an act took effect before a record."""
    if act.position:
        return act.position < position
    return act.time_ms <= time_ms + SKEW_MS
