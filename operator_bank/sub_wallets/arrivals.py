"""Notes, where requests to pay come in, which of them a mandate is to be tried for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from dcep.bank.v1 import orders_pb2
from operator_bank.asking import new_requests, rows
from operator_bank.sub_wallets import tries
from operator_bank.sub_wallets.families import Families
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.orders import VerifiedOrder


class Arrivals:
    """Each call is made in the transaction that writes down what has come."""

    def __init__(self, directory: Directory, families: Families) -> None:
        self._directory = directory
        self._families = families

    def is_shown(
        self, connection: Connection, request: orders_pb2.RequestToPay, now_ms: int
    ) -> bool:
        """Whether the payer, whose number is one of this bank's, is shown a request. Nobody but its
        payee asks a mandate.
        """
        account, asker = self._directory.account(request.payer_number), request.wallet_number
        is_mandate = self._families.mandate(account) is not None
        if is_mandate and not self._families.pays_by_mandate(account, asker):
            return False
        return new_requests.is_shown(connection, self._directory, request, now_ms)

    def arrived(
        self, connection: Connection, request: orders_pb2.RequestToPay, now_ms: int
    ) -> None:
        """Takes a request that its payer is shown."""
        account = self._directory.account(request.payer_number)
        if self._families.pays_by_mandate(account, request.wallet_number):
            tries.put(connection, rows.id_of(request), account, now_ms)

    def reminded(self, connection: Connection, row: Row[Any], now_ms: int) -> None:
        """Takes a reminder of a request whose payer is a wallet here, or is not."""
        account = self._directory.account(row.payer)
        if row.shown and self._families.pays_by_mandate(account, row.asker):
            tries.put(connection, row.id, account, now_ms)

    def allowed(
        self,
        connection: Connection,
        row: Row[Any],
        order: VerifiedOrder[orders_pb2.ChangeAskedOrder],
        now_ms: int,
    ) -> None:
        """Takes a holder's word that a request to a mandate be paid. Again, it is tried again.

        Raises:
            Refusal: REQUEST_TO_PAY_UNKNOWN, its asker is not paid by that mandate;
                TOO_MANY_REQUESTS, it was tried as often as may be.
        """
        account = self._directory.account(row.payer)
        if not self._families.pays_by_mandate(account, row.asker):
            raise rows.unknown()
        if not tries.put(connection, row.id, account, now_ms, order):
            raise rows.too_many("a request is tried so often and no more", rows.FIELD)
