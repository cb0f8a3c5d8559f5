"""Reads a bank's wallets and their accounts, and proves that their holders have opened them."""

from __future__ import annotations

from typing import Any, NamedTuple

from google.protobuf.message import Message
from sqlalchemy import Connection, Row, column, select, table

from auditor.books import CURRENCY, DEPOSIT, OWN_BOOKS, WALLET
from auditor.signatures.classes import ClassChangesDone
from auditor.signatures.orders import Line, Wrong, read, same
from auditor.signatures.recovery_keys import NamedRecoveryKeys
from auditor.signatures.signer_lists import Holder
from auditor.signatures.sub_wallets import SubWalletWalk
from auditor.signatures.verifying import Problems, Verifying
from auditor.signatures.wallet_keys import WalletKeys
from currency.proofs import Proof, class_of
from dcep.bank.v1 import orders_pb2
from language import _
from settlement.accounts import opening_digest
from settlement.journal import Journal, Tip
from settlement.records import Kind, opening_of

_wallets = table("wallets", *map(column, ("id", "number", "public_key", "customer")))
_customers = table("customers", *map(column, ("id", "holder_digest", "shown")))
_openings = table(
    "opening_orders", *map(column, ("wallet", "shown", "order_payload", "order_signature"))
)
_accounts = table("accounts", *map(column, ("number", "owner", "purpose")))


class _Opening(NamedTuple):
    """What an account's OPEN must say."""

    digest: int
    ledger: int
    limit_set: int
    parent: int = 0


