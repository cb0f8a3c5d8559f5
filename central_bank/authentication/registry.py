"""The banks that are admitted, and who may call what."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, select, update

from central_bank import accounts
from central_bank.limits import MAX_BANKS
from central_bank.tables import banks
from dcep.errors.v1 import errors_pb2
from runtime.checks import invalid, public_key, required, text
from runtime.clock import Clock
from runtime.database import Database
from runtime.errors import Refusal
from runtime.tls import Identity
from settlement.core import Batch
from settlement.ledger import Ledger
from settlement.records import RECORD, Kind

INSTITUTION = "central-bank"
"""The central bank's own name among institutions."""

_NAME = re.compile(r"[a-z][a-z0-9-]{1,15}")
_PREFIX = re.compile(r"[0-9]{4}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(r"[A-Za-z0-9.\-]{1,200}:[0-9]{1,5}")

Also = Callable[[Connection], object]


def nothing(_: Connection) -> None:
    """No further SQL."""


@dataclass(frozen=True)
class Bank:
    """An admitted bank. `index` numbers its accounts."""

    index: int
    name: str
    prefix: str
    certificate_fingerprint: str
    business_key: bytes
    inner_address: str
    suspended: bool
    offline_certificate: bytes


class Registry:
    """The banks, in SQL and in memory. The memory is what a call is judged by."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        # One change after another: an index is given once, and no change is lost.
        self._changing = threading.Lock()
        rows = database.read(lambda c: c.execute(select(banks)).all())
        self._by_name = {
            row.name: Bank(
                row.id,
                row.name,
                row.prefix,
                row.certificate_fingerprint,
                bytes(row.business_key),
                row.inner_address,
                bool(row.suspended),
                bytes(row.offline_certificate),
            )
            for row in rows
        }
        self._open_accounts([bank.index for bank in self._by_name.values()])

    def all(self) -> list[Bank]:
        """All banks, by index."""
        return sorted(self._by_name.values(), key=lambda bank: bank.index)

    def get(self, name: str, field: str = "bank") -> Bank:
        """The bank of that name, or BANK_UNKNOWN; FIELD_MISSING for no name at all."""
        required(name, field)
        bank = self._by_name.get(name)
        if bank is None:
            raise Refusal(errors_pb2.REASON_BANK_UNKNOWN, f"no bank {name!r}", field=field)
        return bank

    def admit(self, bank: Bank, also: Also = nothing) -> Bank:
        """Admits a bank, or finds it admitted already with the same particulars.

        Args:
            also: further SQL for the same transaction.
        """
        with self._changing:
            known = self._check_new(bank)
            if known is not None:
                self._database.transaction(lambda c: also(c))
                return known
            return self._admit(bank, also)

    def check_new(self, bank: Bank) -> None:
        """Refuses a bank that cannot be admitted."""
        self._check_new(bank)

    def _check_new(self, bank: Bank) -> Bank | None:
        """The bank, when it is admitted already with the same particulars."""
        _check(bank)
        known = self._by_name.get(bank.name)
        if known is not None:
            if replace(bank, index=known.index, suspended=known.suspended) == known:
                return known
            raise Refusal(
                errors_pb2.REASON_ALREADY_EXISTS,
                f"bank {bank.name!r} is admitted with other particulars",
                field="bank.name",
            )
        for other in self._by_name.values():
            if other.prefix == bank.prefix:
                raise _taken("bank.prefix", other)
            if other.certificate_fingerprint == bank.certificate_fingerprint:
                raise _taken("bank.certificate_fingerprint", other)
        if len(self._by_name) >= MAX_BANKS:
            raise Refusal(errors_pb2.REASON_OVERLOADED, f"there are {MAX_BANKS} banks already")
        return None

    def _admit(self, bank: Bank, also: Also) -> Bank:
        admitted = replace(bank, index=len(self._by_name), suspended=False)
        self._open_accounts([admitted.index])

        def body(connection: Connection) -> None:
            _insert(connection, admitted)
            also(connection)

        self._database.transaction(body)
        self._by_name = {**self._by_name, admitted.name: admitted}
        return admitted

    def set_suspended(self, name: str, suspended: bool, also: Also = nothing) -> Bank:
        """Suspends or reinstates; takes effect for the very next look at the bank.

        Args:
            also: further SQL for the same transaction.
        """
        statement = update(banks).where(banks.c.name == name).values(suspended=int(suspended))
        with self._changing:
            bank = replace(self.get(name, "name"), suspended=suspended)
            self._database.transaction(lambda c: (c.execute(statement), also(c)))
            self._by_name = {**self._by_name, name: bank}
        return bank

    def welcome(self, peer: Identity | None) -> Bank:
        """The admitted, unsuspended bank that calls.

        Raises:
            Refusal: ROLE_NOT_ALLOWED, BANK_NOT_ADMITTED, BANK_SUSPENDED.
        """
        if peer is None or peer.role != "bank":
            raise Refusal(errors_pb2.REASON_ROLE_NOT_ALLOWED, "only banks may call this")
        bank = self._by_name.get(peer.name)
        if bank is None or bank.certificate_fingerprint != peer.fingerprint:
            raise Refusal(
                errors_pb2.REASON_BANK_NOT_ADMITTED,
                f"bank {peer.name!r} is not admitted with this certificate",
            )
        if bank.suspended:
            raise Refusal(errors_pb2.REASON_BANK_SUSPENDED, f"bank {peer.name!r} is suspended")
        return bank

    def _open_accounts(self, indices: list[int]) -> None:
        for index in indices:
            numbers = [
                accounts.reserves(index),
                accounts.circulation(index),
                accounts.deposits(index),
                accounts.office(index),
                accounts.loss(index),
                accounts.restored(index),
            ]
            self._ledger.submit(Batch(opening(numbers, self._clock.now_ms())))


def opening(numbers: list[int], now_ms: int, flags: int = 0) -> NDArray[Any]:
    """OPEN records (len(numbers),) for accounts of the ledger; opening twice changes nothing."""
    records = np.zeros(len(numbers), RECORD)
    records["kind"] = Kind.OPEN
    records["credit"] = numbers
    records["spare"] = accounts.LEDGER << 8
    records["ref"] = flags
    records["time_ms"] = now_ms
    return records


def _insert(connection: Connection, bank: Bank) -> None:
    connection.execute(
        insert(banks).values(
            id=bank.index,
            name=bank.name,
            prefix=bank.prefix,
            certificate_fingerprint=bank.certificate_fingerprint,
            business_key=bank.business_key,
            inner_address=bank.inner_address,
            suspended=0,
            offline_certificate=bank.offline_certificate,
        )
    )


def _check(bank: Bank) -> None:
    text(bank.name, "bank.name", longest=16)
    if not _NAME.fullmatch(bank.name):
        raise invalid("bank.name", "has 2 to 16 lower-case letters, digits and hyphens")
    if bank.name == INSTITUTION:
        raise invalid("bank.name", "is not the central bank's own")
    if not _PREFIX.fullmatch(bank.prefix):
        raise invalid("bank.prefix", "has four digits")
    if not _FINGERPRINT.fullmatch(bank.certificate_fingerprint):
        raise invalid("bank.certificate_fingerprint", "is a SHA-256 in hexadecimal")
    public_key(bank.business_key, "bank.business_key")
    if not _ADDRESS.fullmatch(bank.inner_address):
        raise invalid("bank.inner_address", "looks like host:port")


def _taken(field: str, other: Bank) -> Refusal:
    return Refusal(
        errors_pb2.REASON_ALREADY_EXISTS, f"{field} belongs to bank {other.name!r}", field=field
    )
