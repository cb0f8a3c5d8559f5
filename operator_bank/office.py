"""What officers of the bank do, each act by two: wallets frozen and unfrozen, suspense paid out."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from dcep.office.v1 import office_pb2
from officers.effects import Act, Decision, Effect
from operator_bank.suspense.desk import SuspenseDesk
from operator_bank.wallets.directory import Directory
from runtime.database import Database


def bank_effects(
    database: Database, directory: Directory, suspense: SuspenseDesk
) -> Mapping[str, Effect]:
    """The effects of these acts by kind."""
    return {
        "freeze_wallet": _Freezing(database, directory, frozen=True),
        "unfreeze_wallet": _Freezing(database, directory, frozen=False),
        "pay_suspense": _SuspensePayment(database, suspense),
    }


class _BankEffect(Effect):
    def __init__(self, database: Database) -> None:
        self._database = database

    def end(self, act: Act, decision: Decision) -> None:
        self._database.transaction(decision.mark)


class _Freezing(_BankEffect):
    right = office_pb2.RIGHT_WALLETS

    def __init__(self, database: Database, directory: Directory, *, frozen: bool) -> None:
        super().__init__(database)
        self._directory = directory
        self._frozen = frozen

    def check(self, act: Act) -> None:
        self._directory.get(act.asked.wallet_number)

    def perform(self, act: Act, decision: Decision) -> None:
        def also(connection: Connection, position: int) -> None:
            decision.mark(connection, position=position)

        self._directory.set_frozen(
            act.asked.wallet_number, self._frozen, digest=act.record_digest, also=also
        )


class _SuspensePayment(_BankEffect):
    right = office_pb2.RIGHT_SUSPENSE

    def __init__(self, database: Database, suspense: SuspenseDesk) -> None:
        super().__init__(database)
        self._suspense = suspense

    def check(self, act: Act) -> None:
        self._suspense.check(act.asked.position, act.asked.wallet_number)

    def perform(self, act: Act, decision: Decision) -> None:
        def also(connection: Connection, position: int) -> None:
            decision.mark(connection, position=position)

        self._suspense.pay(
            act.asked.position, act.asked.wallet_number, digest=act.record_digest, also=also
        )
