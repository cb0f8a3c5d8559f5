"""The wallets of the bank: in SQL, and by number in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from dcep.bank.v1 import wallets_pb2
from dcep.errors.v1 import errors_pb2
from operator_bank.ledger import accounts
from operator_bank.ledger.overload import CoreOverloaded
from operator_bank.wallets.numbers import numbers_of
from operator_bank.wallets.tables import wallets
from runtime.checks import invalid
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.parts import parts
from settlement.core import Answers, Batch
from settlement.ledger import DISK_IS_SHORT, Ledger
from settlement.limits import MAX_ACCOUNTS
from settlement.records import (
    RECORD,
    AccountFlag,
    Kind,
    RecordFlag,
    Records,
    Result,
    record_digest,
)

CLASS_IV = wallets_pb2.WALLET_CLASS_IV

InTransaction = Callable[[Connection, int], None]


def nothing_else(_: Connection, __: int) -> None:
    """No further SQL."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet of this bank."""

    row_id: int
    number: str
    public_key: bytes
    wallet_class: int

    @property
    def account(self) -> int:
        """Its account in the currency's ledger."""
        return accounts.wallet(self.row_id)

    @property
    def deposit_account(self) -> int | None:
        """The holder's deposit account; None for a holder known by phone alone."""
        return accounts.deposit(self.row_id) if self.wallet_class != CLASS_IV else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wallet that somebody asked for who has its key.

    Attributes:
        digest: tells whether two that ask by the same key and id ask for the same.
    """

    request_id: str
    public_key: bytes
    wallet_class: int
    holder_name: str
    phone: str
    digest: bytes
    opened_time_ms: int
    order_payload: bytes
    order_signature: bytes

    @property
    def asked_by(self) -> tuple[str, bytes]:
        """What makes it the same request: another key's requests are nobody's business."""
        return self.request_id, self.public_key


class Directory:
    """Opens wallets and finds them."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        *,
        prefix: str,
        opening_deposit_fen: int,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._numbers = numbers_of(database, prefix)
        self._opening_deposit_fen = opening_deposit_fen
        # A request that comes twice at once is written down once.
        self._changing = threading.Lock()
        query = select(wallets).where(wallets.c.number.is_not(None))
        rows = database.read(lambda c: c.execute(query).all())
        self._by_number = {row.number: _wallet(row) for row in rows}
        self._numbers_by_row: dict[int, str] = {row.id: row.number for row in rows}

    def __len__(self) -> int:
        return len(self._by_number)

    def find(self, number: str) -> Wallet | None:
        """The wallet with this number, or None."""
        return self._by_number.get(number)

    def get(self, number: str, field: str = "wallet_number") -> Wallet:
        """The wallet with this number, or WALLET_UNKNOWN."""
        wallet = self._by_number.get(number)
        if wallet is None:
            raise Refusal(
                errors_pb2.REASON_WALLET_UNKNOWN, "no such wallet at this bank", field=field
            )
        return wallet

    def number_of(self, account: int) -> str:
        """The number for a wallet's account; "" for other accounts."""
        if not accounts.is_wallet(account):
            return ""
        return self._numbers_by_row.get(accounts.row_id(account), "")

    def open_many(self, wanted: Sequence[Wanted]) -> list[Wallet]:
        """Opens wallets; each repeats by its key and the id that it was asked for with."""
        asked = [one.asked_by for one in wanted]
        if len(set(asked)) != len(asked):
            raise invalid("request_id", "stands twice in one call")
        with self._changing:
            known = self._known(asked)
            fresh = [asdict(one) for one in wanted if one.asked_by not in known]
            if fresh:
                self._check_room(len(fresh))
                self._database.transaction(lambda c: c.execute(insert(wallets), fresh) and None)
                known.update(self._known([key for key in asked if key not in known]))
        for one in wanted:
            if bytes(known[one.asked_by].digest) != one.digest:
                raise Refusal(
                    errors_pb2.REASON_ID_REUSED,
                    "this key asked for another wallet with this request_id",
                    field="request_id",
                )
        self._finish([row for row in known.values() if row.number is None])
        opened = self._known(asked)
        made = [_wallet(opened[key]) for key in asked]
        self._numbers_by_row.update((wallet.row_id, wallet.number) for wallet in made)
        self._by_number.update((wallet.number, wallet) for wallet in made)
        return made

    def _check_room(self, count: int) -> None:
        """Refuses what there would be no accounts for, or no place on the disk."""
        if not self._ledger.has_room():
            raise CoreOverloaded(DISK_IS_SHORT)
        last = self._database.read(lambda c: c.execute(select(func.max(wallets.c.id))).scalar())
        if accounts.deposit((last or 0) + count) >= MAX_ACCOUNTS:
            raise _no_accounts_left()

    def set_frozen(
        self,
        number: str,
        frozen: bool,
        *,
        digest: int = 0,
        in_transaction: InTransaction = nothing_else,
    ) -> None:
        """Freezes or unfreezes a wallet.

        Args:
            digest: of what was signed for it, in the record.
            in_transaction: further SQL for the same transaction, given the record's position.
        """
        record = np.zeros(1, RECORD)
        record["kind"] = Kind.SET_FLAGS
        record["credit"] = self.get(number).account
        record["ref"] = AccountFlag.FROZEN if frozen else 0
        record["time_ms"] = self._clock.now_ms()
        record["digest"] = digest

        def with_position(connection: Connection, answers: Answers) -> None:
            in_transaction(connection, int(answers.positions[0]))

        self._ledger.submit(Batch(record, None, with_position, urgent=True))

    def _known(self, asked: Sequence[tuple[str, bytes]]) -> dict[tuple[str, bytes], Any]:
        """The rows of those that were asked for before."""
        wanted, found = set(asked), {}
        for part in parts([request for request, _ in asked]):
            query = select(wallets).where(wallets.c.request_id.in_(part))
            for row in _rows(self._database, query):
                key = (row.request_id, bytes(row.public_key))
                if key in wanted:
                    found[key] = row
        return found

    def _finish(self, rows: Sequence[Any]) -> None:
        """Opens the accounts and gives the numbers, in one transaction a batch of both."""
        for part in parts(rows):
            numbers = [{"row": r.id, "made": self._numbers.of(r.id)} for r in part]
            self._ledger.submit(Batch(self._opening(part), None, _numbering(numbers)))

    def _opening(self, rows: Sequence[Any]) -> Records:
        """OPEN records for wallets and deposit accounts, and the opening deposits."""
        records: list[Records] = []
        for row in rows:
            opened = _open(accounts.wallet(row.id), accounts.CURRENCY, row.wallet_class)
            # So that the order, and with it the wallet's key, cannot be exchanged later.
            opened["digest"] = record_digest(bytes(row.order_payload))
            records.append(opened)
            if row.wallet_class == CLASS_IV:
                continue
            account = accounts.deposit(row.id)
            records.append(_open(account, accounts.OWN_BOOKS, 0))
            if self._opening_deposit_fen:
                paid = np.zeros(1, RECORD)
                paid["kind"] = Kind.TRANSFER
                paid["origin"], paid["sequence"] = account, 1
                paid["debit"], paid["credit"] = accounts.CONTROL, account
                paid["amount_fen"] = self._opening_deposit_fen
                paid["flags"] = RecordFlag.NO_LIMIT
                records.append(paid)
        joined = np.concatenate(records)
        joined["time_ms"] = self._clock.now_ms()
        return joined


def _numbering(numbers: list[dict[str, Any]]) -> Callable[[Connection, Answers], None]:
    statement = (
        update(wallets).where(wallets.c.id == bindparam("row")).values(number=bindparam("made"))
    )

    def in_transaction(connection: Connection, answers: Answers) -> None:
        if (answers.results >= Result.MALFORMED).any():
            # Then none of these is opened, and none gets a number.
            raise _no_accounts_left()
        connection.execute(statement, numbers)

    return in_transaction


def _no_accounts_left() -> Refusal:
    return Refusal(errors_pb2.REASON_OVERLOADED, "this bank has as many wallets as it can keep")


def _rows(database: Database, query: Select[Any]) -> Sequence[Row[Any]]:
    return database.read(lambda c: c.execute(query).all())


def _open(account: int, ledger: int, policy: int) -> Records:
    record = np.zeros(1, RECORD)
    record["kind"] = Kind.OPEN
    record["credit"] = account
    record["spare"] = policy | ledger << 8
    return record


def _wallet(row: Any) -> Wallet:
    return Wallet(row.id, row.number, bytes(row.public_key), row.wallet_class)
