"""Opens and finds the bank's wallets, in SQL and by number in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from dcep.bank.v1 import signers_pb2, wallets_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.context import Context
from operator_bank.customers.customers import Admission, Customers, OpeningOrder
from operator_bank.customers.person import Person
from operator_bank.customers.proving import Claim, Proving, class_for
from operator_bank.customers.tables import opening_orders
from operator_bank.keys.named import RecoveryKeys, name_key
from operator_bank.keys.tables import key_replacements, recovery_keys
from operator_bank.ledger import accounts as accounts_
from operator_bank.ledger.accounts import FIRST_OF_WALLETS, Purpose
from operator_bank.ledger.overload import CoreOverloaded
from operator_bank.ledger.reasons import refusal_of
from operator_bank.ledger.records import opening_balance
from operator_bank.ledger.tables import accounts
from operator_bank.signers.tables import signer_lists
from operator_bank.wallets.classes import Policy
from operator_bank.wallets.counts import WalletCounts
from operator_bank.wallets.known import KnownWallets
from operator_bank.wallets.known import Wallet as Wallet
from operator_bank.wallets.numbers import drawn
from operator_bank.wallets.signers import following
from operator_bank.wallets.tables import wallets
from runtime.checks import invalid
from runtime.chunks import chunks
from runtime.errors import Refusal
from settlement import builders
from settlement.accounts import opening_digest
from settlement.builders import opening, records_of, setting_flags, setting_limit_set
from settlement.core import Answers, Batch, CoreStopped
from settlement.ledger import DISK_IS_SHORT
from settlement.limits import MAX_ACCOUNTS
from settlement.records import (
    AccountFlag,
    Records,
    Result,
    record_digest,
)

CLASS_II = wallets_pb2.WALLET_CLASS_II

AskedBy = tuple[str, bytes]
"""A request's id, and the key that signed it."""

Values = dict[str, object]
InTransaction = Callable[[Connection, int], None]


_OWN, _DEPOSIT = accounts.alias(), accounts.alias()
_NAMED = (
    select(recovery_keys.c.recovery_key)
    .where(recovery_keys.c.number == wallets.c.number, recovery_keys.c.key_number == 0)
    .scalar_subquery()
)
_OPENED = (wallets.c.request_id, opening_orders.c.digest, _NAMED.label("recovery_key"))
_WALLETS = (
    select(
        *(wallets.c.id, wallets.c.number, wallets.c.public_key, wallets.c.wallet_class),
        *(_OWN.c.number.label("account"), _DEPOSIT.c.number.label("deposit")),
    )
    .join(_OWN, (_OWN.c.owner == wallets.c.id) & (_OWN.c.purpose == Purpose.WALLET))
    .outerjoin(
        _DEPOSIT, (_DEPOSIT.c.owner == wallets.c.id) & (_DEPOSIT.c.purpose == Purpose.DEPOSIT)
    )
)

_REPLACED = select(
    key_replacements.c.number, key_replacements.c.public_key, key_replacements.c.key_number
).where(key_replacements.c.key_number > 0)
_LISTED = select(signer_lists.c.number, signer_lists.c.payload, signer_lists.c.key_number)
"""The keys and the lists that have replaced a wallet's first key."""


def nothing_else(_: Connection, __: int) -> None:
    """Adds no further SQL."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wallet that the holder of its key asked for."""

    request_id: str
    public_key: bytes
    claim: Claim
    order: OpeningOrder
    opened_time_ms: int
    recovery_key: bytes = b""

    @property
    def asked_by(self) -> AskedBy:
        """What identifies the request; another key may use the same id."""
        return self.request_id, self.public_key


