"""Performs what officers of the bank do, each act by two of them: wallets are frozen and unfrozen
and their keys replaced or not, suspense is paid out, cash machines are registered and revoked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, insert, update

from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, Effect, SqlEffect
from operator_bank.context import Context
from operator_bank.exchange.machines import Machines
from operator_bank.exchange.tables import cash_machines
from operator_bank.keys.keys import WalletKeys
from operator_bank.ledger.standing import Standing
from operator_bank.sub_wallets.families import Families
from operator_bank.suspense.payouts import SuspensePayouts
from operator_bank.wallets.directory import Directory
from runtime.database import Database


def bank_effects(
    context: Context,
    directory: Directory,
    suspense: SuspensePayouts,
    machines: Machines,
    keys: WalletKeys,
    families: Families,
) -> Mapping[str, Effect]:
    """The effects of these acts, by the kind of act."""
    database = context.database
    return {
        "freeze_wallet": _Freezing(database, directory, families, frozen=True),
        "unfreeze_wallet": _Freezing(database, directory, families, frozen=False),
        "pay_suspense": _SuspensePayment(database, suspense, context.standing),
        "register_cash_machine": _Registration(database, machines),
        "revoke_cash_machine": _Revocation(database, machines),
        "replace_key": keys.effect,
        "cancel_key": keys.cancelling,
    }


class _BankEffect(Effect):
    def __init__(self, database: Database) -> None:
        self._database = database

    def end(self, act: Act, decision: Decision) -> None:
        self._database.transaction(decision.mark)


class _Freezing(_BankEffect):
    right = office_pb2.RIGHT_WALLETS

    def __init__(
        self, database: Database, directory: Directory, families: Families, *, frozen: bool
    ) -> None:
        super().__init__(database)
        self._directory = directory
        self._families = families
        self._frozen = frozen

    def check(self, act: Act) -> None:
        self._directory.get(act.asked.wallet_number)

    def perform(self, act: Act, decision: Decision) -> None:
        def in_transaction(connection: Connection, position: int) -> None:
            decision.mark(connection, position=position)

        number = act.asked.wallet_number
        with self._directory.one_at_a_time([number]):  # so that no sub-wallet is opened meanwhile
            self._directory.set_frozen(
                number,
                self._frozen,
                along=self._along(number),
                digest=act.record_digest,
                in_transaction=in_transaction,
            )

    def _along(self, number: str) -> list[int]:
        """A wallet's sub-wallets are frozen with it. Each is thawed by an act of its own: one of
        them may have been frozen for itself.
        """
        family = self._families.of(self._directory.get(number).account)
        return [each.account for each in family] if self._frozen else []


class _SuspensePayment(_BankEffect):
    right = office_pb2.RIGHT_SUSPENSE

    def __init__(self, database: Database, suspense: SuspensePayouts, standing: Standing) -> None:
        super().__init__(database)
        self._suspense = suspense
        self._standing = standing

    def check(self, act: Act) -> None:
        # An older copy of the database might pay out again what has been paid out since.
        self._standing.check()
        self._suspense.check(act.asked.position, act.asked.wallet_number)

    def perform(self, act: Act, decision: Decision) -> None:
        def in_transaction(connection: Connection, position: int) -> None:
            decision.mark(connection, position=position)

        self._standing.check()
        self._suspense.pay(
            act.asked.position,
            act.asked.wallet_number,
            digest=act.record_digest,
            in_transaction=in_transaction,
        )


class _MachineEffect(SqlEffect):
    right = office_pb2.RIGHT_CASH

    def __init__(self, database: Database, machines: Machines) -> None:
        super().__init__(database)
        self.machines = machines

    def perform(self, act: Act, decision: Decision) -> None:
        with self.machines.change():
            super().perform(act, decision)


class _Registration(_MachineEffect):
    def check(self, act: Act) -> None:
        self.machines.check_new(act.asked.name, act.asked.public_key)

    def change(self, act: Act, decision: Decision) -> Callable[[Connection], None]:
        values = {
            "name": act.asked.name,
            "public_key": act.asked.public_key,
            "registered_by": act.number,
        }

        def body(connection: Connection) -> None:
            connection.execute(insert(cash_machines), values)

        return body


class _Revocation(_MachineEffect):
    def check(self, act: Act) -> None:
        self.machines.check_revocable(act.asked.name)

    def change(self, act: Act, decision: Decision) -> Callable[[Connection], None]:
        of_name = update(cash_machines).where(cash_machines.c.name == act.asked.name)
        statement = of_name.values(revoked_by=act.number)

        def body(connection: Connection) -> None:
            connection.execute(statement)

        return body
