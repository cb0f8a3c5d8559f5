"""Checks a bank's cash machines: who registered them, and that one stands behind moved cash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, column, select, table

from auditor.signatures.acts import Approved
from auditor.signatures.orders import Wrong, read, same
from auditor.signatures.verifying import Problems, Verifying
from dcep.bank.v1 import orders_pb2
from language import _

_machines = table(
    "cash_machines", *map(column, ("name", "public_key", "registered_by", "revoked_by"))
)
_TOP_UP = orders_pb2.EXCHANGE_DIRECTION_TOP_UP


class CashMachines:
    """All cash machines that a bank has or had."""

    def __init__(
        self, engine: Engine, approved: Sequence[Approved], problems: Problems, verifying: Verifying
    ) -> None:
        """Reads the machines, and names those that acts do not register or revoke so.

        Args:
            engine: the bank's database.
            approved: the bank's acts that took effect, read before.
            problems: gets what is wrong.
            verifying: verifies the signatures.
        """
        self._problems = problems
        self._verifying = verifying
        self._acts = {act.number: act.content for act in approved}
        self._newest = max(self._acts, default=0)
        with engine.connect() as connection:
            rows = connection.execute(select(_machines)).all()
        self._keys = {row.name: bytes(row.public_key) for row in rows}
        for row in rows:
            self._check(row)

    def stands_behind(self, order: orders_pb2.ExchangeOrder, bank: str, where: str) -> None:
        """Checks that a machine signed that it took in, or had ready, the cash of an order.

        Raises:
            Wrong: none did, or it said something else.
        """
        envelope = order.cash_receipt
        key = self._keys.get(envelope.key_id.decode("ascii", "replace"))
        if key is None:
            raise Wrong(_("no machine of the bank stands behind the cash"))
        kind: type[orders_pb2.CashReceipt | orders_pb2.CashReady] = (
            orders_pb2.CashReceipt if order.direction == _TOP_UP else orders_pb2.CashReady
        )
        receipt = read(kind, envelope.payload)
        same("bank", receipt.bank, bank)
        same("wallet", receipt.wallet_number, order.wallet_number)
        same("cash", receipt.amount_fen, order.amount_fen)
        self._verifying.add(
            self._problems,
            _("{where}: its receipt").format(where=where),
            key=key,
            kind=kind,
            payload=envelope.payload,
            signature=envelope.signature,
        )

    def _check(self, row: Any) -> None:
        where = _("table {machines}, {row}").format(machines=_machines.name, row=row.name)
        for number, kind in (
            (row.registered_by, "register_cash_machine"),
            (row.revoked_by, "revoke_cash_machine"),
        ):
            # Machines of the founding have no act. What is newer is left to the next audit.
            if not number or number > self._newest:
                continue
            act = self._acts.get(number)
            asked = getattr(act, kind) if act is not None and act.HasField(kind) else None
            if asked is None or asked.name != row.name:
                self._problems.say(
                    _("{where}: no act of two officers is behind it").format(where=where)
                )
            elif row.registered_by == number and asked.public_key != bytes(row.public_key):
                self._problems.say(_("{where}: its act was for another key").format(where=where))
        revoked = {
            act.revoke_cash_machine.name
            for act in self._acts.values()
            if act.HasField("revoke_cash_machine")
        }
        if row.name in revoked and row.revoked_by is None:
            self._problems.say(_("{where}: an act of two officers revoked it").format(where=where))
