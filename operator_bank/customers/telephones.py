"""Says whose wallets a telephone has been shown for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from currency.aliases import AliasError, read_alias
from operator_bank.aliases.secret import AliasSecret
from operator_bank.aliases.tables import aliases
from operator_bank.context import Context
from operator_bank.customers.customers import Customers
from operator_bank.customers.tables import customers as customers_
from operator_bank.limits import MAX_WALLETS_LOOKED_AT
from operator_bank.wallets.directory import Directory
from operator_bank.wallets.tables import wallets


class Telephones:
    """The telephones of wallets. Any thread may ask."""

    def __init__(
        self, context: Context, directory: Directory, customers: Customers, secret: AliasSecret
    ) -> None:
        self._database = context.database
        self._directory = directory
        self._customers = customers
        self._secret = secret

    def is_of(self, phone: str, key: bytes) -> bool:
        """Whether a key is that of a wallet whose holder has shown a telephone, or which is found
        by it. Of very many wallets of one telephone the newest are looked at.
        """
        holders = select(wallets.c.number).join(customers_, customers_.c.id == wallets.c.customer)
        holders = holders.where(customers_.c.phone_key == self._customers.phone_key(phone))
        numbers = self._numbers(holders.order_by(wallets.c.id.desc()))
        try:
            label = self._secret.label(read_alias(phone))
        except AliasError:
            pass  # too short for one
        else:
            these = aliases.c.label == label, aliases.c.live == 1
            numbers += self._numbers(select(aliases.c.wallet).where(*these))
        found = map(self._directory.find, numbers)
        return any(wallet is not None and wallet.public_key == key for wallet in found)

    def _numbers(self, query: Select[Any]) -> list[str]:
        few = query.limit(MAX_WALLETS_LOOKED_AT)
        return [str(row[0]) for row in self._database.read(lambda c: c.execute(few).all())]
