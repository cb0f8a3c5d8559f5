"""Counts the open wallets of a telephone number and of a document, each bank its own. Sub-wallets
are counted with the wallet that they belong to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Row, Select, select

from currency.proofs import Proof
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.customers.customers import Customers
from operator_bank.customers.person import Person
from operator_bank.customers.proving import not_confirmed
from operator_bank.customers.tables import customers as customers_
from operator_bank.ledger.accounts import Purpose
from operator_bank.ledger.tables import accounts
from operator_bank.sub_wallets.tables import sub_wallet_orders
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.tables import wallets
from runtime.chunks import chunks
from runtime.errors import Refusal
from settlement.records import AccountFlag


class WalletCounts:
    """Holds the policy's bounds."""

    def __init__(self, context: Context, customers: Customers, policy: Policy) -> None:
        self._database = context.database
        self._ledger = context.ledger
        self._customers = customers
        self._policy = policy

    def keys_of(self, people: Iterable[Person]) -> set[bytes]:
        """By what the telephones and documents of some people are found."""
        found = set()
        for one in people:
            found.add(self._customers.phone_key(one.phone))
            found.add(self._customers.document_key(one.document_kind, one.document))
        return {key for key in found if key is not None}

    def check(self, people: Sequence[Person]) -> None:
        """Raises Refusal if a telephone number or a document would have more open wallets than the
        policy of today allows.

        Args:
            people: who are to have a wallet more; one who keeps the telephone or the document of
                their wallet is given without it.
        """
        policy, keys = self._policy.now(), self._customers
        phones = [keys.phone_key(one.phone) for one in people]
        if self._are_too_many(phones, customers_.c.phone_key, policy.wallets_per_phone):
            raise Refusal(
                errors_pb2.REASON_TOO_MANY_WALLETS,
                "this telephone number cannot have another wallet at this bank",
                field="phone",
            )
        papers = [keys.document_key(one.document_kind, one.document) for one in people]
        if self._are_too_many(papers, customers_.c.document_key, policy.wallets_per_document):
            # In the words of a document that is not confirmed: whoever got hold of somebody's
            # papers does not learn that they are known here.
            raise not_confirmed()
        if self._withdrawn({key for key in papers if key is not None}):
            raise not_confirmed()

    def _withdrawn(self, papers: set[bytes]) -> bool:
        """Whether officers have withdrawn one of these documents, at whatever wallet."""
        of, asked = customers_.c, Proof.DOCUMENT.value
        query = select(of.id).where(of.shown.bitwise_and(asked) == 0).limit(1)
        return any(
            self._rows(query.where(of.document_key.in_(chunk))) for chunk in chunks(list(papers))
        )

    def _are_too_many(
        self, keys: Sequence[bytes | None], column: Column[bytes | None], most: int
    ) -> bool:
        """Whether one of these would have more than `most` open wallets; 0 is no bound."""
        wanted = Counter(key for key in keys if key is not None)
        if not most or not wanted:
            return False
        return max((wanted + self._open_with(column, list(wanted))).values()) > most

    def _open_with(self, column: Column[bytes | None], keys: Sequence[bytes]) -> Counter[bytes]:
        """How many wallets of customers with each of these in a column are not closed."""
        query = (
            select(column.label("key"), accounts.c.number)
            .join(wallets, customers_.c.id == wallets.c.customer)
            .join(accounts, accounts.c.owner == wallets.c.id)
            .where(
                accounts.c.purpose == Purpose.WALLET,
                wallets.c.id.not_in(select(sub_wallet_orders.c.wallet)),
            )
        )
        found = [
            row for chunk in chunks(keys) for row in self._rows(query.where(column.in_(chunk)))
        ]
        closed = self._ledger.read([row.number for row in found])["flags"] & AccountFlag.CLOSED
        pairs = zip(found, closed.tolist(), strict=True)
        return Counter(bytes(row.key) for row, is_closed in pairs if not is_closed)

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self._database.read(lambda c: c.execute(query).all())
