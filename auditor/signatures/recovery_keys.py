"""Checks which recovery keys wallets have: each named by the order that opened the wallet, or by
one that put another key of it in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Row, column, table

from auditor.signatures.rows import rows_if_there
from auditor.signatures.verifying import Problems
from currency.recovery import KeyTaken, Named, counting
from language import _

_recovery_keys = table(
    "recovery_keys",
    *(column(name) for name in ("id", "recovery_key", "number", "key_number", "time_ms")),
)


class NamedBy(NamedTuple):
    """Where a recovery key must have been named: whose, and with which key of the wallet."""

    number: str
    key_number: int


def recovery_rows(engine: Engine) -> Sequence[Row[Any]]:
    """The recovery keys that were ever named at a bank."""
    return rows_if_there(engine, _recovery_keys, "id")


class NamedRecoveryKeys:
    """The recovery keys of one bank's wallets."""

    def __init__(self, engine: Engine, problems: Problems) -> None:
        """Reads them before the orders that name them: each of these is among those."""
        self._engine = engine
        self._problems = problems
        self._before = recovery_rows(engine)
        self._of_number: dict[str, list[Named]] = {}
        self._ordered: dict[bytes, NamedBy] = {}

    def ordered(self, key: bytes, number: str, key_number: int) -> None:
        """Takes what an order says; no recovery key if it is empty."""
        if key:
            self._ordered[key] = NamedBy(number, key_number)

    def check(self) -> None:
        """Compares the table with the orders, all of which were taken."""
        last = recovery_rows(self._engine)
        for row in last:
            named = Named(bytes(row.recovery_key), row.key_number, row.time_ms)
            self._of_number.setdefault(row.number, []).append(named)
        there = {row.id for row in self._before}
        found = {bytes(row.recovery_key): NamedBy(row.number, row.key_number) for row in last}
        for row in last:
            key = bytes(row.recovery_key)
            known = self._ordered.get(key)
            if known != found[key] and (known is not None or row.id in there):
                self._problems.say(
                    _("table {table}, row id={id}: no order has named this recovery key").format(
                        table=_recovery_keys.name, id=row.id
                    )
                )
        for key in self._ordered.keys() - found.keys():
            self._problems.say(
                _("table {table}: the recovery key of wallet {number} is missing").format(
                    table=_recovery_keys.name, number=self._ordered[key].number
                )
            )

    def counting(
        self,
        number: str,
        taken: Mapping[int, KeyTaken],
        now_ms: int,
        given_up: Sequence[Named] = (),
    ) -> list[bytes]:
        """Which counted for a wallet at some time.

        Args:
            taken: the wallet's keys that officers or a recovery key put in force by then.
            given_up: by lists of signers, whenever.
        """
        all_of_it = [*self._of_number.get(number, ()), *given_up]
        named = [one for one in all_of_it if one.time_ms <= now_ms]
        named.sort(key=lambda one: one.key_number)
        return [one.key for one in counting(named, taken.values(), now_ms)]