class Admitted(NamedTuple):
    """A wallet that was asked for, and its holder with what they have shown."""

    wanted: Wanted
    holder: Person

    @property
    def wallet_class(self) -> int:
        """The class, by what the holder has shown."""
        return class_for(self.holder)

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What the wallet gets accounts for: a deposit account with class II or better."""
        banked = self.wallet_class <= CLASS_II
        return (Purpose.WALLET, Purpose.DEPOSIT) if banked else (Purpose.WALLET,)


class Directory:
    """The directory of wallets."""

    def __init__(
        self,
        context: Context,
        customers: Customers,
        proving: Proving,
        policy: Policy,
        *,
        opening_deposit_fen: int,
    ) -> None:
        self._proving = proving
        self._counts = WalletCounts(context, customers, policy)
        self._named = RecoveryKeys(context)
        self._database = context.database
        self._ledger = context.ledger
        self._clock = context.clock
        self._customers = customers
        self._prefix = context.prefix
        self._opening_deposit_fen = opening_deposit_fen
        self._known = KnownWallets()
        for row in self._rows(_WALLETS):
            self._known.add(_wallet(row))
        self._replace_all()
        last = select(func.max(accounts.c.owner), func.max(accounts.c.number))
        owner, number = context.database.read(lambda c: c.execute(last).one())
        self._changing = threading.Condition()
        self._next_row = (owner or 0) + 1
        self._next_account = max((number or 0) + 1, FIRST_OF_WALLETS)
        self._free_accounts: list[int] = []
        """Numbers below the next one that were not used because an opening failed."""
        self._in_work: set[AskedBy | bytes | str] = set()
        self._taken: set[str] = set()
        """Numbers of wallets that are being opened."""

    def _replace_all(self) -> None:
        """Puts every key and list in force that has replaced another one, in their order."""
        rows = [*self._rows(_REPLACED), *self._rows(_LISTED)]
        for row in sorted(rows, key=lambda row: int(row.key_number)):
            if "public_key" in row._fields:
                self.replace_key(row.number, bytes(row.public_key), row.key_number)
            else:
                order = signers_pb2.SignersOrder.FromString(bytes(row.payload))
                self.set_signers(row.number, order, row.key_number)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, number: str) -> Wallet | None:
        """The wallet with this number, or None."""
        return self._known.find(number)

    def get(self, number: str, field: str = "wallet_number") -> Wallet:
        """The wallet with this number. Raises Refusal: WALLET_UNKNOWN."""
        wallet = self._known.find(number)
        if wallet is None:
            raise Refusal(
                errors_pb2.REASON_WALLET_UNKNOWN, "no such wallet at this bank", field=field
            )
        return wallet

    def account(self, number: str) -> int:
        """The account of the wallet with this number; NOBODY if there is none."""
        return self._known.account(number)

    def number_of(self, account: int) -> str:
        """The number of the wallet that an account belongs to; "" for any other account."""
        return self._known.number_of(account)

    def replace_key(self, number: str, key: bytes, key_number: int) -> None:
        """Verifies what a wallet signs by another key from now on.

        Args:
            number: the wallet's.
            key: the key that the journal has put in force.
            key_number: which of the wallet's keys it is.
        """
        self._known.replace_key(number, key, key_number)

    def signing(self, key_id: str) -> Wallet | None:
        """The wallet with the key that an envelope names; None if there is none."""
        return self._known.signing(key_id)

    def set_signers(self, number: str, order: signers_pb2.SignersOrder, list_number: int) -> None:
        """Takes what a wallet's signers sign from now on.

        Args:
            number: the wallet's.
            order: the list that the journal has put in force.
            list_number: which of the wallet's keys and lists it is.
        """
        now = self.get(number)
        made = following(list_number, now.signers, now.public_key, now.key_number, order)
        self._known.set_signers(number, made, list_number)

    def open_many(self, wanted: Sequence[Wanted]) -> list[Wallet]:
        """Opens wallets, all or none. A request that repeats, by key and id, gets its first wallet.

        Raises:
            Refusal: FIELD_INVALID, ID_REUSED, PHONE_NOT_CONFIRMED, IDENTITY_NOT_CONFIRMED,
                TOO_MANY_WALLETS or OVERLOADED; BANK_CANNOT_NOW while the bank has not heard which
                limits wallets have.
        """
        asked = [one.asked_by for one in wanted]
        if len(set(asked)) != len(asked):
            raise invalid("request_id", "stands twice in one call")
        recovered = [one.recovery_key for one in wanted if one.recovery_key]
        with self.one_at_a_time(
            [*asked, *recovered, *self._counts.keys_of(one.claim.person for one in wanted)]
        ):
            known = self._opened(asked)
            for one in wanted:
                if one.asked_by in known and not _same(one, known[one.asked_by]):
                    raise Refusal(
                        errors_pb2.REASON_ID_REUSED,
                        "this key asked for another wallet with this request_id",
                        field="request_id",
                    )
            opened = {key: _wallet(row) for key, row in known.items()}
            # A repeated order is not proved again: its code has ended long ago.
            fresh = [
                Admitted(one, self._proving.prove(one.claim))
                for one in wanted
                if one.asked_by not in known
            ]
            if fresh:
                named = [one.wanted.recovery_key for one in fresh]
                self._named.check_all_new([*filter(None, named)])
                self._counts.check([one.holder for one in fresh])
                self._check_room(fresh)
            for chunk in chunks(fresh):
                opened.update(self._open(chunk))
        return [opened[key] for key in asked]

    @contextmanager
    def one_at_a_time(self, asked: Sequence[AskedBy | bytes | str]) -> Iterator[None]:
        """Makes a call wait while another works on one of the same: wallets that are asked for, by
        their requests; telephone numbers and documents, by what they are found by; wallets that
        change, by their numbers, and their keys, by `key_of_wallet`.
        """
        mine = set(asked)
        with self._changing:
            self._changing.wait_for(lambda: self._in_work.isdisjoint(mine))
            self._in_work |= mine
        try:
            yield
        finally:
            with self._changing:
                self._in_work -= mine
                self._changing.notify_all()

    def _check_room(self, fresh: Sequence[Admitted]) -> None:
        """Raises Refusal if there are not enough accounts, or the disk is too full."""
        self._check_accounts(sum(len(one.purposes) for one in fresh))

    def _check_accounts(self, count: int) -> None:
        if not self._ledger.has_room():
            raise CoreOverloaded(DISK_IS_SHORT)
        with self._changing:
            left = MAX_ACCOUNTS - self._next_account + len(self._free_accounts)
        if count > left:
            raise _no_accounts_left()

    def set_class(
        self,
        wallet: Wallet,
        wallet_class: int,
        payload: bytes,
        in_transaction: InTransaction,
    ) -> Wallet:
        """Gives a wallet another class, and a deposit account if the class has one and the wallet
        has none. No money moves.

        Args:
            wallet: as it is now; nobody else may change it meanwhile (`one_at_a_time`).
            wallet_class: the new class.
            payload: what was signed for it.
            in_transaction: further SQL for the same transaction, given the record's position.

        Raises:
            Refusal: OVERLOADED, there are no accounts left.
        """
        now_ms, deposit = self._clock.now_ms(), wallet.deposit_account
        row = setting_limit_set(
            wallet.account, wallet_class, time_ms=now_ms, digest=record_digest(payload)
        )
        rows, owned = [row], []
        if deposit is None and wallet_class <= CLASS_II:
            self._check_accounts(1)
            with self._changing:
                deposit = self._next_number()
            rows += self._deposit_rows(deposit, payload, now_ms)
            owned = [{"number": deposit, "owner": wallet.row_id, "purpose": Purpose.DEPOSIT}]
        of_wallet = update(wallets).where(wallets.c.id == wallet.row_id)

        def with_rows(connection: Connection, answers: Answers) -> None:
            if (answers.results >= Result.MALFORMED).any():
                raise _no_accounts_left()
            in_transaction(connection, int(answers.positions[0]))
            connection.execute(of_wallet.values(wallet_class=wallet_class))
            if owned:
                connection.execute(insert(accounts), owned)

        try:
            self._ledger.submit(Batch(records_of(rows), None, with_rows))
        except CoreStopped:
            raise
        except Exception:
            with self._changing:
                self._free_accounts += [row["number"] for row in owned]
            raise
        with self._changing:
            self._known.change(wallet.number, wallet_class, deposit)
        return self.get(wallet.number)

    def set_frozen(
        self,
        number: str,
        frozen: bool,
        *,
        along: Sequence[int] = (),
        digest: int = 0,
        in_transaction: InTransaction = nothing_else,
    ) -> None:
        """Freezes or unfreezes a wallet.

        Args:
            number: the wallet's.
            frozen: whether it is to be frozen.
            along: further accounts, of its sub-wallets, with which the same is done.
            digest: of what officers signed for it, for the record.
            in_transaction: further SQL for the same transaction, given the record's position; not
                called if the rule refuses.

        Raises:
            Refusal: there is no such wallet, or why the rule refuses.
        """
        flags, now_ms = AccountFlag.FROZEN if frozen else 0, self._clock.now_ms()
        frozen_now = [
            setting_flags(account, flags, time_ms=now_ms, digest=digest)
            for account in (self.get(number).account, *along)
        ]

        def with_position(connection: Connection, answers: Answers) -> None:
            if answers.result(0).accepted:
                in_transaction(connection, int(answers.positions[0]))

        batch = Batch(records_of(frozen_now), None, with_position, urgent=True)
        result = self._ledger.submit(batch).result(0)
        if not result.accepted:
            raise refusal_of(result)

    def _opened(self, asked: Sequence[AskedBy]) -> dict[AskedBy, Row[Any]]:
        """The rows of those requests whose wallets were opened before."""
        wanted, found = set(asked), {}
        for chunk in chunks([request for request, _ in asked]):
            query = _WALLETS.add_columns(*_OPENED).where(wallets.c.request_id.in_(chunk))
            query = query.join(opening_orders, opening_orders.c.wallet == wallets.c.id)
            for row in self._rows(query):
                key = (row.request_id, bytes(row.public_key))
                if key in wanted:
                    found[key] = row
        return found

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return self._database.read(lambda c: c.execute(query).all())

    def _open(self, admitted: Sequence[Admitted]) -> dict[AskedBy, Wallet]:
        """Opens wallets: their rows, accounts and first records in one transaction."""
        made = self._allocate(admitted)
        pairs = list(zip(made, admitted, strict=True))
        ids = self._customers.ids(len(pairs))
        rows = [_row(*pair, customer) for pair, customer in zip(pairs, ids, strict=True)]
        people = [
            Admission(customer, wallet.row_id, one.holder, one.wanted.order)
            for customer, (wallet, one) in zip(ids, pairs, strict=True)
        ]
        now_ms = self._clock.now_ms()

        def in_transaction(connection: Connection, answers: Answers) -> None:
            if (answers.results >= Result.MALFORMED).any():
                raise _no_accounts_left()
            self._customers.write(connection, people, now_ms)
            connection.execute(insert(wallets), rows)
            for wallet, one in pairs:
                if one.wanted.recovery_key:
                    name_key(connection, one.wanted.recovery_key, wallet.number, 0, now_ms)

        self.write(made, self._records(pairs), in_transaction)
        return {one.wanted.asked_by: wallet for wallet, one in pairs}

    def allocate(self, public_key: bytes, wallet_class: int, purposes: Sequence[Purpose]) -> Wallet:
        """A new wallet, not written yet, with an id, a number and accounts that no other has or
        had. Raises Refusal: OVERLOADED, if there are no accounts left.
        """
        self._check_accounts(len(purposes))
        with self._changing:
            return self._allocated(public_key, wallet_class, purposes)

    def write(
        self,
        made: Sequence[Wallet],
        records: Records,
        in_transaction: Callable[[Connection, Answers], None],
    ) -> None:
        """Submits the records that open wallets, with their rows, and knows them from then on.

        Args:
            made: by `allocate`, their numbers are free again if it fails.
            records: what is submitted.
            in_transaction: the SQL of their rows; whatever it raises undoes the records.
        """
        owned = [row for wallet in made for row in _owned(wallet)]

        def with_accounts(connection: Connection, answers: Answers) -> None:
            in_transaction(connection, answers)
            connection.execute(insert(accounts), owned)

        try:
            self._ledger.submit(Batch(records, None, with_accounts))
        except CoreStopped:
            raise  # it may have been written, so the numbers are not free
        except Exception:
            with self._changing:
                self._free_accounts += [row["number"] for row in owned]
                self._taken.difference_update(wallet.number for wallet in made)
            raise
        with self._changing:
            for wallet in made:
                self._known.add(wallet)
                self._taken.remove(wallet.number)

    def _allocate(self, admitted: Sequence[Admitted]) -> list[Wallet]:
        """Gives each an id, and accounts that no other wallet has or had."""
        with self._changing:
            return [
                self._allocated(one.wanted.public_key, one.wallet_class, one.purposes)
                for one in admitted
            ]

    def _allocated(
        self, public_key: bytes, wallet_class: int, purposes: Sequence[Purpose]
    ) -> Wallet:
        own = {purpose: self._next_number() for purpose in purposes}
        self._next_row += 1
        return Wallet(
            self._next_row - 1,
            self._next_wallet_number(),
            public_key,
            wallet_class,
            own[Purpose.WALLET],
            own.get(Purpose.DEPOSIT),
        )

    def _next_wallet_number(self) -> str:
        number = drawn(self._prefix)
        while number in self._taken or self._known.find(number) is not None:
            number = drawn(self._prefix)
        self._taken.add(number)
        return number

    def _next_number(self) -> int:
        if self._free_accounts:
            return self._free_accounts.pop()
        self._next_account += 1
        return self._next_account - 1

    def _records(self, pairs: Sequence[tuple[Wallet, Admitted]]) -> Records:
        """The OPEN records of wallets and deposit accounts, and the opening deposits."""
        records: list[builders.Row] = []
        now_ms = self._clock.now_ms()
        for wallet, one in pairs:
            opened = opening(
                wallet.account,
                ledger=accounts_.CURRENCY,
                limit_set=one.wallet_class,
                time_ms=now_ms,
                # The digest covers the order, and so the wallet's key: nobody can exchange it
                # later.
                digest=opening_digest(one.wanted.order.payload, Purpose.WALLET),
            )
            records.append(opened)
            account = wallet.deposit_account
            if account is None:
                continue
            records += self._deposit_rows(account, one.wanted.order.payload, now_ms)
        return records_of(records)

    def _deposit_rows(self, account: int, payload: bytes, now_ms: int) -> list[builders.Row]:
        """The records that open a deposit account, by the order that was signed for it."""
        opened = opening(
            account,
            ledger=accounts_.OWN_BOOKS,
            time_ms=now_ms,
            digest=opening_digest(payload, Purpose.DEPOSIT),
        )
        if not self._opening_deposit_fen:
            return [opened]
        return [opened, opening_balance(account, self._opening_deposit_fen, now_ms)]


def _no_accounts_left() -> Refusal:
    return Refusal(errors_pb2.REASON_OVERLOADED, "this bank has as many wallets as it can keep")


def _same(wanted: Wanted, row: Row[Any]) -> bool:
    """Whether a request asks for what was opened by it before."""
    named = bytes(row.recovery_key or b"")
    return (bytes(row.digest), named) == (wanted.order.digest, wanted.recovery_key)


def _row(wallet: Wallet, admitted: Admitted, customer: int) -> Values:
    wanted = admitted.wanted
    return {
        "id": wallet.row_id,
        "number": wallet.number,
        "public_key": wanted.public_key,
        "wallet_class": wallet.wallet_class,
        "customer": customer,
        "request_id": wanted.request_id,
        "opened_time_ms": wanted.opened_time_ms,
    }


def _owned(wallet: Wallet) -> list[dict[str, int]]:
    own = {Purpose.WALLET: wallet.account, Purpose.DEPOSIT: wallet.deposit_account}
    return [
        {"number": number, "owner": wallet.row_id, "purpose": purpose}
        for purpose, number in own.items()
        if number is not None
    ]


def _wallet(row: Row[Any]) -> Wallet:
    return Wallet(
        row.id, row.number, bytes(row.public_key), row.wallet_class, row.account, row.deposit
    )
