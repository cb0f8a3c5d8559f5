"""Checks a bank's cash machines: who registered them, and that one stands behind moved cash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Row, column, select, table

from auditor.signatures.acts import Approved
from auditor.signatures.orders import Wrong, read, same
from auditor.signatures.verifying import Problems, Verifying
from dcep.bank.v1 import orders_pb2
from language import _

_machines = table(
    "cash_machines", *map(column, ("name", "public_key", "registered_by", "revoked_by"))
)
_TOP_UP = orders_pb2.EXCHANGE_DIRECTION_TOP_UP


def machine_rows(engine: Engine) -> Sequence[Row[Any]]:
    """The machines that a bank ever had, as they stand now."""
    with engine.connect() as connection:
        return connection.execute(select(_machines).order_by(_machines.c.name)).all()


class CashMachines:
    """All cash machines that a bank has or had, each compared with acts."""

    def __init__(
        self,
        rows: Sequence[Row[Any]],
        founding: Mapping[str, bytes],
        approved: Sequence[Approved],
        last: Sequence[Row[Any]],
        problems: Problems,
        verifying: Verifying,
    ) -> None:
        """Names machines without an act or a place in the founding record, and those missing.

        Args:
            rows: of machines, read before the acts: the act of each is among these.
            founding: the keys of the machines that the bank's founding record names, by name.
            approved: the bank's acts that took effect.
            last: rows of machines, read after the acts: what each of these did is among them.
            problems: takes what is wrong.
            verifying: takes the machines' signatures.
        """
        self._problems = problems
        self._verifying = verifying
        self._founding = founding
        self._acts = {act.number: act.content for act in approved}
        self._keys = {row.name: bytes(row.public_key) for row in rows}
        self._used: set[tuple[str, int]] = set()
        """Machines, and numbers of what they signed, behind the exchanges so far."""
        for row in rows:
            self._check(row)
        self._check_done({row.name: row for row in last})

    def stands_behind(self, order: orders_pb2.ExchangeOrder, bank: str, where: str) -> None:
        """Checks that a machine signed that it took in, or had ready, the cash of an exchange, and
        that this very cash stands behind no exchange before it.

        Raises:
            Wrong: none did, or it said something else, or the cash was counted before.
        """
        envelope = order.cash_receipt
        name = envelope.key_id.decode("ascii", "replace")
        key = self._keys.get(name)
        if key is None:
            raise Wrong(_("no machine of the bank stands behind the cash"))
        kind: type[orders_pb2.CashReceipt | orders_pb2.CashReady] = (
            orders_pb2.CashReceipt if order.direction == _TOP_UP else orders_pb2.CashReady
        )
        receipt = read(kind, envelope.payload)
        same("bank", receipt.bank, bank)
        same("wallet", receipt.wallet_number, order.wallet_number)
        same("cash", receipt.amount_fen, order.amount_fen)
        if (name, receipt.number) in self._used:
            raise Wrong(_("its cash stands behind an earlier exchange"))
        self._used.add((name, receipt.number))
        self._verifying.add(
            self._problems,
            _("{where}: its receipt").format(where=where),
            key=key,
            kind=kind,
            payload=envelope.payload,
            signature=envelope.signature,
        )

    def _check(self, row: Row[Any]) -> None:
        where = _("table {machines}, {row}").format(machines=_machines.name, row=row.name)
        if not row.registered_by:
            if self._founding.get(row.name) != bytes(row.public_key):
                self._problems.say(
                    _("{where}: the founding record has no such machine").format(where=where)
                )
        else:
            asked = self._asked(row.registered_by, "register_cash_machine", row.name, where)
            if asked is not None and asked.public_key != bytes(row.public_key):
                self._problems.say(_("{where}: its act was for another key").format(where=where))
        if row.revoked_by is not None:
            self._asked(row.revoked_by, "revoke_cash_machine", row.name, where)

    def _asked(self, number: int, kind: str, name: str, where: str) -> Any:
        """What an act asked for a machine; None, and a problem, where there is no such act."""
        act = self._acts.get(number)
        asked = getattr(act, kind) if act is not None and act.HasField(kind) else None
        if asked is not None and asked.name == name:
            return asked
        self._problems.say(_("{where}: no act of two officers is behind it").format(where=where))
        return None

    def _check_done(self, last: Mapping[str, Row[Any]]) -> None:
        made = dict.fromkeys(self._founding, _("the founding record"))
        for number, act in self._acts.items():
            if act.HasField("register_cash_machine"):
                made[act.register_cash_machine.name] = _("act {number}").format(number=number)
            elif act.HasField("revoke_cash_machine"):
                self._check_revoked(act.revoke_cash_machine.name, last)
        for name in made.keys() - last.keys():
            self._problems.say(
                _("table {machines}: {row} of {what} is missing").format(
                    machines=_machines.name, row=name, what=made[name]
                )
            )

    def _check_revoked(self, name: str, last: Mapping[str, Row[Any]]) -> None:
        if name in last and last[name].revoked_by is None:
            self._problems.say(
                _("table {machines}, {row}: an act of two officers revoked it").format(
                    machines=_machines.name, row=name
                )
            )