class Wallets:
    """A bank's wallets, by their accounts.

    Attributes:
        of_account: the holder of each wallet's account.
        account_of_row: the wallet's account, by its row in table wallets.
        row_of_account: the reverse.
    """

    def __init__(
        self,
        name: str,
        keys: WalletKeys,
        named: NamedRecoveryKeys,
        verifying: Verifying,
        problems: Problems,
    ) -> None:
        self.of_account: dict[int, Holder] = {}
        self.account_of_row: dict[int, int] = {}
        self.row_of_account: dict[int, int] = {}
        self._name = name
        self._keys = keys
        self._named = named
        self._verifying = verifying
        self._problems = problems
        self._accounts: dict[str, int] = {}
        self._openings: dict[int, _Opening] = {}
        self._deposit_of: dict[int, int] = {}
        self._opened: set[int] = set()

    def read(self, connection: Connection, classes: ClassChangesDone, subs: SubWalletWalk) -> None:
        """Reads the tables, one row for each account, and names openings that nobody signed."""
        query = (
            select(
                *(_wallets, _accounts.c.number.label("account"), _accounts.c.purpose),
                *(_customers.c.holder_digest, _customers.c.shown.label("shown_now")),
                *(_openings.c.shown, _openings.c.order_payload, _openings.c.order_signature),
            )
            .outerjoin(_accounts, _accounts.c.owner == _wallets.c.id)
            .outerjoin(_customers, _customers.c.id == _wallets.c.customer)
            .outerjoin(_openings, _openings.c.wallet == _wallets.c.id)
        )
        for row in connection.execute(query.order_by(_wallets.c.id, _accounts.c.purpose)):
            where = _("table wallets, row id={id}").format(id=row.id)
            try:
                self._read_account(row, where, classes, subs)
            except Wrong as wrong:
                self._problems.say(f"{where}: {wrong}")

    def get(self, account: int) -> Holder:
        """Whose wallet an account is. Raises Wrong: nobody's."""
        holder = self.of_account.get(account)
        if holder is None:
            raise Wrong(_("there is no wallet for account {account}").format(account=account))
        return holder

    def account(self, number: str) -> int | None:
        """The account of the wallet with this number; None if the bank has none."""
        return self._accounts.get(number)

    def deposit(self, account: int) -> int | None:
        """The deposit account of a wallet's holder."""
        return self._deposit_of.get(account)

    def is_deposit(self, account: int) -> bool:
        """Whether an account is a holder's deposit."""
        opening = self._openings.get(account)
        return opening is not None and opening.ledger == OWN_BOOKS

    def opened(self, line: Line) -> int:
        """Checks a record that opens a holder's account; returns its parent. Raises Wrong."""
        account = line.credit
        said = opening_of(line.ref)
        if said.flags:
            raise Wrong(_("an account of a holder is opened with flags"))
        if account not in self._openings:
            raise Wrong(_("table accounts does not say whose account it is"))
        opening = self._openings[account]
        if line.digest != opening.digest:
            raise Wrong(_("it was opened for another owner or purpose than table accounts says"))
        self._opened.add(account)
        recorded = (said.ledger, said.limit_set, line.debit)
        if recorded != (opening.ledger, opening.limit_set, opening.parent):
            raise Wrong(_("its order wants an account in other books, or with other limits"))
        return opening.parent

    def never_opened(self, journal: Journal, tip: Tip) -> None:
        """Names accounts in the table that no record has opened, not even since the replay."""
        unopened = self._openings.keys() - self._opened
        for entry, _rest in journal.rows(tip) if unopened else ():
            opens = entry.records["kind"] == Kind.OPEN
            unopened -= set(entry.records["credit"][opens].tolist())
        for account in sorted(unopened):
            self._problems.say(
                _("table accounts, row number={account}: it was never opened").format(
                    account=account
                )
            )

    def verify(
        self, where: str, key: bytes, kind: type[Message], payload: bytes, signature: bytes
    ) -> None:
        """Names an order whose signature is not by this key."""
        self._verifying.add(
            self._problems, where, key=key, kind=kind, payload=payload, signature=signature
        )

    def _read_account(
        self, row: Row[Any], where: str, classes: ClassChangesDone, subs: SubWalletWalk
    ) -> None:
        if row.account is None:
            raise Wrong(_("table accounts has no account of it"))
        if subs.is_one(row.id) and row.order_payload is None and row.purpose == WALLET:
            parent = self.account_of_row.get(subs.parent_row(row.id))
            sub = subs.read(row, parent)
            digest = opening_digest(sub.payload, WALLET)
            opening = _Opening(digest, CURRENCY, sub.limit_set, sub.parent)
            self._is_wallet(row, opening)
            return
        if row.order_payload is None:
            raise Wrong(_("table opening_orders has no order of it"))
        payload = bytes(row.order_payload)
        if row.purpose == DEPOSIT:
            asked = classes.deposit_order(row.id, payload, row.shown)
            digest = opening_digest(asked, DEPOSIT)
            self._openings[row.account] = _Opening(digest, OWN_BOOKS, 0)
            if row.id in self.account_of_row:
                self._deposit_of[self.account_of_row[row.id]] = row.account
        if row.purpose == WALLET:
            digest = opening_digest(payload, WALLET)
            order = read(orders_pb2.OpenWalletOrder, payload)
            self._is_wallet(row, _Opening(digest, CURRENCY, class_of(Proof(row.shown))))
            self._named.ordered(order.recovery_key, row.number, 0)
            self._check_opening(row, order, where, classes)

    def _is_wallet(self, row: Row[Any], opening: _Opening) -> None:
        """Takes a wallet, with what the record that opened it must say."""
        self._openings[row.account] = opening
        keys = self._keys.keys(row.number, bytes(row.public_key))
        self.of_account[row.account] = Holder(row.number, keys, self._keys.lists(row.number))
        self._accounts[row.number] = self.account_of_row[row.id] = row.account
        self.row_of_account[row.account] = row.id

    def _check_opening(
        self,
        row: Row[Any],
        order: orders_pb2.OpenWalletOrder,
        where: str,
        classes: ClassChangesDone,
    ) -> None:
        same("key", order.public_key.hex(), bytes(row.public_key).hex())
        same("holder", order.holder_digest.hex(), (row.holder_digest or b"").hex())
        classes.check_shown(row.id, row.number, row.shown, row.shown_now)
        same("bank", order.bank, self._name)
        self.verify(
            _("{where}: its opening").format(where=where),
            order.public_key,
            orders_pb2.OpenWalletOrder,
            bytes(row.order_payload),
            bytes(row.order_signature),
        )
