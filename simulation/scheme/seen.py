"""What a bank has, for the model to learn from what it cannot know."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from dcep.bank.v1 import wallets_pb2
from operator_bank.app import OperatorBank
from operator_bank.sub_wallets import tries
from operator_bank.sub_wallets.tables import mandate_tries
from operator_bank.wallets.wallet import WalletState
from settlement.records import record_digest
from simulation.scheme.mandates import Try


class Seen:
    """See `families.Seen`, which says what each of these is."""

    def __init__(self, bank: OperatorBank) -> None:
        self._bank = bank

    def available_fen(self, number: str) -> int:
        """See `families.Seen`."""
        return self._state(number).available_fen

    def is_closed(self, number: str) -> bool:
        """See `families.Seen`."""
        return self._state(number).status == wallets_pb2.WALLET_STATUS_CLOSED

    def opened(self, number: str, payload: bytes) -> str:
        """See `families.Seen`."""
        digest, directory = record_digest(payload), self._bank.directory
        for each in self._bank.sub_wallets.families.of(directory.account(number)):
            if each.digest == digest:
                return directory.number_of(each.account)
        return ""

    def tries(self, first: int) -> list[Try]:
        """See `families.Seen`."""
        query = select(mandate_tries).where(mandate_tries.c.number >= first)
        rows = self._bank.context.database.read(lambda c: c.execute(query).all())
        return [self._try(row) for row in sorted(rows, key=lambda row: int(row.number))]

    def _try(self, row: Row[Any]) -> Try:
        sequence = 0
        if row.position:
            [paid] = self._bank.context.history.statement(row.account, row.position + 1, 1)
            sequence = paid.sequence
        is_allowed, waits = bool(row.allowed), row.state == tries.WAITING
        return Try(row.number, row.request, is_allowed, waits, row.reason, sequence)

    def is_last_order(self, number: str, payload: bytes) -> bool:
        """See `families.Seen`."""
        found = self._bank.sub_wallets.families.find(self._bank.directory.account(number))
        return found is not None and found.digest == record_digest(payload)

    def _state(self, number: str) -> WalletState:
        return self._bank.wallets.state(self._bank.directory.get(number))
